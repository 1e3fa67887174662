"""Another equation for a word of a finished model: what moves with it, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import pycore as pc
from pycore.errors import InputError


@pytest.fixture
def shop() -> pc.Model:
    m = pc.Model("shop")
    luck = m.draw("luck", pc.Normal(0, 1))
    mood = m.state("mood", carry=0.8, target=luck)
    visit = m.event("visit", logit=-1 + mood)
    spent = m.define("spent", 10 * visit)
    habit = m.state("habit", carry=0.9, target=visit)
    leave = m.event("leave", logit=-3 - habit)
    m.stage("customer", {"active": {"left": leave}}, absorbing="left")
    m.record(visit, spent, mood)
    return m


def order(m: pc.Model) -> list[str]:
    return [s.name for s in m.order]


def test_a_revised_model_is_the_one_written_so_at_once(shop: pc.Model) -> None:
    price = shop.parameter("price", 12.0)
    shop.revise("spent", expression=price * shop["visit"])
    shop.revise("mood", carry=0.7)
    at_once = pc.Model("shop")
    luck = at_once.draw("luck", pc.Normal(0, 1))
    mood = at_once.state("mood", carry=0.7, target=luck)
    visit = at_once.event("visit", logit=-1 + mood)
    at_once.define("spent", at_once.parameter("price", 12.0) * visit)
    habit = at_once.state("habit", carry=0.9, target=visit)
    leave = at_once.event("leave", logit=-3 - habit)
    at_once.stage("customer", {"active": {"left": leave}}, absorbing="left")
    at_once.record(visit, at_once["spent"], mood)
    one, two = (pc.simulate(m, consumers=2000, periods=8, seed=1) for m in (shop, at_once))
    for name in ("visit_rate", "spent_mean", "mood_mean", "consumers"):
        np.testing.assert_array_equal(one[name].values, two[name].values)
    assert pc.Model.from_json(shop.to_json()).to_json() == shop.to_json()


def test_words_that_are_not_revised_keep_their_random_numbers(shop: pc.Model) -> None:
    before = pc.trajectories(shop, ids=range(50), periods=6, seed=3)
    shop.revise("visit", logit=-2 + shop["mood"] + shop["habit"])
    after = pc.trajectories(shop, ids=range(50), periods=6, seed=3)
    np.testing.assert_array_equal(before["luck"].values[:, :, 0], after["luck"].values[:, :, 0])
    assert (before["visit"].values[:, :, 0] >= after["visit"].values[:, :, 0]).all()


def test_what_the_new_equation_reads_is_computed_before_it(shop: pc.Model) -> None:
    offer = shop.event("offer", probability=shop.parameter("offers", 0.3))
    seen = shop.define("seen", offer * shop.draw("attention", pc.Uniform(0, 1)))
    shop.revise("visit", logit=-1 + shop["mood"] + seen)
    assert order(shop)[:6] == ["luck", "mood", "offer", "attention", "seen", "visit"]
    lives = pc.trajectories(shop, ids=range(5), periods=3, seed=1)
    expected = lives["offer"] * lives["attention"]
    np.testing.assert_allclose(lives["seen"].values, expected.values, rtol=1e-6)


def test_a_state_that_is_updated_later_is_read_as_it_was(shop: pc.Model) -> None:
    shop.revise("visit", logit=-30 + 60 * shop["habit"])
    shop.revise("habit", carry=0, target=1)
    visit = pc.trajectories(shop, ids=range(3), periods=3, seed=1)["visit"].values[0]
    np.testing.assert_array_equal(np.nan_to_num(visit, nan=1.0)[:, :2], [[0.0, 1.0]] * 3)


def test_an_environment_reads_what_is_declared_after_it() -> None:
    m = pc.Model("queue")
    asks = m.event("asks", probability=0.5)
    load = m.environment("load", target=pc.average(asks))
    m.record(m.state("waited", carry=0, target=load))
    double = m.define("double", 2 * asks)
    m.revise(load, target=pc.average(double), carry=0.5)
    assert order(m) == ["asks", "waited", "double", "load"]
    run = pc.simulate(m, consumers=20_000, periods=30, seed=1)
    assert run["load"].isel(period=-1).item() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("word", "terms", "message"),
    [
        ("luck", {"expression": 1}, "a definition, event, state or environment"),
        ("spend", {"expression": 1}, "did you mean 'spent'"),
        ("spent", {"target": 1}, "received 'target', allowed is one of expression"),
        ("spent", {}, "no term"),
        ("mood", {"carry": 2}, r"\[0, 1\]"),
        ("mood", {"target": None}, "target= or increment="),
        ("visit", {"probability": 0.5, "logit": 1}, "exactly one"),
        ("visit", {"probability": 2}, r"\[0, 1\]"),
    ],
)
def test_what_cannot_be_revised_is_refused_and_changes_nothing(
    shop: pc.Model, word: str, terms: dict[str, object], message: str
) -> None:
    before = shop.to_json()
    with pytest.raises(InputError, match=message):
        shop.revise(word, **terms)
    assert shop.to_json() == before


def test_a_circle_and_a_state_of_another_period_are_refused(shop: pc.Model) -> None:
    before = shop.to_json()
    with pytest.raises(InputError, match="'spent'"):
        shop.revise("spent", expression=shop["spent"] + 1)
    with pytest.raises(InputError, match="does not read itself"):
        shop.revise("visit", logit=shop["spent"])
    # 'leave' reads this period's habit; before 'visit' it would read that of the last.
    with pytest.raises(InputError, match="'leave', which reads 'habit' of the same period"):
        shop.revise("visit", logit=-1 - shop["leave"])
    assert shop.to_json() == before
