"""From sampled parameters to named results, and back to a simulation.

What a reader relies on: ``path[effect, cause]``, ``loading[item, state]``, ``intercept[item]``,
``item_variance[item]``, ``item_covariance[item, item_]``, ``state_covariance[state, state_]``, their
``std_…`` versions, and the model's own parameters under their own names; a leading ``group``
dimension where groups were asked for.  Covariances are those that paths leave over (``~~`` in
lavaan's words): of errors between items, of disturbances and traits between states.  A path that the
model does not have is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import refuse
from pycore.estimation.plan import NumPyArrays, Plan, System
from pycore.estimation.sample import Sample
from pycore.estimation.sampling import Draws

__all__ = ["flat_values", "implied", "named_results", "parameter_draws"]

_WITH_MEANS = ("intercept", "std_intercept")


def flat_values(plan: Plan, sample: Sample, draws: Draws, group: int) -> dict[str, Any]:
    """Sampled values of one group with one leading dimension, in natural units."""
    units = plan.units(sample.scale)
    chains, count = draws.steps.shape
    values: dict[str, Any] = {}
    for name in plan.priors:
        array = _flat(draws.values[name])
        values[name] = array[:, group] if plan.varying else array
    for word, size in (
        ("loading", len(plan.free_loadings)), ("error", len(plan.free_errors)),
        ("trait", len(plan.free_traits)),
    ):  # fmt: skip
        if not size:
            values[word] = np.zeros((chains * count, 0))
            continue
        array = _flat(draws.values[f"free_{word}"])
        if plan.varying and word != "loading":
            array = array[:, group]
        values[word] = array * units[word]
    for name in plan.blocks:
        factor = _flat(draws.values[f"{name}_{group}" if plan.varying else name])
        values[name] = factor @ np.swapaxes(factor, -1, -2)
    return values


def implied(system: System) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Covariance of (states, traits) and of items, for every draw."""
    size = system.path.shape[-1]
    total = np.linalg.inv(np.eye(size) - system.path)
    latent = total @ system.disturbance @ np.swapaxes(total, -1, -2)
    items = system.loading @ latent @ np.swapaxes(system.loading, -1, -2) + system.error
    return latent, items


def named_results(plan: Plan, sample: Sample, draws: Draws, seed: int) -> xr.Dataset:
    """Every named result of a fit, for every draw."""
    shape = draws.steps.shape
    rng = np.random.default_rng(seed)
    arrays = NumPyArrays(shape[0] * shape[1])
    parts = []
    for g in range(len(plan.groups)):
        system = plan.system(g, flat_values(plan, sample, draws, g), arrays)
        parts.append(_group_results(plan, sample, draws, g, system, rng))
    names = list(parts[0])
    grouped = plan.group_name is not None
    stacked = {n: np.stack([p[n] for p in parts], axis=1) if grouped else parts[0][n]
               for n in names}  # fmt: skip
    lead = ("chain", "draw", *(("group",) if grouped else ()))
    dims = {
        "path": ("effect", "cause"), "loading": ("item", "state"), "intercept": ("item",),
        "item_variance": ("item",), "item_covariance": ("item", "item_"),
        "state_covariance": ("state", "state_"),
    }  # fmt: skip
    made: dict[str, Any] = {}
    for name in plan.priors:
        own = ("chain", "draw", "group") if plan.varying else ("chain", "draw")
        made[name] = (own, draws.values[name])
    for name, array in stacked.items():
        made[name] = (
            (*lead, *dims[name.removeprefix("std_")]),
            array.reshape(*shape, *array.shape[1:]),
        )
    coords: dict[str, Any] = {
        "chain": np.arange(shape[0]), "draw": np.arange(shape[1]), "effect": list(plan.states),
        "cause": list(plan.latents), "item": list(plan.items), "item_": list(plan.items),
        "state": list(plan.latents), "state_": list(plan.latents),
    }  # fmt: skip
    if grouped:
        coords["group"] = list(plan.groups)
    data = xr.Dataset(made, coords=coords)
    for name in plan.priors:
        element = plan.model.element(name)
        data[name].attrs = {"unit": element.unit, "long_name": element.doc}
    return data


def _group_results(
    plan: Plan, sample: Sample, draws: Draws, group: int, system: System, rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    latent, items = implied(system)
    sd_latent = np.sqrt(np.diagonal(latent, axis1=1, axis2=2))
    sd_items = np.sqrt(np.diagonal(items, axis1=1, axis2=2))
    states = len(plan.states)
    path = system.path[:, :states]
    error = np.diagonal(system.error, axis1=1, axis2=2)
    made = {
        "path": path,
        "loading": system.loading,
        "item_variance": error,
        "item_covariance": system.error,
        "state_covariance": system.disturbance,
        "std_path": path * sd_latent[:, None, :] / sd_latent[:, :states, None],
        "std_loading": system.loading * sd_latent[:, None, :] / sd_items[:, :, None],
        "std_item_variance": error / sd_items**2,
        "std_item_covariance": _standardised(system.error, sd_items),
        "std_state_covariance": _standardised(system.disturbance, sd_latent),
    }
    if sample.means:
        made["intercept"] = _intercepts(plan, sample, draws, group, items, rng)
        made["std_intercept"] = made["intercept"] / sd_items
    return made


def _intercepts(
    plan: Plan, sample: Sample, draws: Draws, group: int, items: Any, rng: np.random.Generator
) -> NDArray[np.float64]:
    if plan.means == "sampled":
        scatter = _flat(draws.values["free_intercept"])[:, group]
        found: NDArray[np.float64] = sample.centre(group) + sample.scale * scatter
        return found
    unit = next(u for u in sample.units if u.group == group)
    noise = rng.standard_normal(items.shape[:2])
    drawn: NDArray[np.float64] = unit.mean + np.einsum(
        "dij,dj->di", np.linalg.cholesky(items), noise
    ) / np.sqrt(unit.n)
    return drawn


def _standardised(covariance: NDArray[np.float64], sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variances as shares of the whole, covariances as correlations of what is left over."""
    own = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    with np.errstate(invalid="ignore", divide="ignore"):
        made = covariance / (own[:, :, None] * own[:, None, :])
    made = np.where(np.isfinite(made), made, 0.0)
    size = covariance.shape[-1]
    made[:, np.arange(size), np.arange(size)] = own**2 / sd**2
    return made


def _flat(array: NDArray[np.float64]) -> NDArray[np.float64]:
    return array.reshape(-1, *array.shape[2:])


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
