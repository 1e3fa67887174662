"""Latent variables integrated out numerically."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bernoulli, multivariate_normal, nbinom, norm, poisson

import pycore as pc
from pycore._core import Grid, Mixture
from pycore.errors import InputError
from pycore.estimation import EstimateWarning
from pycore.estimation import quadrature as module
from pycore.estimation.density import Density
from pycore.estimation.plan import Plan
from pycore.estimation.quadrature import equally_spaced, why_not
from pycore.estimation.quantities import systems
from pycore.estimation.respondent_plan import RespondentPlan
from pycore.estimation.specification import make_plan
from pycore.estimation.survey import Survey, read_survey
from pycore.model.numeric import evaluate
from pycore.model.products import separate_products
from tests.estimation import surveys


def planned(
    model: pc.Model, data: pd.DataFrame, ordinal: tuple[str, ...] = (), group: str | None = None
) -> tuple[Plan, Survey, Any]:
    survey = read_survey(model, data, ordinal=ordinal, group=group)
    linear, products = separate_products(model)
    return make_plan(linear, survey.sample, None), survey, products


def factor() -> pc.Model:
    """One trait, items and outcomes of every kind."""
    m = pc.Model("factor")
    x = m.trait("x", pc.Normal(0, 1))
    m.survey(x, ["a", "b"], points=5)
    m.survey(x, ["two"], points=2)
    m.survey(x, ["number"], points=0, error=0.6)
    m.outcome("left", m.parameter("base", -0.5) + m.parameter("hold", 0.8) * x)
    m.outcome("bought", m.parameter("rate", 0.3) - m.parameter("less", 0.4) * x, "poisson")
    m.outcome(
        "calls", m.parameter("often", 0.3) + m.parameter("more", 0.4) * x, "negative_binomial",
        size=m.parameter("size", 2.0),
    )  # fmt: skip
    m.outcome("stars", -m.parameter("fall", 0.7) * x, "ordered", points=4)
    return m


def moderated() -> pc.Model:
    """Three products that share a state which has causes and a mean of its own; one is a square."""
    m = pc.Model("moderated")
    cause, habit = m.trait("cause", pc.Normal(0, 1)), m.trait("habit", pc.Normal(0.4, 1))
    own = m.trait("own", pc.Normal(0, 1)) * m.parameter("sd_own", 0.7, pc.HalfNormal(1))
    hurt = m.state("hurt", carry=0.2, target=0.5 + m.parameter("a", 0.6) * cause + own)
    last = m.trait("last", pc.Normal(0, 1)) * m.parameter("sd_last", 0.6, pc.HalfNormal(1))
    strain = m.state(
        "strain",
        carry=0.3,
        target=m.parameter("b", 0.5) * hurt + m.parameter("shield", -0.3) * hurt * habit
        + m.parameter("bend", 0.15) * hurt**2 + last,
    )  # fmt: skip
    end = m.trait("end", pc.Normal(0, 1)) * m.parameter("sd_end", 0.5, pc.HalfNormal(1))
    leaving = m.state(
        "leaving",
        carry=0.3,
        target=m.parameter("d", 0.6) * strain + m.parameter("tire", 0.2) * hurt * strain + end,
    )  # fmt: skip
    for name, word in (("c", cause), ("h", hurt), ("r", habit), ("s", strain), ("l", leaving)):
        m.survey(word, [f"{name}{k}" for k in (1, 2)], points=0, error=0.5)
    return m


def plain(plan: Plan, survey: Survey, products: Any, rung: int = 12) -> tuple[Density, Density]:
    """In the plan's own coordinates, with many nodes; and the priors alone."""
    found = []
    nobody = replace(
        survey, answers=survey.answers[:0], outcomes=survey.outcomes[:0], codes=survey.codes[:0]
    )
    for people in (survey, nobody):
        with_answers = RespondentPlan(plan, survey, products)
        with_answers.survey = people
        parts = module._Integral(with_answers).parts(rung)
        density = Density(with_answers.plan, survey.sample, integrated=parts)
        density.begin(with_answers.starts)
        found.append(density)
    return found[0], found[1]


