"""Maximum likelihood and sampling of a compiled likelihood of event histories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from pycore._core import HistoryPosterior, Likelihood
from pycore.errors import refuse
from pycore.estimation.sampling import Points, Progress, nuts
from pycore.histories.parameters import Parameters

__all__ = ["Fitted", "Method", "check_options", "fit"]

Array = NDArray[np.float64]
Method = Literal["nuts", "ml"]

_STEP = 1e-5  # of the differences of gradients
_ASYMPTOTIC = 400  # draws that stand for the uncertainty of a maximum
_SINGULAR = 1e-9


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a likelihood and its data gave.

    Attributes
    ----------
    scalars, theta : ndarray
        Shape (chain, draw, …); of a maximum, its value alone with shape (1, 1, …).
    spread_scalars, spread_theta : ndarray
        The same as ``scalars`` and ``theta`` where sampled; of a maximum, draws from its asymptotic
        normal distribution on the unconstrained space.
    points : Points or None
        Of the sampler.
    standard_error : callable
        Function of (scalars, theta) → standard errors of what it computes, of a maximum.
    log_likelihood : float
        At the maximum, or at the posterior mean of ``theta``.
    failures : tuple of str
        Why a maximum is not to be trusted.
    """

    scalars: Array
    theta: Array
    spread_scalars: Array
    spread_theta: Array
    points: Points | None
    standard_error: Callable[[Callable[[Array, Array], Array]], Array]
    log_likelihood: float
    failures: tuple[str, ...]


