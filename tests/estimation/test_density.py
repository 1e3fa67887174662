"""The written-out density is the PyMC model's, and its gradient is its derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import pycore as pc
from pycore import _core
from pycore.estimation.density import Density
from pycore.estimation.graph import pymc_model
from pycore.estimation.sample import read
from pycore.estimation.sampling import quiet_compiler
from pycore.estimation.specification import make_plan
from pycore.estimation.transforms import scalar_priors, unconstrained
from tests.estimation import designs


def correlated() -> pc.Model:
    """Two correlated causes, two correlated dispositions, a feedback and a bounded parameter."""
    m = pc.Model("correlated")
    causes = [m.trait(f"x{k}", pc.Normal(0, 1)) for k in range(3)]
    own = [m.trait(f"own{k}", pc.Normal(0, 1)) for k in range(2)]
    share = m.parameter("share", 0.4, pc.Beta(2, 3))
    first = m.state("first")
    second = m.state(
        "second",
        carry=0.5,
        target=m.parameter("b", 0.3) * first + share * causes[1] + own[1] * m.parameter("s", 0.6),
    )
    m.update(
        first,
        carry=0.5,
        target=m.parameter("a", 0.2) * second
        + causes[0]
        + pc.logistic(share) * causes[2]
        + own[0] * m.parameter("r", 0.5, pc.LogNormal(0.5, 0.3)),
    )
    m.correlated(causes[0], causes[1])
    m.correlated(causes[1], causes[2])
    m.correlated(*own)
    for x in causes:
        m.survey(x, 2, points=0)
    m.survey(first, 3, points=0)
    m.survey(second, 2, points=0)
    return m


CROSSED = """
    f =~ x1 + a*x2 + x3
    g =~ y1 + a*y2 + x3
    g ~ b*f
    x1 ~~ y1
    x2 ~~ r*y2
    y1 ~ 0.5*1
"""


def crossed() -> pc.Model:
    """Free items of which one measures two traits, with errors that covary."""
    m = pc.Model("crossed")
    one, two = (m.trait(n, pc.Normal(0, 1)) for n in ("one", "two"))
    m.survey(one, ["a1", "a2", "a3"], points=0)
    m.survey(two, ["b1", "b2", "b3"], points=0, loading=(1, -0.8, 1.2))
    m.cross_loading("a3", two, 0.3)
    m.covary("a1", "b1", 0.1)
    m.correlated(one, two)
    return m


def drawn(m: pc.Model, size: int, seed: int) -> pd.DataFrame:
    form = m.structural().at()
    values = np.random.default_rng(seed).multivariate_normal(
        form.item_mean, form.item_covariance, size
    )
    return pd.DataFrame(values, columns=list(m.items))


def posterior(kind: str) -> tuple[Density, Any, Any]:
    equal: tuple[str, ...] = ()
    m: Any = designs.mediation()
    group = None
    if kind == "moderated":
        data, group = designs.two_reputations(m, 80, 1), "reputation"
    elif kind == "gaps":
        data = designs.with_gaps(designs.respondents(m, 120, 2), 0.2, 3)
    elif kind == "own parameters":
        data = designs.two_reputations(m, 80, 4).rename(columns={"reputation": "country"})
        group = "country"
    elif kind == "published":  # no item has an error, so Σ is factorised itself
        study = pc.facts.zhang2017_ecm()
        m = pc.library.expectation_confirmation()
        data = pc.SummaryData(corr=study.correlation, n=study.n, names=study.names)
    elif kind == "correlated":
        m = correlated()
        data = drawn(m, 100, 5)
    elif kind == "crossed":
        m = crossed()
        data = drawn(m, 100, 8)
    elif kind == "lavaan":  # cross-loadings, equal loadings, covariances, a given intercept
        m = pc.Model.from_lavaan(CROSSED)
        data = designs.with_gaps(drawn(m, 100, 9), 0.2, 3)
    elif kind == "invariant":  # equal loadings and intercepts, means of the second group
        m, group, equal = pc.Model.from_lavaan(CROSSED), "shop", ("loadings", "intercepts")
        data = drawn(m, 120, 10).assign(shop=["here", "there"] * 60)
    else:
        data = designs.respondents(m, 100, 6)
    sample = read(m, data, group)
    plan = make_plan(m, sample, None, equal=equal)
    return Density(plan, sample), plan, sample


KINDS = [
    "plain", "moderated", "gaps", "own parameters", "lavaan", "invariant", "crossed", "correlated",
    "published",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_the_derivative(kind: str) -> None:
    density, _, _ = posterior(kind)
    for seed in range(3):
        z = density.initial(seed) + np.random.default_rng(seed).normal(0, 0.2, density.size)
        gradient = density(z)[1]
        step = 1e-5
        numeric = np.array([
            (density(z + step * e)[0] - density(z - step * e)[0]) / (2 * step)
            for e in np.eye(density.size)
        ])  # fmt: skip
        # Central differences: rounding 1e-16 · |log density| / step, about 1e-7 of the largest.
        np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6 * abs(numeric).max())


CORRELATED = [
    "correlated",
    "published",
    "crossed",
]  # PyMC has another unconstrained form of a matrix


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in CORRELATED])
def test_it_is_the_density_of_the_pymc_model(kind: str) -> None:
    density, plan, sample = posterior(kind)
    with quiet_compiler():
        made = pymc_model(plan, sample)
        log_density = made.compile_logp(mode="FAST_COMPILE")
    value_names = {rv.name: made.rvs_to_values[rv].name for rv in made.free_RVs}
    assert set(value_names) == set(density.shapes)
    for seed in range(2):
        z = density.initial(seed)
        point = {
            value_names[n]: z[density.places[n]].reshape(density.shapes[n]) for n in density.shapes
        }
        # PyMC rounds the constant log(10) of a prior to single precision: 3e-8 per intercept.
        assert float(log_density(point)) == pytest.approx(density(z)[0], abs=1e-6)


@pytest.mark.parametrize("kind", CORRELATED)
def test_correlations_count_as_in_pymc(kind: str) -> None:
    density, plan, sample = posterior(kind)
    with quiet_compiler():
        made = pymc_model(plan, sample)
        value_names = {rv.name: made.rvs_to_values[rv].name for rv in made.free_RVs}
        log_density = made.compile_logp(mode="FAST_COMPILE")
        transforms = {rv.name: made.rvs_to_transforms[rv] for rv in made.free_RVs}
    differences = []
    for seed in range(3):
        z = density.initial(seed) + np.random.default_rng(seed).normal(0, 0.3, density.size)
        point, ours = {}, density(z)[0]
        for name, place in density.places.items():
            values = z[place]
            if name.startswith("correlation"):
                prior = density.correlations[name]
                factor = prior.factor(values)
                with quiet_compiler():
                    rv = next(r for r in made.free_RVs if r.name == name)
                    theirs = transforms[name].forward(factor, *rv.owner.inputs)
                    point[value_names[name]] = np.asarray(theirs.eval(mode="FAST_COMPILE"))
                ours -= _log_jacobian(lambda y, p=prior: p.factor(y), values)
                ours += _log_jacobian(
                    lambda y, t=transforms[name], r=rv: np.asarray(
                        t.backward(y, *r.owner.inputs).eval(mode="FAST_COMPILE")
                    ),
                    point[value_names[name]],
                )
            else:
                point[value_names[name]] = values.reshape(density.shapes[name])
        differences.append(float(log_density(point)) - ours)
    # What is left may be one constant: the normalisation of the prior of correlations.
    np.testing.assert_allclose(differences, differences[0], atol=1e-5)


def _log_jacobian(transform: Any, z: Any) -> float:
    """Log volume change from the unconstrained numbers to the factor's lower triangle."""
    step = 1e-6
    rows = []
    for e in np.eye(len(z)):
        change = (transform(z + step * e) - transform(z - step * e)) / (2 * step)
        rows.append(change[np.tril_indices(len(change), -1)])
    return float(np.linalg.slogdet(np.array(rows))[1])