def coarse(*arguments: Any) -> Density:
    return plain(*planned(*arguments), rung=3)[0]


@pytest.fixture(scope="module")
def every() -> dict[str, Density]:
    """Every kind of likelihood by quadrature."""
    bent, short = surveys.interaction(), surveys.short(points=3)
    table = surveys.with_gaps(surveys.drawn(bent, 60, 3), 0.1, 1)
    crowd = surveys.drawn(short, 80, 4)
    two = pc.Model("two")
    x, y = two.trait("x", pc.Normal(0, 1)), two.trait("y", pc.Normal(0, 1))
    two.survey(x, ["a", "b"], points=4)
    two.survey(y, ["c", "d"], points=0, error=0.5)
    two.outcome("left", two.parameter("base", -0.5) + two.parameter("hold", 0.8) * y)
    names = tuple(short.items)
    of_every_kind = surveys.with_gaps(surveys.drawn(factor(), 60, 5), 0.1, 2)
    in_countries = crowd.assign(country=["north", "south"] * 40)
    return {
        "a product, gaps": coarse(bent, table),
        "three products": coarse(moderated(), surveys.drawn(moderated(), 80, 2)),
        "a product in groups": coarse(
            bent, table.assign(country=["north", "south"] * 30), (), "country"
        ),
        "categories, gaps": coarse(short, surveys.with_gaps(crowd, 0.05, 1), names),
        "categories in groups": coarse(short, in_countries, names, "country"),
        "every kind": coarse(factor(), of_every_kind, ("a", "b", "two")),
        "two factors": coarse(two, surveys.drawn(two, 60, 5), ("a", "b")),
    }


KINDS = (
    "a product, gaps", "three products", "a product in groups", "categories, gaps",
    "categories in groups", "every kind", "two factors",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_the_derivative(every: dict[str, Density], kind: str) -> None:
    density = every[kind]
    z = density.initial(1) + np.random.default_rng(1).normal(0, 0.2, density.size)
    gradient = density(z)[1]
    step = 1e-5
    numeric = np.array([
        (density(z + step * e)[0] - density(z - step * e)[0]) / (2 * step)
        for e in np.eye(density.size)
    ])  # fmt: skip
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-7 * abs(numeric).max())


def anywhere(density: Density) -> tuple[np.ndarray, dict[str, Any], Any]:
    """A point, what the plan's expressions read there, and the matrices."""
    z = density.start + np.random.default_rng(1).normal(0, 0.1, density.size)
    at = density.plan.environment(density.expand(z[None]))
    return z, {name: value[0] for name, value in at.items()}, systems(density.plan, at)[0]


def test_a_product_has_the_likelihood_of_an_integral_over_both_factors() -> None:
    """On a grid of hurt and habit: the machine conditions on one of them."""
    m = surveys.interaction()
    data = surveys.with_gaps(surveys.drawn(m, 25, 3), 0.15, 1)
    plan, survey, products = planned(m, data)
    density, prior = plain(plan, survey, products)
    z, at, system = anywhere(density)
    shield = float(evaluate(density.plan.further[0][-1], at))
    leaving, hurt, habit = (plan.latents.index(n) for n in ("leaving", "hurt", "habit"))
    path, spread = system.path[0], system.disturbance[0]
    steps = np.linspace(-7, 7, 141)
    scale = np.sqrt(np.diag(spread))
    a, b = (one.ravel() for one in np.meshgrid(steps * scale[hurt], steps * scale[habit]))
    both = [hurt, habit]
    weight = multivariate_normal.pdf(np.stack([a, b], 1), cov=spread[np.ix_(both, both)])
    weight *= (steps[1] - steps[0]) ** 2 * scale[hurt] * scale[habit]
    latent = np.zeros((len(a), len(plan.latents)))
    latent[:, hurt], latent[:, habit] = a, b
    latent[:, leaving] = path[leaving, hurt] * a + path[leaving, habit] * b + shield * a * b
    loading = system.loading[0]
    mean = system.intercept[0][:, 0] + latent @ loading.T
    own = loading[:, leaving]
    covariance = system.error[0] + np.outer(own, own) * spread[leaving, leaving]
    total = 0.0
    for row in survey.answers:
        seen = np.flatnonzero(np.isfinite(row))
        part = multivariate_normal.pdf(
            row[seen] - mean[:, seen], cov=covariance[np.ix_(seen, seen)]
        )
        total += float(np.log(weight @ part))
    assert density(z)[0] - prior(z)[0] == pytest.approx(total, abs=1e-6)


