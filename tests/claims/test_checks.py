"""The checks find what would make the ledger untrue, each in a small checkout made for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pycore.claims import Claim, chapter_pages, check, load, outline
from pycore.claims.claim import Evidence
from pycore.claims.sources import glue_keys, names_of_tests, read_page
from pycore.errors import InputError

ROOT = Path(__file__).parents[2]
TEST = "tests/test_world.py"
NOTEBOOK = "notebooks/lab.ipynb"

FOUND = Claim(
    id="C-D1-001",
    document="D1",
    section="D1.1",
    kind="causal",
    statement="Rain makes wet.",
    status="emergent",
    verdict="It does.",
    symbols=("rain",),
    page="book/d1/one.md#d1-1",
    evidence=(
        Evidence("test", TEST, "test_rain_makes_wet"),
        Evidence("notebook", NOTEBOOK, "wetness"),
        Evidence("figure", "book/d1/one.md", "rain-figure"),
        Evidence("fact", "", "tan2016_failures_direction"),
    ),
    cause=("rain",),
    effect=("wetness",),
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose only chapter is Document 1, with one page for all its sections."""
    page = tmp_path / "book" / "d1" / "one.md"
    page.parent.mkdir(parents=True)
    lines = [
        "Rain, {claim}`C-D1-001`, falls.",
        "",
        ":::{figure} rain.svg",
        ":name: rain-figure",
        ":::",
    ]
    for section in outline("D1"):
        lines += ["", f"({section.anchor})=", f"## {section.english}", "", str(section.original)]
    page.write_text("\n".join(lines), encoding="utf-8")
    test = tmp_path / TEST
    test.parent.mkdir()
    test.write_text("def test_rain_makes_wet() -> None: ...\n", encoding="utf-8")
    notebook = tmp_path / NOTEBOOK
    notebook.parent.mkdir()
    cell = {"cell_type": "code", "source": ["%matplotlib inline\n", "glue('wetness', 1)\n"]}
    notebook.write_text(json.dumps({"cells": [cell]}), encoding="utf-8")
    return tmp_path


def chapter_of_document_1(document: str) -> dict[str, str]:
    return {"D1.1": "book/d1/one.md"} if document == "D1" else {}


Messages = Callable[..., list[str]]


@pytest.fixture
def messages(checkout: Path) -> Messages:
    def run(*ledger: Claim) -> list[str]:
        problems = check(
            checkout / "book", claims=ledger or (FOUND,), chapters=chapter_of_document_1
        )
        return [str(problem) for problem in problems]

    return run


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    for cached in (read_page, names_of_tests, glue_keys):
        cached.cache_clear()


def test_a_true_ledger_has_no_problem(messages: Messages) -> None:
    assert messages() == []


def test_a_claim_without_a_page_is_found(messages: Messages) -> None:
    assert "C-D1-001: has no page" in messages(replace(FOUND, page=None))
    assert "C-D1-001: page book/d1/two.md does not exist" in messages(
        replace(FOUND, page="book/d1/two.md#d1-1")
    )
    assert "C-D1-001: page book/d1/one.md has no anchor d1-99" in messages(
        replace(FOUND, page="book/d1/one.md#d1-99")
    )


def test_a_claim_its_page_does_not_show_is_found(messages: Messages, checkout: Path) -> None:
    page = checkout / "book/d1/one.md"
    edit(page, "{claim}`C-D1-001`", "a claim")
    assert messages() == ["C-D1-001: page book/d1/one.md neither marks it nor lists D1.1's claims"]
    edit(page, "a claim", "\n```{claims}\n:section: D1.1\n```\n")
    assert messages() == []


def test_a_page_that_cites_an_unknown_claim_is_found(messages: Messages, checkout: Path) -> None:
    (checkout / "book" / "other.md").write_text("See {claim}`C-D1-999`.", encoding="utf-8")
    assert messages() == ["book/other.md: cites the unknown claim C-D1-999"]


def test_a_quoted_sample_cites_nothing(messages: Messages, checkout: Path) -> None:
    sample = "````md\nWrite {claim}`C-D1-999`.\n```{note}\n```\n````\n"
    (checkout / "book" / "other.md").write_text(sample, encoding="utf-8")
    assert messages() == []


@pytest.mark.parametrize("status", ["emergent", "estimated", "checked"])
def test_a_finding_without_evidence_that_runs_is_found(messages: Messages, status: str) -> None:
    fact = Evidence("fact", "", "tan2016_failures_direction")
    found = messages(replace(FOUND, status=status, evidence=(fact,)))
    assert f"C-D1-001: is {status} without evidence that runs" in found