@pytest.mark.parametrize("eta", [1.0, 2.5])
def test_the_prior_of_correlations_is_lkj(eta: float) -> None:
    # LKJ: density of the correlations ∝ det(R)^(η − 1); of z, times the volume change.
    prior = _core.CorrelationPrior(4, eta)
    away = []
    for seed in range(3):
        z = np.random.default_rng(seed).normal(0, 0.5, prior.size)
        matrix, log_density, _ = prior.evaluate(z)
        volume = _log_jacobian(lambda y: prior.evaluate(y)[0], z)
        away.append(log_density - (eta - 1) * np.linalg.slogdet(matrix)[1] - volume)
    np.testing.assert_allclose(away, away[0], atol=1e-6)
    # The density of z is a product, so it integrates to one if its factors do.
    grid = np.linspace(-12, 12, 2401)
    origin = prior.evaluate(np.zeros(prior.size))[1]
    whole = np.exp(origin)
    for k in range(prior.size):
        line = [prior.evaluate(t * np.eye(prior.size)[k])[1] - origin for t in grid]
        whole *= np.exp(line).sum() * (grid[1] - grid[0])
    assert whole == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    "prior",
    [
        pc.Normal(0.3, 0.7), pc.HalfNormal(1.3), pc.Gamma(2, 0.5), pc.LogNormal(2, 0.4),
        pc.Exponential(1.5), pc.Uniform(-1, 3), pc.Beta(2, 5),
    ],
    ids=lambda p: type(p).__name__,
)  # fmt: skip
def test_every_prior_is_a_density_with_its_own_moments(prior: Any) -> None:
    priors = scalar_priors([prior])
    grid = np.linspace(-30, 30, 6_001)
    x = np.array([priors.evaluate(np.array([z]))[0][0] for z in grid])
    weight = np.exp([priors.evaluate(np.array([z]))[2] for z in grid]) * 0.01
    mean, variance = (float(v) for v in prior.moments())
    assert weight.sum() == pytest.approx(1, abs=1e-6)
    assert weight @ x == pytest.approx(mean, abs=1e-5)
    assert weight @ (x - mean) ** 2 == pytest.approx(variance, rel=1e-4)
    z = np.array([unconstrained(prior, mean)])
    assert priors.evaluate(z)[0][0] == pytest.approx(mean)


def test_an_impossible_point_has_no_density() -> None:
    density, _, _ = posterior("plain")
    z = density.initial(0)
    z[:] = 400.0
    assert density(z)[0] == -np.inf
