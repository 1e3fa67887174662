"""A normal approximation of the posterior at its mode, on the unconstrained space.

Variances are logarithms there and correlations Fisher-transformed, so the named results are skewed
as they should be.  It is an approximation and labelled so; small samples need Markov chains.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pycore.estimation.density import Density
from pycore.estimation.maximum_likelihood import find_mode
from pycore.estimation.sampling import Draws

__all__ = ["approximate"]


def approximate(density: Density, *, draws: int, chains: int, seed: int) -> Draws:
    """Independent draws from the normal with the posterior's mode and curvature there."""
    mode = find_mode(density, density.sample.respondents)
    troubles = []
    if not mode.converged:
        troubles.append(f"no mode was found (slope {mode.slope:.2g} per respondent)")
    covariance = mode.covariance
    if covariance is None:
        troubles.append("the posterior is flat at its mode: nothing to approximate it by")
        covariance = np.zeros((density.size, density.size))
    rng = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    count = chains * draws
    kept: list[NDArray[np.float64]] = []
    tried = 0
    while (
        len(kept) < count and tried < 4 * count
    ):  # a normal knows nothing of impossible parameters
        tried += 1
        z = mode.z + root @ rng.standard_normal(density.size)
        if np.isfinite(density(z)[0]):
            kept.append(z)
    outside = tried - len(kept)
    if outside > 0.01 * tried:
        troubles.append(f"{outside} of {tried} draws were impossible parameters and drawn again")
    kept += [mode.z] * (count - len(kept))
    return Draws(
        values=density.expand(np.array(kept).reshape(chains, draws, -1)),
        diverging=np.zeros((chains, draws), dtype=bool),
        steps=np.ones((chains, draws), dtype=np.int64), partial=False,
        sampler="Laplace approximation at the mode", troubles=tuple(troubles),
    )  # fmt: skip
