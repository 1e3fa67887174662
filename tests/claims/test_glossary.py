"""The glossary has three languages for every entry and no loose ends."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pycore.errors import InputError

pytest.importorskip("sphinx", reason="the book's dependencies are not installed")
sys.path.insert(0, str(Path(__file__).parents[2] / "book" / "_ext"))
glossary = import_module("glossary")

HAN = re.compile(r"[\u4e00-\u9fff]")


def test_every_entry_has_three_terms_and_one_sentence() -> None:
    assert len(glossary.entries()) >= 60
    for entry in glossary.entries():
        assert HAN.search(entry.terms["zh"])
        assert not HAN.search(entry.terms["en"] + entry.terms["da"])
        assert entry.definition.endswith(".")
        assert ". " not in entry.definition


def test_terms_are_in_the_order_of_their_english_names() -> None:
    names = [entry.terms["en"].casefold() for entry in glossary.entries()]
    assert names == sorted(names)


def test_a_term_that_is_the_same_in_two_languages_is_shown_once() -> None:
    entry = next(entry for entry in glossary.entries() if entry.terms["en"] == "engagement")
    assert entry.terms["da"] == "engagement"
    assert entry.distinct == [("en", "engagement"), ("zh-Hant", "投入")]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("{en: state, zh: 狀態, da: tilstande, definition: Two.}", "'state' stands twice"),
        ("{en: trait, zh: 特質, da: træk, definition: Two., see_also: [mood]}", "received 'mood'"),
        ("{en: trait, zh: 特質, da: træk, definition: Two., sections: [D0.9]}", "received 'D0.9'"),
    ],
)
def test_a_loose_end_is_refused(tmp_path: Path, second: str, message: str) -> None:
    path = tmp_path / "terms.yaml"
    first = "{en: state, zh: 狀, da: tilstand, definition: One.}"
    path.write_text(f"terms:\n- {first}\n- {second}\n", encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)):
        glossary.entries(path)
