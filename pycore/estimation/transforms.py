"""Parameters on the whole real line: transforms, their Jacobians, priors and gradients.

Positive parameters are sampled as logarithms, bounded ones as log-odds, correlations as Fisher-z
transformed partial correlations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pycore.errors import refuse
from pycore.model.distributions import (
    Beta,
    Distribution,
    Exponential,
    Gamma,
    HalfNormal,
    LogNormal,
    Normal,
    Uniform,
)

__all__ = ["CorrelationPrior", "ScalarPriors"]

Vector = NDArray[np.float64]
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class ScalarPriors:
    """Independent priors of many scalars, evaluated together.

    Every prior is one of four forms in the unconstrained z: a normal in z; exp(z) with a density
    ∝ exp(a·z − b·x − c·x²); a normal in log x; or log-odds with a Beta density.

    Parameters
    ----------
    priors : sequence of Distribution
        One per scalar.

    Examples
    --------
    >>> priors = ScalarPriors([Normal(0, 1), HalfNormal(1)])
    >>> x, slope, log_density, gradient = priors.evaluate(np.array([0.0, 0.0]))
    >>> x.tolist(), round(log_density, 4)
    ([0.0, 1.0], -1.6447)
    """

    def __init__(self, priors: Sequence[Distribution]) -> None:
        size = len(priors)
        self.size = size
        self.real = np.zeros(size, bool)
        self.positive = np.zeros(size, bool)
        self.centre, self.precision = np.zeros(size), np.zeros(size)
        self.power, self.rate, self.square = np.zeros(size), np.zeros(size), np.zeros(size)
        self.low, self.width = np.zeros(size), np.ones(size)
        self.first, self.second = np.zeros(size), np.zeros(size)
        self.constant = 0.0
        for k, prior in enumerate(priors):
            self._place(k, prior)
        self.at_positive = np.flatnonzero(self.positive)
        self.at_bounded = np.flatnonzero(~self.real & ~self.positive)

    def _place(self, k: int, prior: Distribution) -> None:
        a = {name: float(value) for name, value in prior.arguments.items()}
        match prior:
            case Normal():
                self.real[k] = True
                self._normal(k, a["mu"], a["sigma"])
            case LogNormal():
                self.positive[k] = True
                self._normal(k, math.log(a["mean"]) - a["sigma"] ** 2 / 2, a["sigma"])
            case Exponential():
                self.positive[k] = True
                self._gamma(k, 1.0, 1 / a["mean"])
            case Gamma():
                self.positive[k] = True
                self._gamma(k, a["alpha"], a["beta"])
            case HalfNormal():
                self.positive[k] = True
                self.power[k], self.square[k] = 1.0, 0.5 / a["sigma"] ** 2
                self.constant += 0.5 * math.log(2 / math.pi) - math.log(a["sigma"])
            case Uniform():
                self.low[k], self.width[k] = a["low"], a["high"] - a["low"]
                self.first[k] = self.second[k] = 1.0
            case Beta():
                self.first[k], self.second[k] = a["alpha"], a["beta"]
                self.constant += math.lgamma(a["alpha"] + a["beta"])
                self.constant -= math.lgamma(a["alpha"]) + math.lgamma(a["beta"])
            case _:
                raise refuse("prior", str(prior), "a distribution of pycore")

    def _normal(self, k: int, mu: float, sigma: float) -> None:
        self.centre[k], self.precision[k] = mu, 1 / sigma**2
        self.constant -= math.log(sigma) + _HALF_LOG_2PI

    def _gamma(self, k: int, alpha: float, beta: float) -> None:
        self.power[k], self.rate[k] = alpha, beta
        self.constant += alpha * math.log(beta) - math.lgamma(alpha)

    def evaluate(self, z: Vector) -> tuple[Vector, Vector, float, Vector]:
        """Values, dx/dz, log density of z, and its gradient."""
        x, slope = z.copy(), np.ones(self.size)
        grown = np.exp(np.minimum(z[self.at_positive], 700.0))
        x[self.at_positive] = slope[self.at_positive] = grown
        away = z - self.centre
        pull = self.rate[self.at_positive] * grown
        bend = self.square[self.at_positive] * grown**2
        total = self.constant - 0.5 * float(self.precision @ away**2)
        total += float(self.power @ z) - float(pull.sum() + bend.sum())
        gradient = self.power - self.precision * away
        gradient[self.at_positive] -= pull + 2 * bend
        if len(self.at_bounded):
            total += self._bounded(z, x, slope, gradient)
        return x, slope, total, gradient

    def _bounded(self, z: Vector, x: Vector, slope: Vector, gradient: Vector) -> float:
        """Fill in the bounded parameters; returns their log density."""
        at = self.at_bounded
        y, first, second = z[at], self.first[at], self.second[at]
        odds = 0.5 * (1 + np.tanh(y / 2))
        x[at] = self.low[at] + self.width[at] * odds
        slope[at] = self.width[at] * odds * (1 - odds)
        gradient[at] += first * (1 - odds) - second * odds
        # log s = −log(1 + e^−z), log(1 − s) = −log(1 + e^z)
        return -float(first @ np.logaddexp(0, -y) + second @ np.logaddexp(0, y))

    def unconstrained(self, x: Vector) -> Vector:
        """The z of given values."""
        share = np.clip((x - self.low) / self.width, 1e-12, 1 - 1e-12)
        positive = np.log(np.where(self.positive, np.maximum(x, 1e-300), 1.0))
        bounded = np.log(share) - np.log1p(-share)
        return np.where(self.real, x, np.where(self.positive, positive, bounded))


class CorrelationPrior:
    """The LKJ prior of a correlation matrix, by partial correlations (C-vine).

    Lewandowski, Kurowicka and Joe (2009), doi:10.1016/j.jmva.2009.04.008: under LKJ(η) the partial
    correlation of column j (counted from 0) of a matrix of size n is 2·Beta(b, b) − 1 with
    b = η + (n − 2 − j) / 2.

    Parameters
    ----------
    size : int
        Rows of the matrix.
    eta : float
        1 is uniform; larger pulls towards independence.
    """

    def __init__(self, size: int, eta: float) -> None:
        self.rows = size
        self.lower = np.tril_indices(size, -1)
        self.size = len(self.lower[0])
        self.b = eta + (size - 2 - self.lower[1]) / 2
        log_beta = [2 * math.lgamma(b) - math.lgamma(2 * b) for b in self.b]
        self.constant = -float(np.sum(log_beta) + np.sum(2 * self.b - 1) * math.log(2))

    def factor(self, z: Vector) -> tuple[Vector, Vector, Vector]:
        """Cholesky factor, the partial correlations, and the products before each of them."""
        partial = np.zeros((self.rows, self.rows))
        partial[self.lower] = np.tanh(z)
        left = np.ones((self.rows, self.rows))
        left[:, 1:] = np.cumprod(np.sqrt(1 - partial**2), axis=1)[:, :-1]
        whole = partial + np.eye(self.rows)
        return np.tril(whole * left), partial, left

    def evaluate(self, z: Vector) -> tuple[Vector, float, Vector]:
        """Correlation matrix, log density of z, and its gradient."""
        factor, partial, _ = self.factor(z)
        c = partial[self.lower]
        # log(1 − tanh²z) = 2 (log 2 − |z| − log(1 + e^−2|z|)), without cancellation
        log_left = 2 * (math.log(2) - np.abs(z) - np.log1p(np.exp(-2 * np.abs(z))))
        return factor @ factor.T, self.constant + float(self.b @ log_left), -2 * self.b * c

    def pull_back(self, z: Vector, by_matrix: Vector) -> Vector:
        """Gradient in z from the (symmetric) gradient in the matrix."""
        factor, partial, left = self.factor(z)
        by_factor = 2 * by_matrix @ factor
        product = by_factor * factor
        after = np.cumsum(product[:, ::-1], axis=1)[:, ::-1] - product
        found = (1 - partial**2) * by_factor * left - partial * after
        chosen: Vector = found[self.lower]
        return chosen