def test_an_emergent_claim_needs_a_test_and_a_checked_one_a_figure(messages: Messages) -> None:
    notebook = Evidence("notebook", NOTEBOOK, "wetness")
    assert messages(replace(FOUND, evidence=(notebook,))) == [
        "C-D1-001: is emergent but names no test that shows it"
    ]
    assert messages(replace(FOUND, status="checked", evidence=(notebook,))) == [
        "C-D1-001: is checked but names no published figure"
    ]


@pytest.mark.parametrize(
    ("evidence", "message"),
    [
        (Evidence("test", TEST, "test_snow"), "no such test"),
        (Evidence("test", "tests/none.py", "test_rain_makes_wet"), "no such test"),
        (Evidence("test", "book/x.py", "test_rain_makes_wet"), "is not below tests/"),
        (Evidence("notebook", NOTEBOOK, "dryness"), "no such glue key"),
        (Evidence("figure", "book/d1/one.md", "snow-figure"), "no such figure label"),
        (Evidence("table", "book/d1/none.md", "x"), "no such page"),
        (Evidence("fact", "", "made_up"), "no such fact in the store"),
        (Evidence("fact", "", "bhattacherjee2001"), "the fact is marked memory_low"),
        (Evidence("fact", "", "peng2024_numbers"), "the fact is marked NOT_FOUND"),
    ],
)
def test_evidence_that_does_not_exist_is_found(
    messages: Messages, evidence: Evidence, message: str
) -> None:
    found = messages(replace(FOUND, evidence=(*FOUND.evidence, evidence)))
    assert found == [f"C-D1-001: evidence {evidence}: {message}"]


def test_a_premise_is_never_evidenced_by_simulation_only(messages: Messages) -> None:
    simulated = replace(FOUND, status="premise", evidence=FOUND.evidence[:2])
    assert messages(simulated) == ["C-D1-001: is a premise evidenced by simulation only"]
    assert messages(replace(simulated, evidence=())) == []
    assert messages(replace(simulated, evidence=(), symbols=())) == [
        "C-D1-001: is a premise but names no symbol it is built into"
    ]


def test_what_was_put_in_cannot_be_reported_as_found(messages: Messages, checkout: Path) -> None:
    premise = replace(FOUND, id="C-D1-002", status="premise", evidence=())
    edit(checkout / "book/d1/one.md", "falls.", "falls {claim}`C-D1-002`.")
    assert messages(FOUND, premise) == ["C-D1-001: is emergent but repeats the premise C-D1-002"]
    assert messages(FOUND, replace(premise, effect=("mud",))) == []


def test_pending_is_allowed_only_without_a_chapter(messages: Messages) -> None:
    waiting = replace(FOUND, status="pending", verdict="", page=None, evidence=())
    assert messages(waiting)[0] == "C-D1-001: is pending although D1 has a chapter"
    elsewhere = replace(waiting, id="C-D2-001", document="D2", section="D2.0")
    assert messages(FOUND, elsewhere) == []


def test_an_unknown_status_and_a_missing_verdict_are_found(messages: Messages) -> None:
    assert messages(replace(FOUND, status="plausible"))[0].startswith(
        "C-D1-001: status 'plausible' is none of premise, emergent"
    )
    assert messages(replace(FOUND, verdict="")) == ["C-D1-001: has no verdict"]


def test_a_section_without_its_heading_is_found(messages: Messages, checkout: Path) -> None:
    page = checkout / "book/d1/one.md"
    edit(page, "(d1-4-2)=\n## ", "(d1-4-2)=\n")
    assert messages() == ["D1.4.2: expected exactly one (d1-4-2)= above a heading, found 0"]


def test_a_section_headed_twice_is_found(messages: Messages, checkout: Path) -> None:
    other = checkout / "book/d1/two.md"
    other.write_text("(d1-4-2)=\n# Again\n", encoding="utf-8")
    assert messages() == ["D1.4.2: expected exactly one (d1-4-2)= above a heading, found 2"]


def test_a_page_without_the_original_title_is_found(messages: Messages, checkout: Path) -> None:
    page = checkout / "book/d1/one.md"
    edit(page, "4. Entertainment Value", "")
    found = messages()
    assert found == ["D1.4.4: its page does not print the original title '4. Entertainment Value'"]
    edit(page, "Rain, ", "```{original-title} D1.4.4\n```\nRain, ")
    assert messages() == []


def test_the_folder_must_exist() -> None:
    with pytest.raises(InputError, match="pages_dir: received 'nowhere'"):
        check("nowhere")


def test_the_ledger_the_book_and_the_evidence_agree() -> None:
    problems = check(ROOT / "book")
    assert [str(problem) for problem in problems] == []


def test_the_check_covers_the_whole_ledger() -> None:
    # Without a single page every claim of a document with a chapter is a problem.
    empty = ROOT / "pycore" / "claims" / "data"
    problems = {problem.where for problem in check(empty, root=ROOT)}
    reported = {claim.id for name in ("D0",) if chapter_pages(name) for claim in load(name)}
    assert reported <= problems
