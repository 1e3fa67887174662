"""Distributions against SciPy.

Fixed seeds; a test of fit fails below a significance of 1e-4, a mean beyond 5 standard errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

import pycore as pc
from pycore.program.compile import compile_model

LEAST = 1e-4
MANY = 200_000
F64 = npt.NDArray[np.float64]


def drawn(distribution: Any, *, seed: int = 1) -> F64:
    """One draw each of many consumers."""
    m = pc.Model("draws")
    m.draw("x", distribution)
    lives = pc.trajectories(m, ids=range(MANY), periods=1, seed=seed)
    return np.asarray(lives["x"].values, dtype=float).ravel()


CONTINUOUS = {
    "exponential": (pc.Exponential(mean=3), stats.expon(scale=3)),
    "gamma 0.3": (pc.Gamma(0.3, 2), stats.gamma(0.3, scale=0.5)),
    "gamma 1": (pc.Gamma(1, 1), stats.gamma(1)),
    "gamma 4.5": (pc.Gamma(4.5, 0.5), stats.gamma(4.5, scale=2)),
    "gamma 400": (pc.Gamma(400, 1), stats.gamma(400)),
    "beta 0.4 0.7": (pc.Beta(0.4, 0.7), stats.beta(0.4, 0.7)),
    "beta 2 5": (pc.Beta(2, 5), stats.beta(2, 5)),
    "beta 80 20": (pc.Beta(80, 20), stats.beta(80, 20)),
}
COUNTS = {
    "poisson 0.05": (pc.Poisson(0.05), stats.poisson(0.05)),
    "poisson 2.5": (pc.Poisson(2.5), stats.poisson(2.5)),
    "poisson 31": (pc.Poisson(31), stats.poisson(31)),
    "poisson 33": (pc.Poisson(33), stats.poisson(33)),
    "poisson 500": (pc.Poisson(500), stats.poisson(500)),
    "binomial 1 0.3": (pc.Binomial(1, 0.3), stats.binom(1, 0.3)),
    "binomial 12 0.8": (pc.Binomial(12, 0.8), stats.binom(12, 0.8)),
    "binomial 60 0.5": (pc.Binomial(60, 0.5), stats.binom(60, 0.5)),
    "binomial 900 0.1": (pc.Binomial(900, 0.1), stats.binom(900, 0.1)),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_a_draw_fits_its_distribution(name: str) -> None:
    distribution, known = CONTINUOUS[name]
    x = drawn(distribution)
    assert stats.kstest(x, known.cdf).pvalue > LEAST
    assert_moments(x, distribution, known)


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_fits_its_distribution(name: str) -> None:
    distribution, known = COUNTS[name]
    x = drawn(distribution)
    assert (x == np.floor(x)).all()
    low, high = int(x.min()), int(x.max())
    expected = MANY * known.pmf(np.arange(low, high + 1))
    observed = np.bincount((x - low).astype(int)).astype(float)
    common = expected > 10
    observed = np.append(observed[common], observed[~common].sum())
    expected = np.append(expected[common], MANY - expected[common].sum())
    if expected[-1] < 1:
        observed, expected = observed[:-1], expected[:-1] * observed[:-1].sum() / MANY
    expected *= observed.sum() / expected.sum()
    assert stats.chisquare(observed, expected).pvalue > LEAST
    assert_moments(x, distribution, known)


def assert_moments(x: F64, distribution: Any, known: Any) -> None:
    mean, variance = (float(m) for m in distribution.moments())
    assert (mean, variance) == pytest.approx(known.stats("mv"), rel=1e-12)
    assert abs(x.mean() - mean) < 5 * np.sqrt(variance / MANY)
    fourth = variance**2 * (float(known.stats("k")) + 3)
    assert abs(x.var() - variance) < 5 * np.sqrt((fourth - variance**2) / MANY)


def test_expressions_as_parameters_give_the_mixture() -> None:
    """A Poisson count with a gamma rate is negative binomial, a beta chance is beta-binomial."""
    m = pc.Model("mixtures")
    counts = m.count("counts", pc.Poisson(m.trait("rate", pc.Gamma(0.8, 0.5))))
    hits = m.count("hits", pc.Binomial(6, m.trait("chance", pc.Beta(0.5, 1.5))))
    lives = pc.trajectories(m, ids=range(MANY), periods=1, seed=3)
    for word, known, last in (
        (counts.name, stats.nbinom(0.8, 0.5 / 1.5), 12),
        (hits.name, stats.betabinom(6, 0.5, 1.5), 6),
    ):
        x = lives[word].values.astype(int).ravel()
        observed = np.bincount(np.minimum(x, last), minlength=last + 1)
        chance = known.pmf(np.arange(last + 1))
        chance[-1] = known.sf(last - 1)
        assert stats.chisquare(observed, MANY * chance).pvalue > LEAST, word


def test_binomial_trials_may_be_a_count_of_the_period() -> None:
    """Thinned Poisson counts are Poisson."""
    m = pc.Model("thinned")
    bought = m.count("bought", pc.Binomial(m.count("seen", pc.Poisson(4)), 0.25))
    m.record(bought)
    run = pc.simulate(m, consumers=MANY, periods=1, seed=2)
    for quantity in ("mean", "variance"):
        assert float(run[f"bought_{quantity}"].squeeze()) == pytest.approx(
            1, abs=5 * 1.8 / MANY**0.5
        )


def test_tiny_shapes_stay_numbers() -> None:
    assert np.isfinite(drawn(pc.Gamma(0.01, 1))).all()
    x = drawn(pc.Beta(0.01, 0.03))
    assert ((x >= 0) & (x <= 1)).all()
    assert x.mean() == pytest.approx(0.25, abs=5 * np.sqrt(0.25 * 0.75 / MANY))


def test_choices_follow_the_logit_and_add_up() -> None:
    m = pc.Model("choice")
    liked = m.draw("liked", pc.Normal(0, 1))
    utilities = {"stream": 0.5 + liked, "shelf": 0, "store": -1 - 0.5 * liked, "none": -200}
    taken = m.choice("channel", utilities)
    m.record(*taken.values())
    run = pc.simulate(m, consumers=MANY, periods=3, seed=5)
    counts = {k: run[f"channel_{k}_count"].values.ravel() for k in taken}
    np.testing.assert_array_equal(sum(counts.values()), run["active"].values.ravel())
    z = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    weights = np.exp([0.5 + z, 0 * z, -1 - 0.5 * z, -200 + 0 * z])
    shares = (weights / weights.sum(axis=0)).mean(axis=1)
    for share, count in zip(shares, counts.values(), strict=True):
        assert (np.abs(count / MANY - share) <= 5 * np.sqrt(share * (1 - share) / MANY)).all()
    assert counts["none"].sum() == 0


def test_a_choice_spends_one_word_and_a_condition_none() -> None:
    m = pc.Model("words")
    taken = m.choice("c", {"a": 0, "b": 1, "c": 2})
    m.record(*taken.values(), m.event("both", when=sum(taken.values()) > 1))
    assert len(compile_model(m).step_streams) == 1


def test_a_second_draw_moves_nobody() -> None:
    """Gamma and beta numbers spend several words, each with an address of its own."""

    def lives(more: bool) -> F64:
        m = pc.Model("luck")
        if more:
            m.draw("other", pc.Beta(2, 3))
            m.count("extra", pc.Poisson(3))
        m.draw("x", pc.Gamma(0.7, 1))
        return np.asarray(pc.trajectories(m, ids=range(50), periods=9, seed=4)["x"].values)

    np.testing.assert_array_equal(lives(more=False), lives(more=True))


def test_tables_calendars_and_counters_are_exact() -> None:
    m = pc.Model("exact")
    week = m.calendar("week")
    given = m.calendar("given", [3, -1, 4], repeat=True)
    heads = m.event("heads", probability=0.5)
    m.counter("so_far", heads, high=3)
    m.time_since("gap", heads, start=7)
    m.define("bend", pc.table(week, [2, 4, 8], [10, 20, -20]))
    m.define("shown", given)
    m.define("number", week)
    lives = pc.trajectories(m, ids=range(200), periods=9, seed=6)
    first = {k: lives[k].values.reshape(200, 9) for k in lives}
    np.testing.assert_array_equal(first["number"][0], np.arange(1, 10))
    np.testing.assert_array_equal(first["shown"][0], [3, -1, 4] * 3)
    np.testing.assert_array_equal(
        first["bend"][0], np.interp(np.arange(1, 10), [2, 4, 8], [10, 20, -20])
    )
    happened = first["heads"]
    np.testing.assert_array_equal(first["so_far"], np.minimum(happened.cumsum(axis=1), 3))
    gap = np.full(200, 7.0)
    for t in range(9):
        gap = np.where(happened[:, t] > 0, 0, gap + 1)
        np.testing.assert_array_equal(first["gap"][:, t], gap)


def test_a_table_of_32_knots_is_interpolation() -> None:
    rng = np.random.default_rng(1)
    xs, ys = np.sort(rng.normal(0, 2, 32)), rng.normal(0, 3, 32)
    m = pc.Model("long")
    m.define("y", pc.table(m.draw("x", pc.Normal(0, 3)), xs.tolist(), ys.tolist()))
    lives = pc.trajectories(m, ids=range(5000), periods=1, seed=1)
    x, y = (lives[k].values.ravel().astype(float) for k in ("x", "y"))
    assert np.abs(y - np.interp(x, xs, ys)).max() < 1e-5 * np.abs(np.diff(ys)).sum()


def test_a_series_may_end_or_be_replaced() -> None:
    m = pc.Model("given")
    m.record(m.event("visit", probability=m.calendar("open", [0, 1])))
    with pytest.raises(pc.InputError, match="at most the 2 periods"):
        pc.simulate(m, consumers=10, periods=3, seed=1)
    run = pc.simulate(
        m, consumers=10, periods=2, seed=1, scenarios={"base": {}, "other": {"open": [1, 0]}}
    )
    assert run["visit_count"].values[:, 0, 0].tolist() == [[0, 10], [10, 0]]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: pc.Poisson(p), "from 0 to"),
        (lambda p: pc.Binomial(3, 1 - p), "from 0 to 1"),
        (lambda p: pc.Gamma(p, 1), "above 0"),
        (lambda p: pc.Beta(2, p), "above 0"),
    ],
)
def test_arguments_out_of_range_are_refused_before_work_starts(make: Any, says: str) -> None:
    m = pc.Model("wrong")
    m.record(m.draw("x", make(m.parameter("p", -0.5))))
    with pytest.raises(pc.InputError, match=says):
        pc.simulate(m, consumers=10, periods=1, seed=1)
