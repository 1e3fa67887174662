"""Fits of answers that are categories, of outcomes, and of products of states.

Two likelihoods: with latent variables drawn for every respondent (:mod:`pycore.estimation.explicit`),
and of polychoric correlations alone (:mod:`pycore.estimation.limited_information`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import sympy as sp
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import InputError
from pycore.estimation.explicit import explicit_density
from pycore.estimation.fit_measures import Gates, gates
from pycore.estimation.identification import improper, unidentified
from pycore.estimation.laplace import approximate
from pycore.estimation.limited_information import (
    LimitedFit,
    completed,
    fit_limited,
    limited_density,
)
from pycore.estimation.plan import Plan
from pycore.estimation.posterior import environment
from pycore.estimation.quantities import implied, quantities, systems, to_dataset
from pycore.estimation.sampling import Draws, Progress, run
from pycore.estimation.specification import make_plan
from pycore.estimation.survey import Survey
from pycore.model.distributions import Distribution
from pycore.model.model import Model
from pycore.model.numeric import evaluate
from pycore.model.products import separate_products

__all__ = ["explicit_fit", "limited_fit", "limited_likelihood_fit"]

Array = NDArray[np.float64]
Priors = Mapping[str, Any] | str | None


def explicit_fit(
    model: Model,
    survey: Survey,
    priors: Priors,
    *,
    equal: Iterable[str],
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    progress: Progress,
) -> tuple[xr.DataTree, list[str]]:
    """Sample the posterior with latent variables of every respondent.

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
    plan, density, thresholds = explicit_density(plan, survey, products, known)
    if not np.isfinite(density(density.start)[0]):
        raise InputError(
            "model: received disturbances that determine each other, allowed with explicit latent "
            "variables are those with a positive definite covariance"
        )
    loose = unidentified(plan)
    drawn = run(density, draws=draws, tune=tune, chains=chains, seed=seed, progress=progress)
    checked = gates(drawn)
    at = environment(plan, drawn)
    made = systems(plan, at)
    found = quantities(plan, at, made)
    found |= _thresholds(at, thresholds)
    warnings = _not_met(checked) + improper(
        plan, [implied(s)[0].mean(axis=0) for s in made]
    )  # fmt: skip
    if loose:
        warnings.insert(0, _loose(loose))
    tree = _tree(plan, survey, drawn, checked, found, seed, "explicit latent variables", loose)
    _name_cuts(tree, list(thresholds))
    tree.attrs["products"] = [f"{p.first} x {p.second} -> {p.state}" for p in products]
    return tree, warnings


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
        make_plan(model, survey.sample, _held(priors), equal=equal, likelihood=True), survey
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
    warnings = [*_fit_troubles(fit), *_not_met(checked)]
    warnings += improper(plan, [implied(s)[0].mean(axis=0) for s in made])
    tree = _tree(
        plan, survey, drawn, checked, quantities(plan, at, made), seed, "limited information", ()
    )
    _add_limited(tree, fit, survey)
    return tree, warnings


def limited_likelihood_fit(
    model: Model, survey: Survey, priors: Priors, *, equal: Iterable[str]
) -> tuple[xr.DataTree, list[str]]:
    """Weighted least squares of polychoric correlations, without priors."""
    plan = make_plan(model, survey.sample, priors, equal=equal, likelihood=True)
    fit = fit_limited(plan, survey)
    estimates = fit.estimates()
    estimates.attrs = {
        "parameters": list(fit.plan.parameters), "model": model.name, "means_known": 1,
        "information": "limited",
    }  # fmt: skip
    troubles = _fit_troubles(fit)
    tree = xr.DataTree.from_dict(
        {"estimates": estimates, "constant_data": _constant_data(fit.plan, survey)}
    )
    tree.attrs = _about(fit.plan, survey) | {
        "sampler": "diagonally weighted least squares, limited information",
        "information": "limited information",
        "gates_passed": int(not troubles), "gates_failed": troubles, "unidentified": [],
    }  # fmt: skip
    _add_limited(tree, fit, survey)
    return tree, troubles


