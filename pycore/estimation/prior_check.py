"""What the priors alone say that respondents would answer, before any data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import refuse
from pycore.estimation.plan import Plan
from pycore.estimation.prior_draws import no_data, prior_values
from pycore.estimation.quantities import implied, quantities, systems
from pycore.estimation.specification import make_plan
from pycore.model.model import Model

__all__ = ["prior_check"]


def prior_check(
    model: Model,
    *,
    draws: int = 500,
    respondents: int = 200,
    seed: int,
    priors: Mapping[str, Any] | str | None = None,
    traits: Mapping[str, float] | None = None,
) -> xr.Dataset:
    """Draw parameters from their priors and answers from the parameters.

    Parameters
    ----------
    model : Model
        With survey items.
    draws : int
        Draws of the parameters.
    respondents : int
        Answers per draw.
    seed : int
        Same seed, same draws.
    priors : mapping or "blavaan", optional
        As in :func:`pycore.estimate`.
    traits : mapping, optional
        Constant traits at other values than the model's.

    Returns
    -------
    xarray.Dataset
        ``path[draw, effect, cause]``, ``item_sd[draw, item]`` and ``item_correlation[draw, item,
        item_]`` on the model's scale, ``answer_share[draw, item, category]`` of items with answer
        points, centred on the declared intercepts, and every parameter.  ``attrs["too_wide"]`` is
        the share of draws that put more than 60% of some item's answers in its end categories: a
        prior that does so often expects answers nobody gives.

    Raises
    ------
    InputError
        For an unknown parameter or trait, or a model without items.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("mood")
    >>> rest = m.trait("rest", pc.Normal(0, 1))
    >>> _ = m.survey(rest, 3)
    >>> mood = m.state("mood", carry=0.5, noise=0.5, target=m.parameter("beta", 0.5) * rest)
    >>> _ = m.survey(mood, 3)
    >>> check = pc.prior_check(m, seed=1, draws=100)
    >>> check["answer_share"].sizes["category"], bool((check["item_sd"] > 0).all())
    (7, True)
    """
    for name, value in (("draws", draws), ("respondents", respondents)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise refuse(name, value, "a whole number of at least 1")
    if not model.items:
        raise refuse("model", model.name, "a model with survey items")
    plan = make_plan(model, no_data(model, **(traits or {})), priors)
    rng = np.random.default_rng(seed)
    known = prior_values(plan, draws, rng)
    made_of = systems(plan, known)
    system = made_of[0]
    cov = implied(system)[1]
    sd = np.sqrt(np.diagonal(cov, axis1=1, axis2=2))
    items = list(plan.items)
    states = len(plan.states)
    values = quantities(plan, known, made_of)
    found: dict[str, Any] = {n: ("draw", values[n][1]) for n in plan.parameters}
    found["path"] = (("draw", "effect", "cause"), system.path[:, :states])
    found["item_sd"] = (("draw", "item"), sd)
    found["item_correlation"] = (
        ("draw", "item", "item_"), cov / (sd[:, :, None] * sd[:, None, :])
    )  # fmt: skip
    shares = _shares(plan, cov, respondents, rng)
    wide = 0.0
    if shares is not None:
        found["answer_share"] = (("draw", "item", "category"), shares)
        wide = float((_ends(plan, shares) > 0.6).any(axis=1).mean())
    made = xr.Dataset(
        found,
        coords={
            "draw": np.arange(draws), "effect": list(plan.states), "cause": list(plan.latents),
            "item": items, "item_": items,
        },
    )  # fmt: skip
    if shares is not None:
        made = made.assign_coords(category=np.arange(1, shares.shape[2] + 1))
    made.attrs = {"too_wide": wide, "model": model.name, "seed": seed}
    return made


def _shares(
    plan: Plan, cov: NDArray[np.float64], respondents: int, rng: np.random.Generator
) -> NDArray[np.float64] | None:
    declared = list(plan.model.items.values())
    most = max(i.points for i in declared)
    if most == 0:
        return None
    values, vectors = np.linalg.eigh(cov)
    root = vectors * np.sqrt(np.clip(values, 0, None))[:, None, :]
    answers = np.einsum(
        "dij,drj->dri", root, rng.standard_normal((len(cov), respondents, len(declared)))
    )
    shares = np.full((len(cov), len(declared), most), np.nan)
    for k, item in enumerate(declared):
        if not item.points:
            continue
        step = 4.5 / item.points
        cuts = np.array(
            item.thresholds or [step * (c - item.points / 2) for c in range(1, item.points)]
        )
        category = np.searchsorted(cuts, answers[:, :, k] + item.intercept)
        for c in range(item.points):
            shares[:, k, c] = (category == c).mean(axis=1)
    return shares


def _ends(plan: Plan, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    columns = []
    for k, item in enumerate(plan.model.items.values()):
        if item.points:
            columns.append(shares[:, k, 0] + shares[:, k, item.points - 1])
    return np.stack(columns, axis=1)
