"""Fits of answers that are categories, of outcomes, and of products of states.

Three likelihoods: with latent variables drawn for every respondent
(:mod:`pycore.estimation.explicit`) or integrated out (:mod:`pycore.estimation.quadrature`), and of
polychoric correlations alone (:mod:`pycore.estimation.limited_information`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import InputError, refuse
from pycore.estimation.explicit import explicit_density
from pycore.estimation.fit_measures import Gates, gates
from pycore.estimation.fit_tree import tree_of_draws, tree_of_estimates
from pycore.estimation.identification import improper, told_apart_by_priors, unidentified
from pycore.estimation.laplace import approximate
from pycore.estimation.limited_information import (
    LimitedFit,
    completed,
    fit_limited,
    limited_density,
)
from pycore.estimation.plan import Plan
from pycore.estimation.posterior import environment
from pycore.estimation.priors import held_numbers
from pycore.estimation.quadrature import quadrature, why_not
from pycore.estimation.quantities import implied, quantities, systems, to_dataset
from pycore.estimation.sampling import Draws, Progress, run
from pycore.estimation.specification import make_plan
from pycore.estimation.survey import Survey
from pycore.model.model import Model
from pycore.model.numeric import evaluate
from pycore.model.products import separate_products

__all__ = [
    "EXPLICIT", "LIMITED", "QUADRATURE", "full_fit", "integrable", "limited_fit",
    "limited_likelihood_fit",
]  # fmt: skip

EXPLICIT, LIMITED = "explicit latent variables", "limited information"
QUADRATURE = "latent variables integrated out by quadrature"

Array = NDArray[np.float64]
Priors = Mapping[str, Any] | str | None


def full_fit(
    model: Model,
    survey: Survey,
    priors: Priors,
    *,
    latents: str | None,
    equal: Iterable[str],
    method: str,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    progress: Progress,
) -> tuple[xr.DataTree, list[str]]:
    """The posterior given every answer, with latent variables drawn or integrated out.

    Parameters
    ----------
    latents : {"explicit", "quadrature"} or None
        None for a quadrature where there is one.

    Returns
    -------
    xarray.DataTree
        As of :func:`pycore.estimate`, with ``threshold[item, cut]``; ratings are items there.
    list of str
        What has to be warned of.
    """
    linear, products = separate_products(model)
    plan = make_plan(linear, survey.sample, priors, equal=equal)
    known = priors if isinstance(priors, Mapping) else None
    if latents is None:
        latents = "explicit" if why_not(plan, survey, products, known) else "quadrature"
    about: dict[str, Any] = {}
    failures: tuple[str, ...] = ()
    if latents == "quadrature":
        made = quadrature(plan, survey, products, known)
        plan, density, thresholds = made.plan, made.density, made.thresholds
        failures = made.failures
        about = {
            "quadrature_over": list(made.over), "quadrature_nodes": made.nodes,
            "quadrature_error": made.error,
        }  # fmt: skip
    elif method != "nuts":
        raise refuse("method", method, "'nuts' with explicit latent variables")
    else:
        plan, density, thresholds = explicit_density(plan, survey, products, known)
    if not np.isfinite(density(density.start)[0]):
        raise InputError(
            "model: received disturbances that determine each other, allowed with explicit latent "
            "variables are those with a positive definite covariance"
        )
    loose = unidentified(plan)
    if method == "laplace":
        drawn = approximate(density, draws=draws, chains=chains, seed=seed)
        checked = Gates.of_mode(drawn)
    else:
        drawn = run(density, draws=draws, tune=tune, chains=chains, seed=seed, progress=progress)
        checked = gates(drawn)
    checked = replace(checked, other=(*checked.other, *failures))
    at = environment(plan, drawn)
    systems_at = systems(plan, at)
    found = quantities(plan, at, systems_at)
    found |= _thresholds(at, thresholds)
    posterior = _posterior(plan, drawn, found)
    if thresholds:
        cuts = np.arange(1, posterior.sizes["cut"] + 1)
        posterior = posterior.assign_coords(ordinal=list(thresholds), cut=cuts)
    tree = tree_of_draws(
        plan, survey.sample, posterior, drawn, checked, seed=seed, loose=loose,
        constant=_constant_data(plan, survey), measures=xr.Dataset(),
        information=QUADRATURE if about else EXPLICIT,
    )  # fmt: skip
    tree.attrs |= _about(plan, survey) | about
    tree.attrs["model_json"] = model.to_json()  # with its products
    tree.attrs["products"] = [f"{p.first} x {p.second} -> {p.state}" for p in products]
    latent = [implied(s)[0].mean(axis=0) for s in systems_at]
    return tree, [*told_apart_by_priors(loose), *checked.warnings, *improper(plan, latent)]


def integrable(model: Model, survey: Survey, priors: Priors, *, equal: Iterable[str]) -> bool:
    """Whether a quadrature takes a model with products of states as it is."""
    linear, products = separate_products(model)
    known = priors if isinstance(priors, Mapping) else None
    try:
        plan = make_plan(linear, survey.sample, priors, equal=equal)
        return bool(products) and not why_not(plan, survey, products, known)
    except InputError:
        return False  # and what is asked for by default says why, if it cannot either


def limited_fit(
    model: Model,
    survey: Survey,
    priors: Priors,
    *,
    equal: Iterable[str],
    method: str,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    progress: Progress,
) -> tuple[xr.DataTree, list[str]]:
    """The posterior of the pseudo-likelihood, by Markov chains or at its mode."""
    fit = fit_limited(
        make_plan(model, survey.sample, held_numbers(priors), equal=equal, likelihood=True), survey
    )
    whole = make_plan(model, survey.sample, priors, equal=equal)
    plan, density = limited_density(whole, survey, fit)
    if method == "laplace":
        drawn = approximate(density, draws=draws, chains=chains, seed=seed)
        checked = Gates.of_mode(drawn)
    else:
        drawn = run(density, draws=draws, tune=tune, chains=chains, seed=seed, progress=progress)
        checked = gates(drawn)
    at = environment(plan, drawn)
    made = completed(plan, fit.statistics, systems(plan, at))
    posterior = _posterior(plan, drawn, quantities(plan, at, made))
    tree = tree_of_draws(
        plan, survey.sample, posterior, drawn, checked, seed=seed, loose=(),
        constant=_constant_data(plan, survey), measures=xr.Dataset(fit.measures),
        information=LIMITED,
    )  # fmt: skip
    tree.attrs |= _about(plan, survey)
    tree["polychoric"] = _polychoric(fit, survey)
    latent = [implied(s)[0].mean(axis=0) for s in made]
    return tree, [*_fit_troubles(fit), *checked.warnings, *improper(plan, latent)]


def limited_likelihood_fit(
    model: Model, survey: Survey, priors: Priors, *, equal: Iterable[str]
) -> tuple[xr.DataTree, list[str]]:
    """Weighted least squares of polychoric correlations, without priors."""
    plan = make_plan(model, survey.sample, priors, equal=equal, likelihood=True)
    fit = fit_limited(plan, survey)
    troubles = _fit_troubles(fit)
    tree = tree_of_estimates(
        fit.plan, survey.sample, fit.estimates(), sampler="diagonally weighted least squares",
        troubles=troubles, constant=_constant_data(fit.plan, survey), measures=fit.measures,
        information=LIMITED,
    )  # fmt: skip
    tree.attrs |= _about(fit.plan, survey)
    tree["polychoric"] = _polychoric(fit, survey)
    return tree, troubles


def _fit_troubles(fit: LimitedFit) -> list[str]:
    found = []
    if not fit.converged:
        found.append("the weighted least squares have no minimum here: these are no estimates")
    if fit.covariance is None:
        found.append("correlations cannot tell parameters apart at this solution")
    error = [s.error[0].diagonal() for s in _completed_at(fit)]
    negative = sorted({fit.plan.items[i] for d in error for i in np.flatnonzero(d < 0)})
    if negative:
        found.append(f"negative error variances: {', '.join(negative)}")
    return found


def _completed_at(fit: LimitedFit) -> list[Any]:
    return completed(fit.plan, fit.statistics, systems(fit.plan, fit.environment(fit.z[None])))


def _thresholds(
    at: Mapping[str, Array], found: Mapping[str, tuple[tuple[sp.Expr, ...], ...]]
) -> dict[str, tuple[tuple[str, ...], Array]]:
    """Cuts of ordinal items and ratings, NaN beyond an item's last; shared by the groups."""
    if not found:
        return {}
    points = len(next(iter(at.values())))
    most = max(len(cuts[0]) for cuts in found.values())
    array = np.full((points, len(found), most), np.nan)
    memo: dict[sp.Basic, Any] = {}
    for i, cuts in enumerate(found.values()):
        for k, cut in enumerate(cuts[0]):
            array[:, i, k] = evaluate(cut, at, memo=memo)
    return {"threshold": (("ordinal", "cut"), array)}


