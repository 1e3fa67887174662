"""A fit as a tree of datasets, whatever its likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from pycore.estimation.fit_measures import Gates
from pycore.estimation.plan import Plan
from pycore.estimation.posterior import log_prior
from pycore.estimation.sample import Sample
from pycore.estimation.sampling import Draws

__all__ = ["constant_data", "tree_of_draws", "tree_of_estimates"]


def constant_data(plan: Plan, sample: Sample) -> xr.Dataset:
    """Sufficient statistics of numbers, and what was held."""
    return xr.Dataset(
        {
            "n": ("unit", [u.n for u in sample.units]),
            "group": ("unit", [str(plan.groups[u.group]) for u in sample.units]),
            "mean": (("unit", "item"), np.array([u.mean for u in sample.units])),
            "covariance": (("unit", "item", "item_"), np.array([u.cov for u in sample.units])),
            "observed": (("unit", "item"), np.array([u.observed for u in sample.units])),
            "held": ("parameter", list(plan.held.values())),
        },
        coords={"item": list(plan.items), "item_": list(plan.items), "parameter": list(plan.held)},
    )


def tree_of_draws(
    plan: Plan,
    sample: Sample,
    posterior: xr.Dataset,
    drawn: Draws,
    checked: Gates,
    *,
    seed: int,
    loose: tuple[str, ...],
    constant: xr.Dataset,
    measures: xr.Dataset,
    information: str = "",
) -> xr.DataTree:
    """Draws with what they were made of and whether they can be trusted.

    Parameters
    ----------
    plan, sample : Plan, Sample
        What was fitted to what.
    posterior : xarray.Dataset
        Named results.
    drawn : Draws
        What they are computed from.
    checked : Gates
        Of the draws.
    seed : int
        Of the draws.
    loose : tuple of str
        What only priors tell apart.
    constant, measures : xarray.Dataset
        Groups ``constant_data`` and ``fit_measures``.
    information : str
        What the likelihood uses, where it is not that of numbers.
    """
    posterior.attrs = {
        "parameters": list(plan.parameters), "partial": int(drawn.partial),
        "inference_library": drawn.sampler, "seed": seed, "model": plan.model.name,
    }  # fmt: skip
    by = ("chain", "draw")
    stats = xr.Dataset(
        {
            "diverging": (by, drawn.diverging), "n_steps": (by, drawn.steps),
            "log_prior": (by, log_prior(plan, drawn)),
        },
        coords={"chain": posterior["chain"], "draw": posterior["draw"]},
    )  # fmt: skip
    tree = xr.DataTree.from_dict({
        "posterior": posterior, "sample_stats": stats, "constant_data": constant,
        "fit_measures": measures,
    })  # fmt: skip
    tree.attrs = _about(plan, sample) | {
        "seed": seed, "sampler": ", ".join(filter(None, (drawn.sampler, information))),
        "information": information, "partial": int(drawn.partial),
        "gates_passed": int(checked.passed), "gates_failed": list(checked.failures),
        "rhat": checked.rhat, "ess_bulk": checked.ess_bulk, "ess_tail": checked.ess_tail,
        "divergences": checked.divergences, "unidentified": list(loose),
    }  # fmt: skip
    return tree


def tree_of_estimates(
    plan: Plan,
    sample: Sample,
    estimates: xr.Dataset,
    *,
    sampler: str,
    troubles: list[str],
    constant: xr.Dataset,
    measures: dict[str, float],
    information: str = "",
) -> xr.DataTree:
    """Estimates without priors; ``troubles`` is what a reader must know of them.

    The other parameters are those of :func:`tree_of_draws`.
    """
    estimates.attrs |= {"parameters": list(plan.parameters), "model": plan.model.name}
    tree = xr.DataTree.from_dict({
        "estimates": estimates, "constant_data": constant, "fit_measures": xr.Dataset(measures),
    })  # fmt: skip
    tree.attrs = _about(plan, sample) | {
        "sampler": ", ".join(filter(None, (sampler, information))), "information": information,
        "gates_passed": int(not troubles), "gates_failed": troubles, "unidentified": [],
    }  # fmt: skip
    return tree


def _about(plan: Plan, sample: Sample) -> dict[str, Any]:
    return {
        "model": plan.model.name, "model_json": plan.model.to_json(),
        "respondents": sample.respondents, "group": plan.group_name or "",
        "linearised": sorted({f"{t.state} <- {t.cause}" for f in plan.forms for t in f.linearised}),
        "excluded": [e.state for e in plan.forms[0].excluded],
    }  # fmt: skip
