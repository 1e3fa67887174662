"""From draws to named results, and back to a simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import refuse
from pycore.estimation.fitted import drawn_posterior
from pycore.estimation.frozen import frozen
from pycore.estimation.plan import Plan, System, entry_name
from pycore.estimation.quantities import implied, quantities, systems, to_dataset
from pycore.estimation.sample import Sample
from pycore.estimation.sampling import Draws

__all__ = ["environment", "log_prior", "named_results", "parameter_draws"]

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


def log_prior(plan: Plan, draws: Draws) -> Array:
    """Log density of the priors of the model's own parameters, of every draw, but for a constant."""
    read = {s.name for e in plan.parameters.values() for part in e for s in part.free_symbols}
    total = np.zeros(draws.steps.shape)
    for free in plan.free:
        values = draws.values[free.name].reshape(*total.shape, free.size)
        mine = [k for k in range(free.size) if free[k].name in read]
        if mine:
            assert free.prior is not None  # there are draws
            total += frozen(free.prior).logpdf(values[..., mine]).sum(axis=-1)
    for name, size in plan.correlations.items():
        if any(entry_name(name, i, j) in read for i in range(size) for j in range(i)):
            diagonal = np.diagonal(draws.values[name], axis1=-2, axis2=-1)  # of a Cholesky factor
            total += 2 * (plan.defaults.correlation - 1) * np.log(diagonal).sum(axis=-1)
    return total


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

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model.from_lavaan("trust ~ b*delivery")
    >>> names = ["trust", "delivery"]
    >>> data = pc.SummaryData(corr=[[1, 0.6], [0.6, 1]], n=5000, names=names)
    >>> drawn = parameter_draws(pc.estimate(m, data, method="laplace", seed=1), 100, seed=1)
    >>> drawn["b"].shape, drawn["b"].mean().round(2).item()
    ((100,), 0.6)
    """
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1:
        raise refuse("draws", draws, "a whole number of at least 1")
    posterior = drawn_posterior(fit)
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