def test_answers_and_outcomes_have_the_likelihood_that_scipy_gives() -> None:
    """The integral by Gauss and Legendre's rule, with 400 points."""
    m = factor()
    plan, survey, products = planned(
        m, surveys.with_gaps(surveys.drawn(m, 60, 5), 0.1, 2), ("a", "b", "two")
    )
    density, prior = plain(plan, survey, products)
    z, at, system = anywhere(density)
    cuts = RespondentPlan(plan, survey, products).thresholds
    names = [*plan.items, *density.plan.outcomes]
    matrices = density.plan.matrices[0]
    entry = {
        (block, i): float(np.squeeze(evaluate(e, at)))
        for block in ("loading", "intercept", "error") for (i, _), e in matrices[block].items()
    }  # fmt: skip
    scale = float(np.sqrt(system.disturbance[0, 0, 0]))

    def chance(i: int, value: float, x: np.ndarray) -> Any:
        """Probability of an answer or outcome given the trait."""
        mean = entry.get(("intercept", i), 0.0) + entry[("loading", i)] * x
        error = entry.get(("error", i), np.nan)
        name = names[i]
        if name in cuts:
            ends = [-np.inf, *(float(evaluate(c, at)) for c in cuts[name][0]), np.inf]
            high, low = (norm.cdf((ends[int(value) + k] - mean) / np.sqrt(error)) for k in (1, 0))
            return high - low
        if name == "left":
            return bernoulli.pmf(value, 1 / (1 + np.exp(-mean)))
        if name == "bought":
            return poisson.pmf(value, np.exp(mean))
        if name == "calls":
            return nbinom.pmf(value, error, error / (error + np.exp(mean)))
        return norm.pdf(value, mean, np.sqrt(error))

    points, weights = np.polynomial.legendre.leggauss(400)
    points, weights = 9 * points, 9 * weights
    total = 0.0
    for row in np.hstack([survey.answers, survey.outcomes]):
        joint = weights * norm.pdf(points)
        for i, value in enumerate(row):
            if np.isfinite(value):
                joint = joint * chance(i, value, scale * points)
        total += float(np.log(joint.sum()))
    assert density(z)[0] - prior(z)[0] == pytest.approx(total, abs=1e-6)


def test_one_case_counts_twice_if_two_gave_its_answers() -> None:
    m = surveys.short(points=3)
    data = surveys.drawn(m, 90, 4)
    names = tuple(m.items)
    once, twice = (
        plain(*planned(m, pd.concat([data] * k, ignore_index=True), names)) for k in (1, 2)
    )
    z = once[0].start
    single, double = (posterior(z)[0] - prior(z)[0] for posterior, prior in (once, twice))
    assert double == pytest.approx(2 * single, rel=1e-12)


def test_the_core_refuses_what_does_not_fit_together() -> None:
    m = surveys.interaction()
    groups = RespondentPlan(*planned(m, surveys.drawn(m, 30, 3))).respondents()
    nodes, weights = equally_spaced(0.5, 1)
    with pytest.raises(ValueError, match="one weight per node"):
        Mixture(groups[0], nodes=nodes, weights=weights[1:], shared=1)
    with pytest.raises(ValueError, match="nodes in one dimension"):
        Mixture(groups[0], nodes=nodes, weights=-weights, shared=1)
    with pytest.raises(ValueError, match="products that share a state"):
        Mixture(groups[0], nodes=nodes, weights=weights, shared=0)
    with pytest.raises(ValueError, match="as many dimensions as disturbances"):
        Grid(groups[0], nodes=nodes, weights=weights)
    short = surveys.short(points=3)
    plan, survey, products = planned(short, surveys.drawn(short, 30, 3), tuple(short.items))
    answered = RespondentPlan(plan, survey, products).respondents()[0]
    with pytest.raises(ValueError, match="continuous items"):
        Mixture(answered, nodes=nodes, weights=weights, shared=1)
    made = RespondentPlan(*planned(m, surveys.drawn(m, 30, 3)))
    disc, share = equally_spaced(0.5, 2)
    with pytest.raises(ValueError, match="answers and products that exist"):
        Density(made.plan, survey.sample, integrated=[Grid(answered, nodes=disc, weights=share)])


