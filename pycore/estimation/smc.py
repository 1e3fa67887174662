"""Sequential Monte Carlo: from the prior to the posterior by way of tempered posteriors.

The adaptive sampler of Del Moral, Doucet and Jasra (2006, 2012) in the form of Chopin and
Papaspiliopoulos (2020, ch. 17): particles drawn from the prior are weighted by the likelihood to a
power that grows from 0 to 1, as fast as their effective number allows, resampled, and moved by a
Metropolis kernel.  Several populations run side by side and never meet, so that what they disagree
about is the error of each.

The likelihood is called with all particles at once.  PyMC's ``sample_smc`` calls it once per
particle; for a population of a thousand that takes twenty times as long as all of them in one run
of the machine, since most of a small run is its beginning and its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Particles", "Stage", "sample"]

F64 = NDArray[np.float64]
# u of shape (points, size) → log likelihood (points,) and what goes with each point (points, …).
Likelihood = Callable[[F64], tuple[F64, F64]]

_REMAINS = 0.1
_MOST_MOVES = 30
_SLOWEST = 0.98


@dataclass(frozen=True)
class Stage:
    """One power of the likelihood in one population.

    Attributes
    ----------
    temperature : float
        The power, 0 to 1.
    ess : float
        Effective number of particles after weighting.
    acceptance : float
        Share of proposals accepted.
    moves : int
        Metropolis steps of every particle.
    remains : float
        Largest correlation, over coordinates, of particles before and after the moves.
    """

    temperature: float
    ess: float
    acceptance: float
    moves: int
    remains: float


@dataclass
class Particles:
    """One population.

    Attributes
    ----------
    u : ndarray, shape (particles, size)
        Coordinates in which the prior is standard normal.
    log_likelihood : ndarray, shape (particles,)
        Of each particle.
    carried : ndarray, shape (particles, …)
        What the likelihood gave along with it.
    ancestor : ndarray of int
        Particle of the first population that each descends from.
    temperature, log_evidence : float
        Power reached, and the logarithm of the mean likelihood up to it.
    stages : list of Stage
        How it went.
    """

    u: F64
    log_likelihood: F64
    carried: F64
    ancestor: NDArray[np.int_]
    temperature: float = 0.0
    log_evidence: float = 0.0
    stages: list[Stage] = field(default_factory=list)

    def effective(self, values: F64) -> float:
        """Effective sample of a mean, from the families of common ancestors.

        The variance estimator of Chan and Lai (2013) and Lee and Whiteley (2018): families share
        their luck, so the scatter of their sums is that of the mean over whole runs.
        """
        away = values - values.mean()
        families = np.bincount(self.ancestor, weights=away, minlength=len(values))
        count = len(values)
        variance = float((families**2).sum()) / count / (count - 1)
        return float(away @ away) / count / variance if variance > 0 else float(count)


def sample(
    likelihood: Likelihood,
    size: int,
    *,
    particles: int,
    populations: int,
    seed: int,
    keep: float = 0.5,
    report: Callable[[float], None] | None = None,
) -> tuple[list[Particles], bool]:
    """Sample a posterior whose prior is standard normal in every coordinate.

    Parameters
    ----------
    likelihood : callable
        Points (count, size) → log likelihoods (count,) and what goes with each point (count, …).
    size : int
        Coordinates.
    particles, populations : int
        Particles in each population, and populations.
    seed : int
        Same seed, same particles.
    keep : float
        Effective share of the particles that a stage leaves, 0 to 1; higher is slower.
    report : callable, optional
        Told the lowest temperature reached.

    Returns
    -------
    populations : list of Particles
        At temperature 1 unless interrupted.
    interrupted : bool
        Whether Ctrl-C stopped it; what is returned then are the particles of the last whole stage.

    Raises
    ------
    KeyboardInterrupt
        If interrupted before every population left the prior.
    """
    seeds = np.random.SeedSequence(seed).spawn(populations)
    rngs = [np.random.default_rng(s) for s in seeds]
    made = []
    starts = [rng.standard_normal((particles, size)) for rng in rngs]
    values, carried = likelihood(np.concatenate(starts))
    for k, start in enumerate(starts):
        rows = slice(k * particles, (k + 1) * particles)
        made.append(Particles(start, values[rows], carried[rows], np.arange(particles)))
    try:
        while waiting := [k for k, p in enumerate(made) if p.temperature < 1]:
            chosen = [_resampled(made[k], keep, rngs[k]) for k in waiting]
            moved = _moved(likelihood, chosen, [rngs[k] for k in waiting])
            for k, p in zip(waiting, moved, strict=True):
                made[k] = p
            if report:
                report(min(p.temperature for p in made))
    except KeyboardInterrupt:
        if min(p.temperature for p in made) == 0:
            raise
        return made, True
    return made, False


def _resampled(p: Particles, keep: float, rng: np.random.Generator) -> Particles:
    """Raise the temperature as far as the weights allow, and resample (systematically)."""
    count = len(p.u)

    def log_weights(temperature: float) -> F64:
        with np.errstate(invalid="ignore"):
            grown = (temperature - p.temperature) * p.log_likelihood
        return np.where(np.isneginf(p.log_likelihood), -np.inf, grown)

    def effective(temperature: float) -> float:
        w = log_weights(temperature)
        scaled = np.exp(w - w.max())
        return float(scaled.sum() ** 2 / (scaled**2).sum())

    low, high = p.temperature, 1.0
    if effective(1.0) < keep * count:
        # Impossible points lower the number at any temperature: what counts is the rest.
        aim = keep * int(np.isfinite(p.log_likelihood).sum())
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if effective(middle) > aim else (low, middle)
    weights = log_weights(high)
    scaled = np.exp(weights - weights.max())
    share = scaled / scaled.sum()
    mean = float(weights.max() + np.log(scaled.mean()))
    places = (rng.random() + np.arange(count)) / count
    chosen = np.minimum(np.searchsorted(np.cumsum(share), places), count - 1)
    ess = 1 / float((share**2).sum())
    return Particles(
        p.u[chosen], p.log_likelihood[chosen], p.carried[chosen], p.ancestor[chosen], high,
        p.log_evidence + mean, [*p.stages, Stage(high, ess, np.nan, 0, 1.0)],
    )  # fmt: skip


def _moved(
    likelihood: Likelihood, chosen: list[Particles], rngs: list[np.random.Generator]
) -> list[Particles]:
    """Move all populations in step, so that one call of the likelihood serves them all."""
    kernels = [_Kernel(p, rng) for p, rng in zip(chosen, rngs, strict=True)]
    while moving := [k for k in kernels if not k.done]:
        proposed = [k.propose() for k in moving]
        values, carried = likelihood(np.concatenate(proposed))
        at = 0
        for kernel, points in zip(moving, proposed, strict=True):
            rows = slice(at, at + len(points))
            kernel.accept(points, values[rows], carried[rows])
            at += len(points)
    return [k.result() for k in kernels]


class _Kernel:
    """Metropolis steps that leave the tempered posterior as it is.

    Proposals are autoregressive about the normal fitted to the population, u' = m + ρ(u − m) +
    √(1 − ρ²)·z: independent of u where the fit is good (ρ = 0), shorter steps where it is not.
    """

    def __init__(self, p: Particles, rng: np.random.Generator) -> None:
        self.p = Particles(p.u.copy(), p.log_likelihood.copy(), p.carried.copy(), p.ancestor,
                           p.temperature, p.log_evidence, p.stages)  # fmt: skip
        self.start = p.u
        self.rng = rng
        size = p.u.shape[1]
        self.centre = p.u.mean(axis=0)
        covariance = np.atleast_2d(np.cov(p.u, rowvar=False)) + 1e-9 * np.eye(size)
        self.root = np.linalg.cholesky(covariance)
        self.slow = 0.0
        self.accepted: list[float] = []
        self.remains = 1.0

    @property
    def done(self) -> bool:
        """Whether particles have forgotten where they were, as far as their number can tell."""
        moves = len(self.accepted)
        return moves >= _MOST_MOVES or self.remains < _REMAINS + 2 / np.sqrt(len(self.start))

    def propose(self) -> F64:
        noise = self.rng.standard_normal(self.p.u.shape) @ self.root.T
        away = self.p.u - self.centre
        return np.asarray(self.centre + self.slow * away + np.sqrt(1 - self.slow**2) * noise)

    def accept(self, points: F64, values: F64, carried: F64) -> None:
        p = self.p
        with np.errstate(invalid="ignore"):
            gain = self._height(points, values) - self._height(p.u, p.log_likelihood)
        yes = np.log(self.rng.random(len(points))) < gain
        p.u[yes], p.log_likelihood[yes], p.carried[yes] = points[yes], values[yes], carried[yes]
        rate = float(yes.mean())
        self.accepted.append(rate)
        if rate < 0.2:
            self.slow = min(_SLOWEST, (1 + self.slow) / 2)
        self.remains = max(
            _correlation(self.start[:, j], p.u[:, j]) for j in range(p.u.shape[1])
        )  # fmt: skip

    def _height(self, points: F64, values: F64) -> F64:
        """Log of the tempered posterior over the fitted normal."""
        scaled = np.linalg.solve(self.root, (points - self.centre).T)
        fitted = -0.5 * (scaled**2).sum(axis=0)
        return np.asarray(self.p.temperature * values - 0.5 * (points**2).sum(axis=1) - fitted)

    def result(self) -> Particles:
        last = self.p.stages[-1]
        self.p.stages = [
            *self.p.stages[:-1],
            Stage(last.temperature, last.ess, float(np.mean(self.accepted)), len(self.accepted),
                  self.remains),
        ]  # fmt: skip
        return self.p


def _correlation(before: F64, after: F64) -> float:
    a, b = before - before.mean(), after - after.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return abs(float(a @ b)) / scale if scale > 0 else 1.0
