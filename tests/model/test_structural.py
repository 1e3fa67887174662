"""The long-run linear system says what a long life does."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import pycore as pc
from pycore.errors import InputError
from pycore.model.window import averaging


def chain() -> pc.Model:
    """A linear model whose matrices can be written down by hand."""
    m = pc.Model("chain")
    m.recall = 10
    reputation = m.trait("reputation", 0.5)
    cause = m.trait("cause", pc.Normal(0.2, m.parameter("sd_cause", 1.5)))
    m.survey(cause, 2)
    other = m.trait("other", pc.Normal(0, m.parameter("sd_other", 0.5)))
    first = m.state(
        "first",
        carry=0.8,
        target=m.parameter("a", 0.6) * cause * (1 - m.parameter("mod", 0.4) * reputation) + other,
        noise=0.3,
    )
    m.state("second", carry=0.0, target=1 + m.parameter("b", 0.5) * first, noise=0.2)
    m.survey(first, 3, loading=(1, 0.8, 1.2), error=0.5)
    return m


def disengagement() -> pc.Model:
    """A stressor-strain chain with a rectified shortfall, as in the feasibility study."""
    m = pc.Model("shortfall")
    m.trait("reputation", 0.0)
    infra = m.lever("infrastructure")
    p = m.parameter("failure_rate", 0.08)
    severity = m.parameter("severity", 1.2)
    fail = m.event("failure", probability=p * sp.exp(-infra))
    eps = m.draw("epsilon", pc.Normal(0, 1))
    pf = m.state("perceived_failure", carry=0.9, target=fail)
    expectation = m.state(
        "expectation", carry=0.9, target=0.2 + 0.15 * m.trait("ambition", pc.Normal(0, 1))
    )
    performance = m.define("performance", 0.3 - severity * fail + 0.5 * eps)
    disconfirmation = m.define("disconfirmation", performance - expectation)
    d = m.state(
        "disappointment",
        carry=0.5,
        target=m.parameter("beta_d", 0.6) * sp.Max(0, -disconfirmation)
        + m.parameter("beta_f", 0.4) * pf,
    )
    x = m.state(
        "exhaustion",
        carry=0.8,
        target=m.parameter("beta_x", 0.5) * d * (1 - m.parameter("mod", 0.3) * m["reputation"]),
    )
    m.survey(d, 3)
    m.survey(x, 3)
    return m


def test_a_linear_model_is_exact_to_the_last_bit() -> None:
    form = chain().structural()
    n = form.at()
    assert form.states == ("first", "second")
    assert form.exogenous == ("cause",)
    assert form.disturbances == ("other",)
    assert form.linearised == ()
    np.testing.assert_array_equal(n.B, [[0, 0], [0.5, 0]])
    gamma = np.array([[0.6 * (1 - 0.4 * 0.5)], [0]])
    np.testing.assert_allclose(n.Gamma, gamma, rtol=1e-15)
    np.testing.assert_allclose(n.Phi, [[2.25]])
    np.testing.assert_allclose(
        np.diag(n.Psi), [0.25 + 0.09 * averaging(0.8, 0.8, 10), 0.04 / 10], rtol=1e-12
    )
    assert n.Psi[0, 1] == 0
    a, mod, rep = (sp.Symbol(s, real=True) for s in ("a", "mod", "reputation"))
    assert sp.simplify(form.Gamma[0, 0] - a * (1 - mod * rep)) == 0
    np.testing.assert_allclose(n.mean, [0.48 * 0.2, 1 + 0.5 * 0.48 * 0.2, 0.2], rtol=1e-12)
    assert form.base["second"] == pytest.approx(1.048)


def test_parameters_are_those_of_the_model_and_tie_across_segments() -> None:
    m = chain()
    assert m.structural().parameters == ("sd_cause", "sd_other", "a", "mod", "b")
    # One segment cannot tell a path from its moderation; two reputations can.
    assert m.structural().unidentified == ("a", "mod")
    m.segment("low", reputation=0.0)
    m.segment("high", reputation=1.0)
    assert m.structural().unidentified == ()


def test_a_fixed_trait_becomes_a_number() -> None:
    form = chain().structural(reputation=1.0)
    assert form.Gamma.free_symbols == {sp.Symbol("a", real=True), sp.Symbol("mod", real=True)}
    assert form.at().Gamma[0, 0] == pytest.approx(0.36)


def test_the_average_of_an_autoregression_shrinks_as_brute_force_says() -> None:
    # 40 000 windows of 12 periods: relative error of a variance sqrt(2/40000) = 0.7%; bound 4 sd.
    rng = np.random.default_rng(1)
    one, two, x, y = 0.8, 0.3, np.zeros(40_000), np.zeros(40_000)
    sums = np.zeros((2, 40_000))
    for t in range(60 + 12):
        e = rng.standard_normal(40_000)
        x, y = one * x + e, two * y + e
        if t >= 60:
            sums += np.array([x, y])
    covariance = np.cov(sums / 12)
    expected = [averaging(one, one, 12), averaging(one, two, 12), averaging(two, two, 12)]
    np.testing.assert_allclose(covariance[[0, 0, 1], [0, 1, 1]], expected, rtol=0.028)


def test_a_rectifier_has_the_slope_of_its_mean_response_not_of_the_mean_draw() -> None:
    form = disengagement().structural()
    n = form.at()
    s, j = form.states.index("disappointment"), form.states.index("expectation")
    # At the mean draw performance exceeds expectation, and the rectifier is flat there.
    assert form.base["expectation"] < 0.3 - 1.2 * 0.08
    rng = np.random.default_rng(2)
    size = 4_000_000
    performance = 0.3 - 1.2 * (rng.random(size) < 0.08) + 0.5 * rng.standard_normal(size)
    below = performance < form.base["expectation"]
    slope, level = 0.6 * below.mean(), 0.6 * np.maximum(0, 0.2 - performance).mean()
    # Monte Carlo sd of the share below is 2.5e-4, of the mean shortfall 2e-4: bounds at 4 sd.
    assert n.B[s, j] == pytest.approx(slope, abs=6e-4)
    pf = form.states.index("perceived_failure")
    assert n.B[s, pf] == pytest.approx(0.4, abs=1e-15)
    assert form.base["disappointment"] == pytest.approx(level + 0.4 * 0.08, abs=5e-4)
    assert n.intercepts[s] == pytest.approx(level - slope * 0.2, abs=8e-4)
    assert {(t.state, t.cause) for t in form.linearised} == {("disappointment", "expectation")}
    beta = sp.Symbol("beta_d", real=True)
    assert form.B[s, j].free_symbols == {beta}
    assert form.parameters == ("beta_d", "beta_f", "beta_x", "mod")


def test_averages_of_simulated_lives_covary_as_the_long_run_form_says() -> None:
    m = disengagement()
    n = m.structural().at()
    rng = np.random.default_rng(3)
    size, window = 40_000, m.recall
    ambition = rng.standard_normal(size)
    pf, e, d, x = np.full(size, 0.08), 0.2 + 0.15 * ambition, np.zeros(size), np.zeros(size)
    total = np.zeros((4, size))
    for t in range(80 + window):
        fail = (rng.random(size) < 0.08).astype(float)
        performance = 0.3 - 1.2 * fail + 0.5 * rng.standard_normal(size)
        pf = 0.9 * pf + 0.1 * fail
        e = 0.9 * e + 0.1 * (0.2 + 0.15 * ambition)
        shortfall = np.maximum(0, e - performance)
        d = 0.5 * d + 0.5 * (0.6 * shortfall + 0.4 * pf)
        x = 0.8 * x + 0.2 * 0.5 * d
        if t >= 80:
            total += np.array([pf, e, d, x]) / window
    simulated = np.cov(total)
    implied = n.covariance
    sd = np.sqrt(np.diag(implied))
    # Expectation differs between consumers by 0.15 against 0.6 of a session's chance, so curvature of
    # the mean response adds (0.15/0.6)² = 6% of a slope's variation at most; Monte Carlo adds
    # sqrt(2/40000) = 0.7%.  A spread as large as the chance would be beyond a slope at the base.
    np.testing.assert_allclose(simulated / np.outer(sd, sd), implied / np.outer(sd, sd), atol=0.05)
    np.testing.assert_allclose(simulated[0, 3], implied[0, 3], rtol=0.06)


def test_slopes_in_drawn_traits_are_averaged_over_consumers() -> None:
    m = pc.Model("dose")
    exposure = m.trait("exposure", pc.Normal(-1, 0.8))
    m.survey(exposure, 2)
    fail = m.event("fail", logit=exposure)
    m.state("hurt", carry=0.5, target=m.parameter("beta", 2.0) * fail)
    n = m.structural().at()
    rng = np.random.default_rng(4)
    a = -1 + 0.8 * rng.standard_normal(2_000_000)
    p = 1 / (1 + np.exp(-a))
    slope = np.cov(p, a)[0, 1] / np.var(a)
    # sd of the Monte Carlo slope is below 1e-4; the net's is smaller.
    assert n.Gamma[0, 0] == pytest.approx(2 * slope, abs=1e-3)
    leftover = np.var(p - slope * a)
    chance = 0.25 * averaging(0.5, 0.5, m.recall) * (p * (1 - p)).mean()
    assert n.Psi[0, 0] == pytest.approx(4 * (leftover + chance), rel=0.01)


def test_a_step_smoothed_by_chance_has_a_slope() -> None:
    m = pc.Model("step")
    level = m.trait("level", pc.Normal(0, 1))
    m.survey(level, 2)
    liking = m.state("liking", carry=0.5, target=level)
    luck = m.draw("luck", pc.Normal(0, 1))
    m.state("buys", target=pc.where(liking + luck > 0.5, 1, 0))
    form = m.structural()
    density = np.exp(-0.125) / np.sqrt(2 * np.pi)
    # A net of 65 536 nodes resolves a window of 0.02 to about one node in 250.
    assert form.at().B[1, 0] == pytest.approx(density, rel=0.01)


def test_independent_draws_that_multiply_are_exact() -> None:
    m = pc.Model("product")
    quality = m.trait("quality", pc.Normal(0, 1))
    m.survey(quality, 2)
    fail = m.event("fail", probability=m.parameter("rate", 0.1))
    pain = m.draw("pain", pc.LogNormal(mean=m.parameter("mean_pain", 2.0), sigma=0.5))
    m.state("hurt", carry=0.9, target=fail * pain + m.parameter("k", 0.3) * quality)
    form = m.structural()
    assert form.linearised == ()
    assert form.at().mean[0] == pytest.approx(0.2, abs=1e-12)
    variance = 0.1 * 4 * np.exp(0.25) - 0.04
    expected = variance * averaging(0.9, 0.9, m.recall) * 0.01
    assert form.at().Psi[0, 0] == pytest.approx(expected, rel=2e-3)


def test_a_feedback_settles_where_the_equations_meet() -> None:
    m = pc.Model("habit")
    push = m.trait("push", pc.Normal(0, 1))
    m.survey(push, 2)
    habit = m.state("habit", start=0)
    mood = m.state("mood", carry=0.3, target=0.4 * habit + push + 0.5)
    m.update(habit, carry=0.9, target=pc.logistic(mood) * 2)
    form = m.structural()
    x = form.base
    assert x["habit"] == pytest.approx(2 / (1 + np.exp(-x["mood"])), abs=1e-8)
    assert x["mood"] == pytest.approx(0.4 * x["habit"] + 0.5, abs=1e-8)
    p = x["habit"] / 2
    assert form.at().B[0, 1] == pytest.approx(2 * p * (1 - p), abs=1e-4)


def test_a_state_that_only_grows_is_named_and_left_out() -> None:
    m = chain()
    m.state("scars", carry=1, increment=0.1 * m["first"])
    m.state("birthplace", start=2.0)
    form = m.structural()
    assert "scars" not in form.states
    assert {e.state for e in form.excluded} == {"scars", "birthplace"}


def test_an_increment_lasts_as_long_as_the_carry_lets_it() -> None:
    m = pc.Model("wound")
    c = m.parameter("carry_over", 0.75)
    hit = m.trait("hit", pc.Normal(1, 1))
    m.survey(hit, 2)
    m.state("wound", carry=c, increment=m.parameter("cut", 0.1) * hit)
    assert m.structural().at().Gamma[0, 0] == pytest.approx(0.4)


def test_bad_requests_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="fixed: received 'reputaton'"):
        chain().structural(reputaton=1.0)
    with pytest.raises(InputError, match="values: received 'nothing'"):
        chain().structural().at(nothing=1.0)
    m = pc.Model("empty")
    with pytest.raises(InputError, match="at least one state that settles"):
        m.structural()
    runaway = pc.Model("runaway")
    runaway.trait("t", pc.Normal(0, 1))
    x = runaway.state("x")
    runaway.update(x, carry=0.5, target=sp.exp(x) + 1)
    with pytest.raises(InputError, match="settle nowhere"):
        runaway.structural()


def test_it_prints_as_latex() -> None:
    text = disengagement().structural()._repr_latex_()
    assert text.startswith("$")
    assert text.endswith("$")
    assert r"\begin{pmatrix}" in text
    assert text.count("{") == text.count("}")


def test_feedback_that_grows_is_refused() -> None:
    # The equations meet at 0, but a push away from there grows for ever.
    m = pc.Model("spiral")
    m.trait("t", pc.Normal(0, 1))
    one = m.state("one")
    other = m.state("other", carry=0.5, target=1.6 * one + m["t"], noise=0.1)
    m.update(one, carry=0.5, target=1.6 * other, noise=0.1)
    with pytest.raises(InputError, match="feed back on each other without settling"):
        m.structural()