def _not_met(checked: Gates) -> list[str]:
    if checked.passed:
        return []
    return ["these draws do not meet the gates: " + "; ".join(checked.failures)]


def _loose(names: tuple[str, ...]) -> str:
    return (
        f"data cannot tell apart {', '.join(names)}: their posterior is what the priors make of it; "
        "hold some of them fixed with priors={name: number}"
    )


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


def _held(priors: Priors) -> dict[str, Any]:
    """Parameters held at numbers, which a likelihood has too."""
    given = priors.items() if isinstance(priors, Mapping) else ()
    return {n: p for n, p in given if not isinstance(p, Distribution)}


def _add_limited(tree: xr.DataTree, fit: LimitedFit, survey: Survey) -> None:
    """Thresholds, which fit exactly, with their errors; correlations; measures of fit."""
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
    tree["polychoric"] = xr.Dataset(
        {
            "std_threshold": ((*lead, "ordinal", "cut"), cuts[..., 0]),
            "std_threshold_error": ((*lead, "ordinal", "cut"), cuts[..., 1]),
            "correlation": ((*lead, "item", "item_"), correlation),
        },
        coords={"ordinal": names, "cut": np.arange(1, most + 1), "item": names, "item_": names}
        | ({"group": list(fit.plan.groups)} if grouped else {}),
    )
    tree["fit_measures"] = xr.Dataset(fit.measures)


def _name_cuts(tree: xr.DataTree, names: list[str]) -> None:
    if "threshold" in tree["posterior"]:
        most = tree["posterior"].sizes["cut"]
        tree["posterior"] = (
            tree["posterior"].to_dataset().assign_coords(ordinal=names, cut=np.arange(1, most + 1))
        )


def _about(plan: Plan, survey: Survey) -> dict[str, Any]:
    return {
        "model": plan.model.name, "model_json": plan.model.to_json(),
        "respondents": survey.sample.respondents, "group": plan.group_name or "",
        "linearised": sorted({f"{t.state} <- {t.cause}" for f in plan.forms for t in f.linearised}),
        "excluded": [e.state for e in plan.forms[0].excluded],
        "ordinal": list(survey.ordinal), "outcomes": list(plan.outcomes),
    }  # fmt: skip


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


def _tree(
    plan: Plan,
    survey: Survey,
    drawn: Draws,
    checked: Gates,
    found: dict[str, tuple[tuple[str, ...], Array]],
    seed: int,
    information: str,
    loose: tuple[str, ...],
) -> xr.DataTree:
    shape = drawn.steps.shape
    lead = {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])}
    posterior = to_dataset(plan, found, ("chain", "draw"), lead)
    posterior.attrs = {
        "parameters": list(plan.parameters), "partial": int(drawn.partial),
        "inference_library": drawn.sampler, "seed": seed, "model": plan.model.name,
        "means_known": int(plan.means == "modelled"), "information": information,
    }  # fmt: skip
    stats = xr.Dataset(
        {
            "diverging": (("chain", "draw"), drawn.diverging),
            "n_steps": (("chain", "draw"), drawn.steps),
        },
        coords=lead,
    )
    tree = xr.DataTree.from_dict({
        "posterior": posterior, "sample_stats": stats,
        "constant_data": _constant_data(plan, survey), "fit_measures": xr.Dataset(),
    })  # fmt: skip
    tree.attrs = _about(plan, survey) | {
        "seed": seed, "sampler": f"{drawn.sampler}, {information}", "information": information,
        "partial": int(drawn.partial), "gates_passed": int(checked.passed),
        "gates_failed": list(checked.failures), "rhat": checked.rhat,
        "ess_bulk": checked.ess_bulk, "ess_tail": checked.ess_tail,
        "divergences": checked.divergences, "unidentified": list(loose),
    }  # fmt: skip
    return tree