@pytest.mark.parametrize("dimensions", [1, 2])
def test_nodes_average_polynomials_of_a_normal(dimensions: int) -> None:
    nodes, weights = equally_spaced(0.5, dimensions)
    for row in nodes:
        moments = [float(weights @ row**k) for k in (2, 4, 6)]
        # What lies beyond the reach is left out.
        assert moments == pytest.approx([1, 3, 15], rel=1e-4)


def test_coordinates_at_the_mode_change_nothing_but_the_coordinates() -> None:
    m = surveys.interaction()
    plan, survey, products = planned(m, surveys.drawn(m, 40, 3))
    density, _ = plain(plan, survey, products)
    rng = np.random.default_rng(1)
    root = np.tril(rng.normal(0, 0.1, (density.size, density.size))) + np.eye(density.size)
    other = density.whitened(density.start, root @ root.T)
    u = rng.normal(0, 0.3, density.size)
    root = np.linalg.cholesky(root @ root.T)
    there = density.start + root @ u
    assert other(u)[0] == pytest.approx(density(there)[0], rel=1e-12)
    np.testing.assert_allclose(other(u)[1], root.T @ density(there)[1], rtol=1e-9, atol=1e-9)
    same, known = other.expand(u[None]), density.expand(there[None])
    np.testing.assert_allclose(same["shield"], known["shield"], rtol=1e-12)


def quick(model: pc.Model, data: Any, **options: Any) -> Any:
    chosen: dict[str, Any] = {"seed": 1, "method": "laplace", "draws": 100, "chains": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)  # what is warned of is tested elsewhere
        return pc.estimate(model, data, **(chosen | options))


BY_QUADRATURE = "latent variables integrated out by quadrature"


def test_a_model_with_a_product_is_fitted_by_quadrature_unless_told_otherwise() -> None:
    m = surveys.interaction()
    data = surveys.drawn(m, 150, 11)
    fit = quick(m, data)
    assert fit.attrs["information"] == BY_QUADRATURE
    assert fit.attrs["products"] == ["habit x hurt -> leaving"]
    assert fit.attrs["quadrature_over"] == ["hurt"]
    assert fit.attrs["quadrature_error"] < 0.02
    assert fit.attrs["linearised"] == []
    assert fit.attrs["unidentified"] == []
    truth, draws = -0.5, fit.posterior["shield"].values
    assert abs(draws.mean() - truth) < 4 * draws.std()
    linear = quick(m, data, latents="integrated", priors={"shield": 0.0})
    assert linear.attrs["information"] == ""
    assert quick(m, data, method="ml", priors={"shield": 0.0}).attrs["information"] == ""


def test_what_no_quadrature_takes_is_fitted_as_before() -> None:
    m = pc.Model("four")
    words = [m.trait(f"x{k}", pc.Normal(0, 1)) for k in range(4)]
    own = m.trait("own", pc.Normal(0, 1)) * m.parameter("spread", 0.5)
    m.state(
        "y", target=m.parameter("b", 0.3) * words[0] * words[1]
        + m.parameter("c", 0.3) * words[2] * words[3] + own,
    )  # fmt: skip
    for word in (*words, m["y"]):
        m.survey(word, 2, points=0, error=0.4)
    data = surveys.drawn(m, 120, 1)
    assert "all products share" in why_not(*planned(m, data))
    with pytest.raises(InputError, match="'explicit': it integrates over one or two disturbances"):
        quick(m, data, latents="quadrature")
    assert quick(m, data, priors={"b": 0.0, "c": 0.0}).attrs["information"] == ""


