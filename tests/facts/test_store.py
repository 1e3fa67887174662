"""The facts store says where each number stands and refuses those that nobody has read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pycore import facts
from pycore.errors import InputError
from pycore.facts.store import FACTS_FILE

ROOT = Path(__file__).parents[2]


def test_every_fact_names_a_work_a_topic_and_a_known_confidence_mark() -> None:
    for fact in facts.load().values():
        assert fact.work.key in facts.works()
        assert fact.topic in facts.topics()
        assert fact.confidence in facts.CONFIDENCE


@pytest.mark.parametrize("name", sorted(facts.load()))
def test_a_figure_is_cited_exactly_if_somebody_has_read_it(name: str) -> None:
    fact = facts.get(name)
    if fact.confidence.startswith("memory") or fact.confidence == "NOT_FOUND":
        with pytest.raises(InputError, match=f"'{name}'.*may not be printed"):
            fact.cite()
    else:
        assert fact.cite().endswith(f"[{facts.CONFIDENCE[fact.confidence]}]")
        assert len(fact.cite(short=True)) <= len(fact.cite())


def test_no_number_of_the_study_behind_document_0_is_in_the_store() -> None:
    assert facts.get("peng2024_numbers").value is None
    assert not facts.get("peng2024_numbers").citable


def test_a_short_citation_names_authors_and_year() -> None:
    assert facts.work("gao2023").short == "Gao et al. 2023"
    assert facts.work("lee2021").short == "Lee and Hosanagar 2021"
    assert facts.work("tan2016").short == "Tan et al. 2016"
    assert facts.work("bhattacherjee2001").short == "Bhattacherjee 2001"
    assert facts.work("own_comparison").short == "this project"
    for work in facts.works().values():
        assert "(" not in work.short
        assert len(work.short) < 80


def test_values_cannot_be_changed_by_a_reader() -> None:
    series = facts.get("gmv_100ec_series").value
    with pytest.raises(TypeError):
        series[2023] = 0
    with pytest.raises(ValueError, match="read-only"):
        facts.gao2023().correlation[0, 1] = 1.0


def test_an_unknown_fact_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match="did you mean 'gao2023_r2'"):
        facts.get("gao2023_r3")
    with pytest.raises(InputError, match="topic: received 'weather'"):
        facts.find("weather")
    with pytest.raises(InputError, match="confidence: received 'certain'"):
        facts.find(confidence=["certain"])
    with pytest.raises(InputError, match="table: received 'gao2024'"):
        facts.table("gao2024")


def test_facts_are_found_by_topic_and_words() -> None:
    found = facts.find("continuance", text="exhaustion")
    assert [fact.id for fact in found] == ["sheng2023_n"]
    memory = facts.find(confidence=["memory_unverified", "memory_low"])
    assert memory
    assert not any(fact.citable for fact in memory)


def test_the_store_names_no_host_and_no_file_of_a_workplace() -> None:
    text = FACTS_FILE.read_text(encoding="utf-8")
    assert re.findall(r"\b[\w-]+\.(?:com|cn|org|net|io|gov|edu|py|md)\b", text) == []


def test_the_bibliography_of_the_book_is_the_one_of_the_store() -> None:
    written = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    assert written == facts.bibliography()


def test_bibliography_entries_have_a_title_and_an_author_and_balanced_braces() -> None:
    for entry in facts.bibliography().split("\n@")[1:]:
        assert "author = {" in entry
        assert "title = {" in entry
        assert entry.count("{") == entry.count("}")
