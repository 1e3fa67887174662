"""Likelihoods of event histories: derivatives, known answers, the same bits everywhere."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pycore import _core
from tests.histories import designs

Array = NDArray[np.float64]


def instruction_sets() -> list[str]:
    """What this processor has, narrowest first."""
    return ["128", *[isa for isa in ("avx2", "avx512") if isa in _core.isas()]]


def assert_gradient(likelihood: _core.Likelihood, theta: Array) -> None:
    """Central differences; their rounding is 1e-16 · |log-likelihood| / step.

    A step is small against its parameter too: a variance of 0.0006 bends within 0.00001.
    """
    value, gradient = likelihood.evaluate(theta)
    assert np.isfinite(value)
    numeric = np.array([
        (likelihood.evaluate(theta + step)[0] - likelihood.evaluate(theta - step)[0])
        / (2 * step.sum())
        for step in np.diag(1e-5 * np.clip(np.abs(theta), 1e-3, 1.0))
    ])  # fmt: skip
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6 * abs(numeric).max())
    assert likelihood.pointwise(theta).shape == (likelihood.units,)


@st.composite
def graphs(draw: Any) -> dict[str, list[str]]:
    """Two to six stages, from each of which some lead on; the last may be an end."""
    count = draw(st.integers(2, 6))
    names = [f"s{k}" for k in range(count)]
    return {
        name: sorted(draw(st.sets(st.sampled_from([n for n in names if n != name]), min_size=k == 0)))
        for k, name in enumerate(names)
    }  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(graph=graphs(), seed=st.integers(0, 2**32 - 1), free=st.booleans(), pooled=st.booleans())
def test_the_gradient_of_random_stage_models_is_the_derivative(
    graph: dict[str, list[str]], seed: int, free: bool, pooled: bool
) -> None:
    rng = np.random.default_rng(seed)
    data = designs.random_panel(rng, 21, 9)
    d = designs.design(
        data, graph, {"visits": "poisson", "bought": "bernoulli", "channel": "categorical"},
        ("failure", "support")[: rng.integers(0, 3)], platform="platform" if pooled else None,
        free_start=free,
    )  # fmt: skip
    likelihood = designs.panel_of(data, d).likelihood(d)
    assert_gradient(likelihood, rng.normal(0, 0.7, likelihood.size))


@pytest.mark.parametrize("free", [False, True], ids=["from the first stage", "from any stage"])
def test_the_forward_algorithm_counts_every_path(free: bool) -> None:
    rng = np.random.default_rng(5)
    data = designs.random_panel(rng, 9, 5)
    data["end"] = None
    data.loc[data.index[3], "end"] = "disappointed"
    if free:
        data.loc[data.index[0], "end"] = "exhausted"
    d = designs.design(
        data, designs.DISENGAGEMENT, {"visits": "poisson", "bought": "bernoulli"},
        ("failure",), platform="platform", known="end", free_start=free,
    )  # fmt: skip
    panel = designs.panel_of(data, d)
    likelihood = panel.likelihood(d)
    theta = rng.normal(0, 0.7, likelihood.size)
    whole, smoothed = designs.by_paths(d, panel, theta)
    assert likelihood.evaluate(theta)[0] == pytest.approx(whole, abs=1e-9)
    assert likelihood.pointwise(theta).sum() == pytest.approx(whole, abs=1e-9)
    filtered, found = likelihood.recover(theta)
    np.testing.assert_allclose(found, smoothed, atol=1e-12)
    last = panel.first + panel.length - 1
    np.testing.assert_allclose(filtered[last], smoothed[last], atol=1e-12)


def test_viterbi_finds_the_best_of_all_paths() -> None:
    rng = np.random.default_rng(8)
    data = designs.random_panel(rng, 6, 5)
    d = designs.design(data, designs.DISENGAGEMENT, {"visits": "poisson"}, ("failure",))
    panel = designs.panel_of(data, d)
    likelihood = panel.likelihood(d)
    theta = rng.normal(0, 0.7, likelihood.size)
    path = likelihood.most_likely(theta)
    for first, length in zip(panel.first, panel.length, strict=True):
        rows = range(first, first + length)
        seen = [[designs.seen(d, panel, theta, panel.codes[r], s) for s in range(4)] for r in rows]
        moves = [d.transition(theta, 0, panel.covariates[r]) for r in rows]

        def chance(
            stages: tuple[int, ...], seen: list[list[float]] = seen, moves: list[Array] = moves
        ) -> float:
            found = float(stages[0] == 0) * seen[0][stages[0]]
            for t in range(1, len(stages)):
                found *= moves[t - 1][stages[t - 1], stages[t]] * seen[t][stages[t]]
            return found

        best = max(itertools.product(range(4), repeat=int(length)), key=chance)
        assert tuple(path[first : first + length]) == best


def test_a_thousand_periods_neither_underflow_nor_lose_their_gradient() -> None:
    rng = np.random.default_rng(2)
    size = 1000
    data = pd.DataFrame({
        "consumer": np.repeat([1, 2, 3], size), "period": np.tile(np.arange(size), 3),
        "visits": rng.poisson(3, 3 * size).astype(float), "failure": rng.normal(size=3 * size),
    })  # fmt: skip
    data.loc[5, "visits"] = 900.0  # improbable beyond the smallest double in every stage
    graph = {"engaged": ["tired"], "tired": ["engaged"]}
    d = designs.design(data, graph, {"visits": "poisson"}, ("failure",))
    likelihood = designs.panel_of(data, d).likelihood(d)
    theta = np.array([-1.0, 0.5, 0.3, -0.2, 1.3, 0.2])
    value, gradient = likelihood.evaluate(theta)
    assert np.isfinite(value)
    assert value < -3000
    assert np.isfinite(gradient).all()
    assert_gradient(likelihood, theta)


def test_bits_depend_neither_on_threads_nor_on_the_instruction_set() -> None:
    rng = np.random.default_rng(3)
    data = designs.random_panel(rng, 700, 8)
    d = designs.design(
        data, designs.DISENGAGEMENT, {"visits": "poisson", "bought": "bernoulli"},
        ("failure", "support"), platform="platform",
    )  # fmt: skip
    panel = designs.panel_of(data, d)
    first = panel.likelihood(d, isa="128")
    theta = rng.normal(0, 0.7, first.size)
    value, gradient = first.evaluate(theta)
    for isa in instruction_sets():
        for threads in (1, 2, 7):
            other = panel.likelihood(d, threads=threads, isa=isa)
            assert other.isa == isa
            again, slope = other.evaluate(theta)
            assert again == value
            np.testing.assert_array_equal(slope, gradient)


def test_one_hazard_is_a_geometric_life() -> None:
    # Leaving is seen, so a life of n periods has the likelihood (1 − h)^(n − 1) h.
    rng = np.random.default_rng(4)
    lives = rng.geometric(0.2, 50)
    data = pd.DataFrame([
        {"consumer": who, "period": t, "there": 1, "stage": "active" if t < life else "gone"}
        for who, life in enumerate(lives) for t in range(life + 1)
    ])  # fmt: skip
    data.loc[data["stage"] == "gone", "there"] = 0
    d = designs.design(
        data, {"active": ["gone"], "gone": []}, {"there": "bernoulli"}, known="stage"
    )
    likelihood = designs.panel_of(data, d).likelihood(d)
    h = 0.17
    theta = np.array([np.log(h / (1 - h)), 40.0])  # who is there is seen
    expected = (np.log(h) + (lives - 1) * np.log(1 - h)).sum()
    assert likelihood.evaluate(theta)[0] == pytest.approx(expected, abs=1e-9)


def customers(rng: np.random.Generator, size: int) -> dict[str, Any]:
    x = np.sort(rng.poisson(rng.gamma(0.6, 4, size)))
    age = rng.uniform(5, 40, size).round(1)
    recency = np.where(x > 0, age * rng.beta(np.maximum(x, 1), 1), 0.0)
    weight = rng.integers(1, 4, size).astype(float)
    return {"count": x, "recency": recency, "age": age, "weight": weight}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_buy_till_you_die_has_the_likelihood_of_its_formula(seed: int) -> None:
    from scipy.integrate import quad
    from scipy.special import betaln, gammaln

    rng = np.random.default_rng(seed)
    data = customers(rng, 12)
    theta = np.exp(rng.normal([-0.5, 1.5, -0.3, 1.0], 0.7))
    bg, pareto = _core.BgNbd(**data), _core.ParetoNbd(**data)
    r, alpha, a, b = theta
    s, beta = a, b
    expected_bg, expected_pareto = [], []
    for x, t, age in zip(data["count"], data["recency"], data["age"], strict=True):
        same = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        stays = np.log((alpha + age) ** -(r + x))
        both = betaln(a, b + x) - betaln(a, b) + stays
        if x:
            left = betaln(a + 1, b + x - 1) - betaln(a, b) - (r + x) * np.log(alpha + t)
            both = np.logaddexp(both, left)
        expected_bg.append(same + both)
        # In units of the integrand at t: numbers of the size of 1.

        def leaves(y: float, t: float = t, x: int = x) -> float:
            slower = ((alpha + t) / (alpha + y)) ** (r + x)
            return float(s * (beta + t) ** s * (beta + y) ** -(s + 1) * slower)

        lost = quad(leaves, t, age, epsabs=0, epsrel=1e-10, limit=200)[0]
        still = ((alpha + t) / (alpha + age)) ** (r + x) * ((beta + t) / (beta + age)) ** s
        unit = -(r + x) * np.log(alpha + t) - s * np.log(beta + t)
        expected_pareto.append(same + s * np.log(beta) + unit + np.log(still + lost))
    np.testing.assert_allclose(bg.pointwise(theta), expected_bg, rtol=1e-9)
    np.testing.assert_allclose(pareto.pointwise(theta), expected_pareto, rtol=1e-8)
    for likelihood, expected in ((bg, expected_bg), (pareto, expected_pareto)):
        total = float(data["weight"] @ expected)
        assert likelihood.evaluate(theta)[0] == pytest.approx(total, rel=1e-9)
        assert_gradient(likelihood, theta)


def test_bits_of_purchases_do_not_depend_on_the_instruction_set() -> None:
    rng = np.random.default_rng(7)
    data = customers(rng, 200)
    theta = np.array([0.5, 4.0, 0.8, 2.5])
    for made in (_core.BgNbd, _core.ParetoNbd):
        value, gradient = made(**data, isa="128").evaluate(theta)
        for isa in instruction_sets():
            again, slope = made(**data, isa=isa).evaluate(theta)
            assert again == value
            np.testing.assert_array_equal(slope, gradient)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), frail=st.booleans())
def test_the_gradient_of_frailty_models_is_the_derivative(seed: int, frail: bool) -> None:
    rng = np.random.default_rng(seed)
    rows, intervals, wide = 30, 4, 2
    likelihood = _core.Frailty(
        group=rng.integers(0, 6, rows), covariates=rng.normal(size=(rows, wide)),
        exposed=rng.gamma(1, 2, (rows, intervals)), before=rng.gamma(0.5, 1, (rows, intervals)),
        ended=(rng.random((rows, intervals)) < 0.3).astype(float), groups=6, frail=frail,
    )  # fmt: skip
    variance = [float(np.exp(rng.normal(-2, 2)))] if frail else []
    assert_gradient(likelihood, np.array([*rng.normal(-1, 0.5, intervals + wide), *variance]))


def test_frailty_integrated_out_is_the_integral() -> None:
    from scipy.integrate import quad
    from scipy.stats import gamma

    # Two members of one group, the second seen only from time 1 on.
    exposed = np.array([[2.0, 1.0], [1.0, 0.5]])
    before = np.array([[0.0, 0.0], [1.0, 0.0]])
    ended = np.array([[0.0, 1.0], [0.0, 1.0]])
    likelihood = _core.Frailty(
        group=np.array([0, 0]), covariates=np.zeros((2, 0)), exposed=exposed, before=before,
        ended=ended, groups=1, frail=True,
    )  # fmt: skip
    hazard, variance = np.array([0.2, 0.7]), 0.6
    seen, unseen = float((exposed @ hazard).sum()), float((before @ hazard).sum())
    frailty = gamma(1 / variance, scale=variance)

    def averaged(f: Any) -> float:
        return float(quad(lambda u: f(u) * frailty.pdf(u), 0, np.inf, epsrel=1e-11)[0])

    above = averaged(lambda u: (u * hazard[1]) ** 2 * np.exp(-u * (seen + unseen)))
    below = averaged(lambda u: np.exp(-u * unseen))
    found = likelihood.evaluate(np.array([*np.log(hazard), variance]))[0]
    assert found == pytest.approx(np.log(above / below), abs=1e-8)