def test_answers_without_errors_are_refused_where_they_are_asked_for() -> None:
    m = pc.Model("exact")
    x, y = m.trait("x", pc.Normal(0, 1)), m.trait("y", pc.Normal(0, 1))
    own = m.trait("own", pc.Normal(0, 1)) * m.parameter("spread", 0.5)
    m.survey(x, ["x1"], points=0, error=0)
    m.survey(y, ["y1"], points=0, error=0)
    z = m.state("z", target=m.parameter("b", 0.3) * x * y + own)
    m.survey(z, 2, points=0, error=0.5)
    data = surveys.drawn(m, 120, 1)
    with pytest.raises(InputError, match=r"item 'x1': received 'error 0'"):
        quick(m, data, latents="quadrature")
    assert quick(m, data, priors={"b": 0.0}).attrs["information"] == ""


def test_too_few_nodes_are_a_gate_that_is_not_met(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_NODES", 24)
    m = surveys.interaction()
    with pytest.warns(EstimateWarning, match="log likelihood off by .* nodes over hurt"):
        fit = pc.estimate(
            m, surveys.drawn(m, 150, 11), seed=1, method="laplace", draws=100, chains=2
        )
    assert not fit.attrs["gates_passed"]


def test_few_draws_are_enough() -> None:
    """Nothing per respondent is drawn, and chains begin in the coordinates of the mode."""
    m = factor()
    fit = quick(m, surveys.drawn(m, 120, 3), ordinal=("a", "b", "two"), method="nuts", draws=200,
                tune=150, progress=False)  # fmt: skip
    assert fit.attrs["information"] == BY_QUADRATURE
    assert fit.attrs["ess_bulk"] > 200
    truth = m.parameters["value"]
    # Eight parameters: one beyond 4 deviations with probability 0.05%.
    for name in ("base", "hold", "rate", "less", "often", "more", "fall"):
        draws = fit.posterior[name].values
        assert abs(draws.mean() - truth[name]) < 4 * draws.std(), name


@pytest.mark.long
@pytest.mark.parametrize("kind", ["product", "categories"])
def test_it_is_the_posterior_of_explicit_latent_variables(kind: str) -> None:
    m = surveys.interaction() if kind == "product" else surveys.short()
    data = surveys.drawn(m, 150, 5)
    ordinal = kind == "categories"
    names = ("b", "c", "shield") if kind == "product" else ("pull",)
    fits = [
        quick(m, data, ordinal=ordinal, method="nuts", latents=latents, draws=draws, tune=1000,
              chains=4, progress=False)
        for latents, draws in (("quadrature", 1000), ("explicit", 6000))
    ]  # fmt: skip
    for name in names:
        draws = [f.posterior[name].values for f in fits]
        errors = [d.std() / np.sqrt(effective(d)) for d in draws]
        away = draws[0].mean() - draws[1].mean()
        # Four means in all: 3.5 errors are passed with probability 0.2%.
        assert abs(away) < 3.5 * np.hypot(*errors), name
        assert draws[0].std() == pytest.approx(draws[1].std(), rel=0.1)


def effective(draws: np.ndarray) -> float:
    from arviz_stats.base import array_stats

    return float(array_stats.ess(draws, chain_axis=0, draw_axis=1, method="bulk"))


@pytest.mark.long
def test_an_interaction_is_found_as_often_as_it_should_be() -> None:
    m = surveys.interaction()
    everybody = surveys.drawn(m, 8000, 21)
    truth = m.parameters["value"]
    inside, away = dict.fromkeys(("b", "c", "shield"), 0), []
    for k in range(40):
        data = everybody[200 * k : 200 * (k + 1)].reset_index(drop=True)
        fit = quick(m, data, method="nuts", draws=300, tune=300, progress=False)
        for name in inside:
            draws = fit.posterior[name].values
            low, high = np.quantile(draws, [0.05, 0.95])
            inside[name] += int(low < truth[name] < high)
            if name == "shield":
                away.append(draws.mean() - truth[name])
    # Of 40 intervals of 90%: fewer than 30 with probability 0.2% each.
    assert min(inside.values()) >= 30, inside
    # The prior's pull is small: the mean error is within 3.5 of its own errors.
    assert abs(np.mean(away)) < 3.5 * np.std(away) / np.sqrt(40)
