"""The book in a browser, opened as files: nothing leaves the machine and everything is there."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.browser.visit import Visit

Visits = dict[str, Visit]

# All tests read one session's visits; in one worker they are made once.
pytestmark = pytest.mark.xdist_group("chromium")


def where(visits: Visits, found: Callable[[Visit], Any]) -> dict[str, Any]:
    """Pages on which something is found, with what it is."""
    return {name: problem for name, visit in visits.items() if (problem := found(visit))}


def test_every_page_can_be_looked_at(visits: Visits) -> None:
    assert len(visits) > 1
    assert where(visits, lambda visit: visit.seen.get("failed")) == {}


def test_no_request_leaves_the_machine(visits: Visits) -> None:
    assert where(visits, lambda visit: not visit.requests) == {}
    assert where(visits, lambda visit: visit.outward) == {}


def test_the_console_stays_silent(visits: Visits) -> None:
    assert where(visits, lambda visit: visit.console) == {}


def test_every_formula_is_typeset(visits: Visits) -> None:
    assert sum(visit.seen["formulas"] for visit in visits.values()) > 0
    assert where(visits, lambda visit: visit.seen["untypeset"] or visit.seen["misread"]) == {}


def test_every_picture_is_loaded_and_has_words(visits: Visits) -> None:
    assert where(visits, lambda visit: visit.seen["unloaded"]) == {}
    assert where(visits, lambda visit: visit.seen["wordless"]) == {}


def test_headings_a_reader_sees_go_down_by_one_level(visits: Visits) -> None:
    def jumps(visit: Visit) -> list[int]:
        levels = visit.seen["headings"]
        return [] if all(b <= a + 1 for a, b in pairwise(levels)) else levels

    assert where(visits, jumps) == {}


def test_no_page_is_wider_than_its_window(visits: Visits) -> None:
    assert where(visits, lambda visit: max(visit.seen["wider"], 0)) == {}


def test_nothing_sticks_out_of_the_column(visits: Visits) -> None:
    assert where(visits, lambda visit: visit.seen["outside"]) == {}


def test_every_text_stands_out_from_its_ground(visits: Visits) -> None:
    # WCAG 2, level AA: 4.5 to 1, and 3 to 1 for large letters.
    assert where(visits, lambda visit: visit.seen["faint"]) == {}


def test_the_book_is_set_in_its_own_fonts(visits: Visits) -> None:
    assert where(visits, lambda visit: visit.seen["font"] != "Inter") == {}
    assert where(visits, lambda visit: "Inter" not in visit.seen["fonts"]) == {}
    needs = {name: visit for name, visit in visits.items() if visit.seen["chinese"]}
    assert needs
    assert where(needs, lambda visit: "Noto Sans CJK TC" not in visit.seen["fonts"]) == {}


def test_the_search_finds_pages(visits: Visits) -> None:
    assert visits["search for exhaustion"].seen["results"] > 1
