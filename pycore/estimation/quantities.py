"""Named quantities at given values of what is free.

What a reader relies on: ``path[effect, cause]``, ``loading[item, state]``, ``intercept[item]``,
``item_variance[item]``, ``item_covariance[item, item_]``, ``state_covariance[state, state_]``, their
``std_…`` versions, ``state_intercept[state]`` where means are modelled, ``defined[name]``, and the
model's own parameters under their own names; a leading ``group`` dimension where groups were asked
for.  Covariances are those that paths leave over (``~~`` in lavaan's words): of errors between items,
of disturbances and traits between states.  A path that the model does not have is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp
import xarray as xr
from numpy.typing import NDArray

from pycore.estimation.plan import NumPyArrays, Plan, System
from pycore.model.numeric import evaluate

__all__ = ["implied", "is_score", "item_means", "quantities", "systems", "to_dataset"]

Array = NDArray[np.float64]

DIMENSIONS = {
    "path": ("effect", "cause"), "loading": ("item", "state"), "intercept": ("item",),
    "state_intercept": ("state",), "item_variance": ("item",),
    "item_covariance": ("item", "item_"), "state_covariance": ("state", "state_"),
    "defined": ("name",),
}  # fmt: skip


def systems(plan: Plan, environment: Mapping[str, Array]) -> list[System]:
    """Matrices of every group, with a leading dimension of points."""
    points = len(next(iter(environment.values()), np.zeros(1)))
    arrays = NumPyArrays(points)
    return [plan.system(g, environment, arrays) for g in range(len(plan.groups))]


def implied(system: System) -> tuple[Array, Array]:
    """Covariance of (states, traits) and of items, at every point."""
    total = _total(system)
    latent = total @ system.disturbance @ np.swapaxes(total, -1, -2)
    items = system.loading @ latent @ np.swapaxes(system.loading, -1, -2) + system.error
    return latent, items


def item_means(system: System) -> Array:
    """Mean of each item at every point, where means are modelled."""
    level: Array = (system.intercept + system.loading @ _total(system) @ system.mean)[..., 0]
    return level


def is_score(loading: Array, error: Array) -> NDArray[np.bool_]:
    """Where an item is a state or trait itself, shape (points, items, latents)."""
    exact = np.diagonal(error, axis1=1, axis2=2) == 0.0
    return np.asarray((loading == 1.0) & exact[:, :, None])


def _total(system: System) -> Array:
    total: Array = np.linalg.inv(np.eye(system.path.shape[-1]) - system.path)
    return total


def quantities(
    plan: Plan,
    environment: Mapping[str, Array],
    made: list[System],
    intercepts: list[Array] | None = None,
) -> dict[str, tuple[tuple[str, ...], Array]]:
    """All named quantities: dimensions, and an array (points, …).

    Parameters
    ----------
    plan : Plan
        What is free.
    environment : Mapping
        See :meth:`pycore.estimation.plan.Plan.environment`.
    made : list of System
        Matrices of every group.
    intercepts : list of ndarray, optional
        Of the items in each group, where they are not modelled but known.
    """
    found: dict[str, tuple[tuple[str, ...], Array]] = {}
    memo: dict[sp.Basic, Any] = {}
    points = len(made[0].path)

    def values(expressions: tuple[sp.Expr, ...]) -> Array:
        columns = [
            np.broadcast_to(np.asarray(evaluate(e, environment, memo=memo), float), points)
            for e in expressions
        ]
        return np.stack(columns, axis=1)

    for name, expressions in plan.parameters.items():
        array = values(expressions)
        found[name] = (("group",), array) if len(expressions) > 1 else ((), array[:, 0])
    parts = []
    for g, system in enumerate(made):
        parts.append(_of_group(plan, system, intercepts[g] if intercepts else None))
    grouped = plan.group_name is not None
    for name in parts[0]:
        dims = DIMENSIONS[name.removeprefix("std_")]
        if grouped:
            found[name] = (("group", *dims), np.stack([p[name] for p in parts], axis=1))
        else:
            found[name] = (dims, parts[0][name])
    if plan.defined:
        count = max(len(e) for e in plan.defined.values())
        columns = [np.broadcast_to(values(e), (points, count)) for e in plan.defined.values()]
        array = np.stack(columns, axis=2)
        found["defined"] = (("group", "name"), array) if count > 1 else (("name",), array[:, 0])
    return found


def to_dataset(
    plan: Plan,
    found: Mapping[str, tuple[tuple[str, ...], Array]],
    lead: tuple[str, ...],
    coords: Mapping[str, Any],
) -> xr.Dataset:
    """Quantities as a dataset; ``lead`` takes the place of the dimension of points."""
    labels: dict[str, Any] = {
        **coords, "effect": list(plan.states), "cause": list(plan.latents),
        "item": list(plan.items), "item_": list(plan.items), "state": list(plan.latents),
        "state_": list(plan.latents), "name": list(plan.defined),
    }  # fmt: skip
    if plan.group_name is not None:
        labels["group"] = list(plan.groups)
    shape = tuple(len(coords[d]) for d in lead)
    data = {
        name: ((*lead, *dims), array.reshape(*shape, *array.shape[1:]))
        for name, (dims, array) in found.items()
    }
    used = {d for dims, _ in data.values() for d in dims}
    dataset = xr.Dataset(data, coords={k: v for k, v in labels.items() if k in used})
    for name in plan.parameters:
        element = plan.model.element(name)
        dataset[name].attrs = {"unit": element.unit, "long_name": element.doc}
    return dataset


def _of_group(plan: Plan, system: System, intercept: Array | None) -> dict[str, Array]:
    latent, items = implied(system)
    with np.errstate(invalid="ignore"):  # a variance of a likelihood may be negative
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
    if plan.means == "modelled":
        mean = system.mean[:, :, 0]
        level = system.intercept[:, :, 0]
        # An item that is a state itself has the state's intercept.
        score = is_score(system.loading, system.error)
        made["intercept"] = level + np.einsum("pij,pj->pi", score, mean)
        made["state_intercept"] = mean
        made["std_state_intercept"] = mean / sd_latent
    elif intercept is not None:
        made["intercept"] = intercept
    if "intercept" in made:
        made["std_intercept"] = made["intercept"] / sd_items
    return made


def _standardised(covariance: Array, sd: Array) -> Array:
    """Variances as shares of the whole, covariances as correlations of what is left over."""
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        made = covariance / (own[:, :, None] * own[:, None, :])
    made = np.where(np.isfinite(made), made, 0.0)
    size = covariance.shape[-1]
    made[:, np.arange(size), np.arange(size)] = np.diagonal(covariance, axis1=1, axis2=2) / sd**2
    return made
