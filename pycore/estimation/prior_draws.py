"""Draws from the priors of a plan, before there are data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pycore.estimation.plan import Plan, entry_name
from pycore.estimation.priors import sampled
from pycore.estimation.sample import Sample, Unit
from pycore.model.model import Model

__all__ = ["no_data", "prior_values"]


def no_data(model: Model, **traits: float) -> Sample:
    """A sample that only says the units of the priors: items as the model declares them."""
    items = tuple(model.items)
    unit = Unit(0, 2, np.ones(len(items), bool), np.zeros(len(items)), np.eye(len(items)))
    return Sample(items, None, ("all",), False, (traits,), (unit,), True)


def prior_values(
    plan: Plan, draws: int, rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """What the plan's expressions read, drawn from the priors; correlations from LKJ."""
    found: dict[str, NDArray[np.float64]] = {}
    for free in plan.free:
        assert free.prior is not None
        values = sampled(free.prior, rng, (draws, free.size))
        found |= {entry_name(free.name, k): values[:, k] for k in range(free.size)}
    for name, size in plan.correlations.items():
        matrix = _lkj(size, plan.defaults.correlation, draws, rng)
        found |= {entry_name(name, i, j): matrix[:, i, j] for i in range(size) for j in range(i)}
    return found


def _lkj(size: int, eta: float, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Correlation matrices from the LKJ distribution, by partial correlations (C-vine).

    Lewandowski, Kurowicka and Joe (2009), doi:10.1016/j.jmva.2009.04.008.
    """
    factor = np.zeros((draws, size, size))
    factor[:, 0, 0] = 1.0
    left = np.ones((draws, size))
    for j in range(size - 1):
        b = eta + (size - 2 - j) / 2
        for i in range(j + 1, size):
            partial = 2 * rng.beta(b, b, draws) - 1
            factor[:, i, j] = partial * np.sqrt(left[:, i])
            left[:, i] *= 1 - partial**2
    for i in range(1, size):
        factor[:, i, i] = np.sqrt(left[:, i])
    made: NDArray[np.float64] = factor @ np.swapaxes(factor, 1, 2)
    return made
