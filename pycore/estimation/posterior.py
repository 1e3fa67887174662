"""From draws to named results, and back to a simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import refuse
from pycore.estimation.plan import Plan, System
from pycore.estimation.quantities import implied, quantities, systems, to_dataset
from pycore.estimation.sample import Sample
from pycore.estimation.sampling import Draws

__all__ = ["environment", "named_results", "parameter_draws"]

Array = NDArray[np.float64]


def environment(plan: Plan, draws: Draws) -> dict[str, Array]:
    """What the plan's expressions read, with one dimension of all draws."""
    return plan.environment({
        name: array.reshape(-1, *array.shape[2:]) for name, array in draws.values.items()
    })  # fmt: skip


def named_results(plan: Plan, sample: Sample, draws: Draws, seed: int) -> xr.Dataset:
    """Every named result of a fit, for every draw; see :mod:`pycore.estimation.quantities`."""
    shape = draws.steps.shape
    known = environment(plan, draws)
    made = systems(plan, known)
    intercepts = None
    if plan.means == "profiled" and sample.means:
        rng = np.random.default_rng(seed)
        intercepts = [_intercepts(sample, g, s, rng) for g, s in enumerate(made)]
    return to_dataset(
        plan, quantities(plan, known, made, intercepts), ("chain", "draw"),
        {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])},
    )  # fmt: skip


def _intercepts(sample: Sample, group: int, system: System, rng: np.random.Generator) -> Array:
    """Drawn from their conditional, as a flat prior has it."""
    items = implied(system)[1]
    unit = next(u for u in sample.units if u.group == group)
    noise = rng.standard_normal(items.shape[:2])
    drawn: Array = unit.mean + np.einsum("dij,dj->di", np.linalg.cholesky(items), noise) / np.sqrt(
        unit.n
    )
    return drawn


def parameter_draws(fit: Any, draws: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Joint draws of the model's own parameters, to simulate with.

    Parameters
    ----------
    fit : xarray.DataTree
        Result of :func:`pycore.estimate`.
    draws : int
        How many; without replacement while the posterior has enough.
    seed : int
        Which draws are taken.

    Returns
    -------
    dict
        Parameter → array of shape (draws,); parameters that were not estimated are absent.

    Raises
    ------
    InputError
        If ``draws`` is not positive, or if groups have parameters of their own.
    """
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1:
        raise refuse("draws", draws, "a whole number of at least 1")
    if "posterior" not in fit.children:
        raise refuse("fit", fit.attrs.get("sampler", "no posterior"), "a fit with draws")
    posterior = fit["posterior"]
    names = [str(n) for n in np.atleast_1d(posterior.attrs["parameters"])]
    for name in names:
        if posterior[name].dims != ("chain", "draw"):
            raise refuse(
                "fit", f"{name!r} differs between groups",
                "a fit whose groups differ in the model's own traits, or one without groups",
            )  # fmt: skip
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    rng = np.random.default_rng(seed)
    chosen = rng.choice(size, size=draws, replace=draws > size)
    return {n: np.asarray(posterior[n].values).reshape(-1)[chosen] for n in names}