def check_options(
    method: Any, draws: Any, tune: Any, chains: Any, seed: Any, progress: Any
) -> None:
    """Refuse options before any work."""
    if method not in get_args(Method):
        raise refuse("method", method, "'nuts' or 'ml'")
    for name, value, least in (("draws", draws, 50), ("tune", tune, 50), ("chains", chains, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise refuse(name, value, f"a whole number of at least {least}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise refuse("seed", seed, "a whole number from 0 to 2**63 - 1")
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise refuse("progress", progress, "True, False, None or a function of (done, all)")


def fit(
    parameters: Parameters,
    likelihood: Likelihood,
    *,
    method: Method,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    progress: Progress,
    starts: int = 1,
) -> Fitted:
    """Fit; ``starts`` is how many places the search of a maximum begins at."""
    posterior = parameters.posterior(likelihood)
    with threadpool_limits(1, "blas"):
        if method == "ml":
            return _maximum(parameters, posterior, seed, starts)
        initial = _prepare(parameters, posterior, seed, starts)
        points = nuts(
            posterior.evaluate, initial, posterior.size, draws=draws, tune=tune, chains=chains,
            seed=seed, progress=progress, target_accept=0.95 if parameters.pooled else 0.8,
        )  # fmt: skip
    scalars, theta = _expand(posterior, _placed(posterior, points.values))
    middle = theta.reshape(-1, theta.shape[-1]).mean(axis=0)
    return Fitted(
        scalars, theta, scalars, theta, points, _no_error, likelihood.evaluate(middle)[0], ()
    )


def _prepare(
    parameters: Parameters, posterior: HistoryPosterior, seed: int, starts: int
) -> Callable[[int], Array]:
    """Find the mode and round the density there; returns a function of a seed → start.

    A start near the mode saves most of the warm-up, and in coordinates in which the density is round
    a step of the sampler goes across it.  Pooled deviations have other curvature elsewhere: there
    only the start is taken.
    """
    mode, _ = _climb(posterior.evaluate, parameters.start, seed, starts)
    curvature = _curvature(posterior.evaluate, mode)
    values, vectors = np.linalg.eigh(curvature)
    if parameters.pooled or values.min() <= _SINGULAR * values.max():
        sd = 1 / np.sqrt(np.clip(np.diag(curvature), 1.0, None))
        return lambda s: mode + sd * np.random.default_rng(s).uniform(-1, 1, mode.size)
    factor = np.linalg.cholesky((vectors / values) @ vectors.T)
    posterior.precondition(mode, np.ascontiguousarray(factor))
    return lambda s: np.random.default_rng(s).standard_normal(mode.size)


def _maximum(parameters: Parameters, posterior: HistoryPosterior, seed: int, starts: int) -> Fitted:
    best, value = _climb(posterior.log_likelihood, parameters.start, seed, starts)
    information = _curvature(posterior.log_likelihood, best)
    for _ in range(5):  # Newton's steps, from where the search stopped
        gradient = posterior.log_likelihood(best)[1]
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            break
        found = posterior.log_likelihood(best + step)[0]
        if not found > value:
            break
        best, value = best + step, found
        information = _curvature(posterior.log_likelihood, best)
    values, vectors = np.linalg.eigh(information)
    failures = []
    if values.min() <= _SINGULAR * max(values.max(), 1.0):
        loose = _labels(parameters)[int(np.argmax(np.abs(vectors[:, 0])))]
        failures.append(f"the likelihood has no single maximum: the data do not tell {loose}")
    inverse = (vectors / np.clip(values, _SINGULAR * max(values.max(), 1.0), None)) @ vectors.T
    gradient = posterior.log_likelihood(best)[1]
    if not gradient @ inverse @ gradient < 1e-6:
        failures.append("the search for the maximum did not converge")
    rng = np.random.default_rng(seed)
    factor = np.linalg.cholesky(inverse)
    spread = best + rng.standard_normal((1, _ASYMPTOTIC, best.size)) @ factor.T

    def standard_error(computed: Callable[[Array, Array], Array]) -> Array:
        slopes = []
        for step in _STEP * np.eye(best.size):
            high, low = (computed(*_expand(posterior, z)) for z in (best + step, best - step))
            slopes.append((high - low) / (2 * _STEP))
        by = np.moveaxis(np.array(slopes), 0, -1)
        variance = np.einsum("...i,ij,...j->...", by, inverse, by)
        return np.asarray(np.sqrt(np.clip(variance, 0, None)))

    scalars, theta = _expand(posterior, best[None, None])
    spread_scalars, spread_theta = _expand(posterior, spread)
    return Fitted(
        scalars, theta, spread_scalars, spread_theta, None, standard_error, value, tuple(failures)
    )


def _climb(
    density: Callable[[Array], tuple[float, Array]], start: Array, seed: int, starts: int
) -> tuple[Array, float]:
    """The highest of the maxima found from ``starts`` places."""

    def descend(z: Array) -> tuple[float, Array]:
        value, gradient = density(z)
        # A wall the search can turn back from; the height of an infinite one it cannot compare.
        return (-value, -gradient) if np.isfinite(value) else (1e300, gradient)

    rng = np.random.default_rng(seed)
    best, highest = start, -np.inf
    for k in range(starts):
        begin = start if k == 0 else start + rng.normal(0, 0.7, start.size)
        found = minimize(descend, begin, jac=True, method="BFGS", options={"gtol": 1e-6})
        if -found.fun > highest:
            best, highest = np.asarray(found.x), -float(found.fun)
    return best, highest


def _curvature(density: Callable[[Array], tuple[float, Array]], z: Array) -> Array:
    """Minus the matrix of second derivatives, by differences of gradients."""
    rows = [
        (density(z - step)[1] - density(z + step)[1]) / (2 * _STEP)
        for step in _STEP * np.eye(z.size)
    ]
    curvature = np.array(rows)
    return (curvature + curvature.T) / 2


def _placed(posterior: HistoryPosterior, zeta: Array) -> Array:
    flat = [posterior.place(point) for point in zeta.reshape(-1, posterior.size)]
    return np.array(flat).reshape(zeta.shape)


def _expand(posterior: HistoryPosterior, z: Array) -> tuple[Array, Array]:
    parts = [posterior.expand(point) for point in z.reshape(-1, posterior.size)]
    scalars, theta = (np.array(part) for part in zip(*parts, strict=True))
    return (
        scalars.reshape(*z.shape[:-1], scalars.shape[-1]),
        theta.reshape(*z.shape[:-1], theta.shape[-1]),
    )


def _labels(parameters: Parameters) -> list[str]:
    return [
        name if place.stop - place.start == 1 else f"{name}[{k}]"
        for name, place in parameters.places.items()
        for k in range(place.stop - place.start)
    ]


def _no_error(_: Callable[[Array, Array], Array]) -> Array:
    raise TypeError("sampled parameters have draws, not standard errors")
