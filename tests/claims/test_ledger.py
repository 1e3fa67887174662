"""The ledger holds every claim once and says honestly what is known of each."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from pycore import claims
from pycore.claims.claim import Evidence
from pycore.errors import InputError

# What the documents contain, counted when they were read.
COUNTS = {"D0": 64, "D1": 55, "D2": 131, "D3": 184, "D4": 343}
WITH_A_CHAPTER = [name for name in COUNTS if claims.chapter_pages(name)]


def test_every_claim_of_every_document_stands_in_the_ledger_once() -> None:
    ledger = claims.load()
    assert Counter(claim.document for claim in ledger) == COUNTS
    assert len({claim.id for claim in ledger}) == len(ledger) == 777
    for name, count in COUNTS.items():
        numbers = [claim.id for claim in claims.load(name)]
        assert numbers == [f"C-{name}-{number:03d}" for number in range(1, count + 1)]


def test_every_claim_stands_in_a_section_of_its_document() -> None:
    for claim in claims.load():
        assert claims.section(claim.section).document == claim.document
        assert set(claim.see_also) <= {other.id for other in claims.load()}


def test_the_outline_has_every_section_once_and_parents_first() -> None:
    names = [section.id for section in claims.outline()]
    assert len(names) == len(set(names)) == 570
    for name in names:
        parent = name.rpartition(".")[0]
        # D3.2.2.1 and its like have numbered items under a heading the source leaves out.
        if parent.count(".") == 1:
            assert parent in names
            assert names.index(parent) < names.index(name)


def test_only_documents_without_a_chapter_have_pending_claims() -> None:
    for claim in claims.load():
        has_chapter = bool(claims.chapter_pages(claim.document))
        assert (claim.status == "pending") != has_chapter
        assert (claim.page is None) != has_chapter


@pytest.mark.parametrize("document", WITH_A_CHAPTER)
def test_every_claim_of_a_document_with_a_chapter_has_a_verdict_of_one_sentence(
    document: str,
) -> None:
    for claim in claims.load(document):
        assert claim.status in claims.STATUSES
        assert claim.verdict.endswith(".")
        assert "{" not in claim.verdict
        # One sentence: the only full stop followed by a space is the one of "et al.".
        assert ". " not in claim.verdict.replace("et al. ", ""), claim.id


@pytest.mark.parametrize("document", WITH_A_CHAPTER)
def test_a_synthetic_estimate_says_that_it_is_synthetic(document: str) -> None:
    for claim in claims.load(document):
        if claim.status != "estimated":
            continue
        real = any(item.name.startswith(("gao2023", "zhang2017")) for item in claim.evidence)
        assert ("synthetic answers only" in claim.verdict) != real, claim.id
        assert ("real data" in claim.verdict) == real or "same real data" in claim.verdict


def test_records_are_plain_json() -> None:
    records = json.loads(json.dumps(claims.as_records()))
    assert len(records) == 777
    assert set(records[0]) == {"id", "document", "section", "status", "page", "evidence"}
    assert records[21]["page"] == "book/d0/theory.md#d0-3-1"
    assert records[-1]["page"] is None
    assert claims.as_records("D1") == claims.as_records()[64:119]


def test_the_summary_counts_every_claim() -> None:
    counts = claims.summary()
    assert {name: int(counts[name].sum()) for name in COUNTS} == COUNTS
    assert list(counts.index) == list(claims.STATUSES)
    assert (counts["all"] == counts[list(COUNTS)].sum(axis=1)).all()
    assert claims.as_markdown().count("\n") == len(claims.STATUSES) + 1


def test_evidence_survives_a_round_trip() -> None:
    for claim in claims.load():
        for item in claim.evidence:
            assert Evidence.parse(str(item)) == item


@pytest.mark.parametrize(
    "text", ["rumour:x", "test:tests/a.py", "figure:page", "notebook:a.ipynb::", "nothing"]
)
def test_evidence_without_a_form_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"evidence: received .* allowed is"):
        Evidence.parse(text)


def test_unknown_names_are_refused_with_what_is_allowed() -> None:
    with pytest.raises(InputError, match="document: received 'D9'"):
        claims.load("D9")
    with pytest.raises(InputError, match="did you mean 'C-D0-064'"):
        claims.get("C-D0-0644")
    with pytest.raises(InputError, match=r"section: received 'D0\.9\.9'"):
        claims.section("D0.9.9")
