"""Counts, choices, calendars, tables, counters: what they say, print and refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp

import pycore as pc
from pycore.model.distributions import Categorical
from pycore.model.influences import influences

TEXT: Any = "01"


def shop() -> pc.Model:
    """Every word of this page once."""
    m = pc.Model("shop", period="quarter")
    taste = m.trait("taste", pc.Gamma(m.parameter("shape", 1.5), 2))
    prone = m.trait("prone", pc.Beta(0.6, 1.4))
    season = m.calendar("season", [0.5, 1, 1.5, 1], repeat=True)
    quarter = m.calendar("quarter")
    visits = m.count("visits", pc.Poisson(2 * taste * season))
    bought = m.count("bought", pc.Binomial(visits, prone))
    so_far = m.counter("so_far", bought)
    mood = m.state("mood")
    taken = m.choice("channel", {"stream": 1 + mood, "shelf": 0, "store": -taste})
    gap = m.time_since("gap", taken["stream"], start=4)
    m.update(mood, carry=0.5, target=pc.table(visits, [0, 2, 10], [0, 1, 1.5]) - 0.01 * quarter)
    late = m.event("late", when=gap > 5)
    m.record(visits, bought, so_far, mood, gap, late, *taken.values())
    return m


def test_a_model_of_all_words_survives_json() -> None:
    text = shop().to_json()
    again = pc.Model.from_json(text)
    assert again.to_json() == text
    assert list(again.element("channel").distribution.utilities) == ["stream", "shelf", "store"]  # type: ignore[attr-defined]


def test_the_words_print() -> None:
    said = str(shop().equations())
    for line in (
        "visits[t] ~ Poisson(rate = 2·taste[i]·season[t])",
        "bought[t] ~ Binomial(trials = visits[t], probability = prone[i])",
        "so_far[t] = min(1000000, so_far[t−1] + bought[t])",
        "Pr(channel[t] = k): 0 (stream) ∝ exp(1 + mood[t−1]), 1 (shelf) ∝ 1, 2 (store) ∝ "
        "exp(−taste[i])",
        "channel_store[t] = 1 if channel[t] = 2",
        "gap[t] = min(1000000, (0 if channel_stream[t] > 0 else 1 + gap[t−1])); gap[0] = 4",
        "late[t] = 1 if gap[t] > 5",
    ):
        assert line in said.splitlines(), line
    assert "table(visits[t]; 0 → 0, 2 → 1, 10 → 1.5)" in said
    assert r"\operatorname{Poisson}\left(2" in shop().equations()._repr_latex_()


def test_the_words_are_drawn_and_have_directions() -> None:
    m = shop()
    assert "<svg" in m.diagram().svg
    found = {(i.source, i.target): i.sign for i in influences(m)}
    assert found["season", "visits"] == 1
    assert found["visits", "mood"] == 1
    assert found["channel_stream", "gap"] == -1
    assert found["taste", "channel"] == 0  # options have no order


def test_a_table_is_a_function_of_sympy() -> None:
    x = sp.Symbol("x", real=True)
    bend = pc.table(x, [2020, 2025, 2030], [1, 3, 2])
    assert [float(bend.subs(x, at)) for at in (0, 2020, 2022.5, 2025, 2026, 9999)] == [
        1, 1, 2, 3, 2.8, 2,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda m: pc.table(m["x"], [0], [1]), "2 to 32"),
        (lambda m: pc.table(m["x"], range(33), range(33)), "2 to 32"),
        (lambda m: pc.table(m["x"], [0, 0], [1, 2]), "increasing"),
        (lambda m: pc.table(m["x"], [0, 1], [1]), "as many ys as xs"),
        (lambda m: pc.table(m["x"], [0, float("nan")], [1, 2]), "finite"),
        (lambda m: pc.table(m["x"], TEXT, [1, 2]), "sequence of numbers"),
        (lambda m: pc.Poisson(-1), "from 0 to"),
        (lambda m: pc.Poisson(1e9), "from 0 to"),
        (lambda m: pc.Binomial(2.5, 0.5), "whole number"),
        (lambda m: pc.Binomial(2, 1.5), "from 0 to 1"),
        (lambda m: pc.Gamma(0, 1), "above 0"),
        (lambda m: m.count("n", pc.Normal(0, 1)), "pc.Poisson"),
        (lambda m: m.choice("c", {"only": 0}), "2 to 32"),
        (lambda m: m.choice("c", {"a b": 0, "c": 1}), "snake_case"),
        (lambda m: m.choice("c", {"a": 0, "b": sp.Symbol("nobody")}), "nobody"),
        (lambda m: m.event("e", probability=0.5, when=m["x"] > 0), "exactly one"),
        (lambda m: m.event("e", when=m["x"]), "a condition"),
        (lambda m: m.event("e", when=sp.true), "a condition"),
        (lambda m: m.calendar("k", []), "at least one"),
        (lambda m: m.calendar("k", [1, float("inf")]), "finite"),
        (lambda m: m.calendar("k", repeat=True), "only with values"),
        (lambda m: m.counter("k", m["x"]), "an event or a count"),
        (lambda m: m.counter("k", m.event("e", probability=0.5), high=1e9), "at most"),
        (lambda m: m.time_since("k", m.count("n", pc.Poisson(1))), "an event"),
    ],
)
def test_what_is_wrong_is_refused_by_name(make: Callable[[pc.Model], Any], says: str) -> None:
    m = pc.Model("wrong")
    m.state("x", carry=0.5, target=1)
    with pytest.raises(pc.InputError, match=says):
        make(m)


def test_options_keep_their_order_and_must_have_names() -> None:
    with pytest.raises(pc.InputError, match="options with utilities"):
        Categorical([1, 2])
    assert list(Categorical({"z": 0, "a": 1}).arguments) == ["z", "a"]


def test_the_long_run_knows_the_new_words() -> None:
    """Means of counts and choices enter the structural form; a table has the slope of its mean."""
    m = pc.Model("known")
    busy = m.calendar("busy", [1, 3], repeat=True)
    visits = m.count("visits", pc.Poisson(busy))
    gap = m.time_since("gap", m.event("visit", probability=0.25))
    mood = m.state("mood", carry=0.5, target=0.5 * visits + pc.table(gap, [0, 1000], [0, 1000]))
    form = m.structural()
    assert form.base["gap"] == pytest.approx(3, rel=1e-4)
    assert form.base["mood"] == pytest.approx(0.5 * 2 + 3, rel=1e-3)
    assert mood.name in form.states
