"""Latent variables drawn for every respondent."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bernoulli, nbinom, norm, poisson

import pycore as pc
from pycore.estimation import EstimateWarning
from pycore.estimation.density import Density
from pycore.estimation.explicit import explicit_density
from pycore.estimation.identification import unidentified
from pycore.estimation.plan import Plan
from pycore.estimation.quantities import systems
from pycore.estimation.sample import read
from pycore.estimation.specification import make_plan
from pycore.estimation.survey import Survey, read_survey
from pycore.model.numeric import evaluate
from pycore.model.products import separate_products
from tests.estimation import surveys

ORDINAL = ("a1", "a2", "h1", "h2", "s1", "s2", "l1", "l2")


def made(data: pd.DataFrame | None = None) -> tuple[Plan, Density, Survey, Any]:
    m = surveys.everything()
    table = surveys.drawn(m, 60, 3) if data is None else data
    survey = read_survey(m, table, ordinal=ORDINAL)
    linear, products = separate_products(m)
    plan = make_plan(linear, survey.sample, None)
    plan, density, cuts = explicit_density(plan, survey, products)
    return plan, density, survey, cuts


@pytest.fixture(scope="module")
def everything() -> tuple[Plan, Density, Survey, Any]:
    return made(surveys.with_gaps(surveys.drawn(surveys.everything(), 60, 3), 0.1, 1))


def in_groups() -> Density:
    """Two countries with parameters of their own, thresholds in common."""
    m = surveys.short(points=3)
    data = surveys.drawn(m, 80, 4).assign(country=["north", "south"] * 40)
    survey = read_survey(m, data, ordinal=tuple(m.items), group="country")
    return explicit_density(make_plan(m, survey.sample, None), survey, ())[1]


@pytest.mark.parametrize("kind", ["everything", "in groups"])
def test_the_gradient_is_the_derivative(everything: Any, kind: str) -> None:
    density = everything[1] if kind == "everything" else in_groups()
    z = density.initial(1) + np.random.default_rng(1).normal(0, 0.2, density.size)
    gradient = density(z)[1]
    step = 1e-5
    numeric = np.array([
        (density(z + step * e)[0] - density(z - step * e)[0]) / (2 * step)
        for e in np.eye(density.size)
    ])  # fmt: skip
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-7 * abs(numeric).max())


def test_it_is_the_likelihood_that_scipy_computes_for_each_respondent(everything: Any) -> None:
    plan, density, survey, cuts = everything
    rng = np.random.default_rng(2)

    def likelihood(z: np.ndarray) -> float:
        at = plan.environment(density.expand(z[None, : density.kept]))
        system = systems(plan, at)[0]
        at = {name: value[0] for name, value in at.items()}
        drawn = [j for j in range(len(plan.latents)) if system.disturbance[0, j, j] > 0]
        root = np.linalg.cholesky(system.disturbance[0][np.ix_(drawn, drawn)])
        people = len(survey.codes)
        enters = np.zeros((people, len(plan.latents)))
        enters[:, drawn] = z[density.kept :].reshape(len(drawn), people).T @ root.T
        hurt, habit, strain = (plan.latents.index(n) for n in ("hurt", "habit", "strain"))
        product = evaluate(plan.further[0][-1], at)
        enters[:, strain] += product * enters[:, hurt] * enters[:, habit]
        latent = enters @ np.linalg.inv(np.eye(len(plan.latents)) - system.path[0]).T
        total = norm.logpdf(z[density.kept :]).sum()
        rows = [(n, survey.answers[:, i]) for i, n in enumerate(plan.items)]
        rows += [(n, survey.outcomes[:, k]) for k, n in enumerate(plan.outcomes)]
        for i, (name, values) in enumerate(rows):
            entry = {b: plan.matrices[0][b] for b in ("loading", "intercept", "error")}
            mean = np.zeros(people)
            if (i, 0) in entry["intercept"]:
                mean += evaluate(entry["intercept"][i, 0], at)
            for j in range(len(plan.latents)):
                if (i, j) in entry["loading"]:
                    mean += evaluate(entry["loading"][i, j], at) * latent[:, j]
            scale = evaluate(entry["error"][i, i], at) if (i, i) in entry["error"] else np.nan
            seen = np.isfinite(values)
            x, mu = values[seen], mean[seen]
            if name in cuts:
                ends = [-np.inf, *(float(evaluate(c, at)) for c in cuts[name][0]), np.inf]
                high, low = (
                    norm.cdf((np.array(ends)[x.astype(int) + k] - mu) / np.sqrt(scale))
                    for k in (1, 0)
                )
                total += np.log(high - low).sum()
            elif name == "left":
                total += bernoulli.logpmf(x, 1 / (1 + np.exp(-mu))).sum()
            elif name == "bought":
                total += poisson.logpmf(x, np.exp(mu)).sum()
            elif name == "calls":
                total += nbinom.logpmf(x, scale, scale / (scale + np.exp(mu))).sum()
            else:
                total += norm.logpdf(x, mu, np.sqrt(scale)).sum()
        return float(total)

    # Priors are tested elsewhere: the same parameters with other latent variables have the same.
    z = density.initial(1)
    z[density.kept :] = rng.normal(0, 0.8, density.size - density.kept)
    other = z.copy()
    other[density.kept :] = rng.normal(0, 0.8, density.size - density.kept)
    assert density(z)[0] - density(other)[0] == pytest.approx(
        likelihood(z) - likelihood(other), abs=1e-8
    )
    # Parameters whose prior is flat enough to be left out: an outcome's coefficient.
    moved = z.copy()
    moved[density.places["hold"]] += 0.3
    prior = norm.logpdf([moved[density.places["hold"]][0], z[density.places["hold"]][0]], 0, 2.5)
    assert density(moved)[0] - density(z)[0] == pytest.approx(
        likelihood(moved) - likelihood(z) + prior[0] - prior[1], abs=1e-8
    )


def test_thresholds_are_in_order_wherever_the_chain_goes(everything: Any) -> None:
    plan, density, _, cuts = everything
    for seed in range(20):
        z = np.random.default_rng(seed).normal(0, 3, density.size)
        at = plan.environment(density.expand(z[None, : density.kept]))
        for own in cuts.values():
            levels = np.array([float(np.squeeze(evaluate(c, at))) for c in own[0]])
            assert (np.diff(levels) >= 0).all()


def fitted(model: pc.Model, data: pd.DataFrame, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)  # so few draws may miss a gate
        return pc.estimate(
            model, data, seed=1, draws=250, tune=300, chains=2, progress=False, **options
        )


def inside(fit: Any, model: pc.Model, names: list[str], deviations: float) -> None:
    """The truth is within some posterior deviations of the mean."""
    truth = model.parameters["value"]
    for name in names:
        draws = fit.posterior[name].values
        away = (draws.mean() - truth[name]) / draws.std()
        assert abs(away) < deviations, (name, truth[name], draws.mean(), draws.std())


@pytest.mark.long
def test_ordinal_answers_give_the_parameters_back() -> None:
    m = surveys.short()
    fit = fitted(m, surveys.drawn(m, 200, 5), ordinal=True, latents="explicit")
    # Two parameters: beyond 3.5 deviations with probability 0.1%.
    inside(fit, m, ["pull", "spread"], 3.5)
    cuts = fit.posterior["threshold"].mean(("chain", "draw")).sel(ordinal="s1").values
    np.testing.assert_allclose(cuts, [-1.35, -0.45, 0.45, 1.35], atol=0.35)
    assert fit.attrs["information"] == "explicit latent variables"
    assert fit.attrs["rhat"] < 1.2


@pytest.mark.long
def test_outcomes_give_the_parameters_back() -> None:
    m = surveys.everything()
    fit = fitted(m, surveys.drawn(m, 400, 7), ordinal=ORDINAL)
    names = ["b", "c", "shield", "d", "base", "hold", "rate", "less", "often", "more", "fall"]
    # Eleven parameters: one beyond 4 deviations with probability 0.1%.
    inside(fit, m, names, 4.0)


@pytest.mark.slow
def test_a_product_of_states_is_found_and_the_linearised_fit_misses_it() -> None:
    m = surveys.interaction()
    data = surveys.drawn(m, 250, 11)
    fit = fitted(m, data)
    inside(fit, m, ["b", "c", "shield", "spread"], 4.0)
    assert fit.posterior["shield"].values.max() < -0.3
    assert fit.attrs["products"] == ["habit x hurt -> leaving"]
    # Around means of 0 the product has no slope; all that its linear form leaves of it is a
    # variance, which might as well be the disposition's.
    plan = make_plan(m, read(m, data), None)
    assert unidentified(plan) == ("spread", "shield")
    linear = pc.estimate(m, data, method="ml", priors={"shield": 0.0})
    est, se = linear.estimates["spread"].sel(statistic=["est", "se"]).values
    # Truly 0.5; with the product's variance of 0.25 it is 0.71.
    assert abs(est) - 4 * se > 0.5