def _polychoric(fit: LimitedFit, survey: Survey) -> xr.Dataset:
    """Thresholds, which fit exactly, with their errors; correlations."""
    known = fit.statistics
    names, groups = list(survey.ordinal), len(known.polychorics)
    most = max(len(t) for t in known.polychorics[0].thresholds)
    cuts = np.full((groups, len(names), most, 2), np.nan)
    for g, found in enumerate(known.polychorics):
        both = zip(found.thresholds, found.threshold_errors, strict=True)
        for i, (level, error) in enumerate(both):
            cuts[g, i, : len(level)] = np.stack([level, error], axis=1)
    correlation = np.stack([p.correlation for p in known.polychorics])
    grouped = fit.plan.group_name is not None
    lead = ("group",) if grouped else ()
    cuts, correlation = (cuts, correlation) if grouped else (cuts[0], correlation[0])
    return xr.Dataset(
        {
            "std_threshold": ((*lead, "ordinal", "cut"), cuts[..., 0]),
            "std_threshold_error": ((*lead, "ordinal", "cut"), cuts[..., 1]),
            "correlation": ((*lead, "item", "item_"), correlation),
        },
        coords={"ordinal": names, "cut": np.arange(1, most + 1), "item": names, "item_": names}
        | ({"group": list(fit.plan.groups)} if grouped else {}),
    )


def _posterior(
    plan: Plan, drawn: Draws, found: dict[str, tuple[tuple[str, ...], Array]]
) -> xr.Dataset:
    chains, draws = drawn.steps.shape
    lead = {"chain": np.arange(chains), "draw": np.arange(draws)}
    return to_dataset(plan, found, ("chain", "draw"), lead)


def _about(plan: Plan, survey: Survey) -> dict[str, Any]:
    return {"ordinal": list(survey.ordinal), "outcomes": list(plan.outcomes)}


def _constant_data(plan: Plan, survey: Survey) -> xr.Dataset:
    units = survey.sample.units
    return xr.Dataset(
        {
            "n": ("unit", [u.n for u in units]),
            "group": ("unit", [str(plan.groups[u.group]) for u in units]),
            "mean": (("unit", "item"), np.array([u.mean for u in units])),
            "scale": (("unit", "item"), np.array([np.sqrt(np.diag(u.cov)) for u in units])),
            "held": ("parameter", list(plan.held.values())),
        },
        coords={"item": list(plan.items), "parameter": list(plan.held)},
    )
