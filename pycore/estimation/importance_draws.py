"""Draws from a posterior by importance: proposed around the mode, weighted by the density itself.

A normal at the mode is an approximation (:mod:`pycore.estimation.laplace`).  As the proposal of
importance sampling its error is weighed out, and how well that went is seen in the weights
(Vehtari et al. 2024, Pareto smoothed importance sampling, jmlr.org/papers/v25/19-556.html).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pycore.estimation.density import Density
from pycore.estimation.maximum_likelihood import find_mode

__all__ = ["importance_draws"]

Array = NDArray[np.float64]
_PROPOSED = (1500, 6000)
_FREEDOM = (
    20  # of the multivariate t: its tails are heavier than a posterior's, and hardly wasteful
)
_MOST_K = 0.7  # above, weights have too heavy a tail to be trusted


def importance_draws(
    density: Density, *, draws: int, least: int, seed: int
) -> tuple[Array, float] | None:
    """Draw points from the posterior, if its mode is a proposal good enough.

    Parameters
    ----------
    density : Density
        The posterior.
    draws : int
        Points to draw, with replacement, from those that were proposed and weighted.
    least : int
        Effective sample size that the weights must reach.
    seed : int
        Same seed, same draws.

    Returns
    -------
    points, ess
        Unconstrained, shape (draws, size), and the effective sample size of the weights; None if
        there is no curved mode, or Pareto's k of the weights is above 0.7, or they are too uneven.
    """
    from arviz_stats.base import array_stats

    mode = find_mode(density, density.sample.respondents)
    if mode.covariance is None:
        return None
    try:
        root = np.linalg.cholesky((mode.covariance + mode.covariance.T) / 2)
    except np.linalg.LinAlgError:
        return None
    rng = np.random.default_rng(seed)
    for proposed in _PROPOSED:
        stretch = np.sqrt(_FREEDOM / rng.chisquare(_FREEDOM, proposed))[:, None]
        standard = rng.standard_normal((proposed, density.size)) * stretch
        points = mode.z + standard @ root.T
        proposal = np.log1p((standard**2).sum(axis=1) / _FREEDOM) * -(_FREEDOM + density.size) / 2
        ratio = np.array([density(z)[0] for z in points]) - proposal
        ratio = np.where(np.isfinite(ratio), ratio - ratio[np.isfinite(ratio)].max(), -1e3)
        smoothed, k = array_stats.psislw(-ratio)  # takes log likelihoods that are left out
        weights = np.exp(smoothed)
        weights /= weights.sum()
        ess = float(1 / (weights**2).sum())
        if float(k) <= _MOST_K and ess >= least:
            return points[rng.choice(proposed, draws, p=weights)], ess
    return None
