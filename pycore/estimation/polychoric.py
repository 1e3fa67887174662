"""Thresholds and polychoric correlations of ordinal answers, and how precise they are.

An answer is a standard normal number cut at thresholds.  Thresholds come from each item alone,
correlations by maximum likelihood from each pair with the thresholds held (Olsson 1979,
doi:10.1007/BF02296207); the covariance of all of them from their influence functions (Muthén 1984,
doi:10.1007/BF02294210), as in lavaan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

__all__ = ["Polychoric", "bivariate_normal", "polychoric"]

Array = NDArray[np.float64]

_FAR = 40.0  # stands for infinity: the normal density is 0 there
_NODES, _WEIGHTS = leggauss(64)
_MOST = 0.9999  # correlations of items that repeat each other
_ROWS = 4096  # respondents at a time


@dataclass(frozen=True, eq=False)
class Polychoric:
    """What ordinal answers say of the normal numbers behind them.

    Attributes
    ----------
    thresholds : tuple of ndarray
        For each item its increasing cuts, in standard deviations.
    correlation : ndarray, shape (items, items)
        Polychoric correlations.
    pairs : tuple of ndarray
        Rows and columns of the correlations below the diagonal, in their order in ``gamma``.
    gamma : ndarray, shape (statistics, statistics)
        n times the asymptotic covariance of all thresholds, item by item, and then the pairs.
    n : int
        Respondents.
    """

    thresholds: tuple[Array, ...]
    correlation: Array
    pairs: tuple[NDArray[np.intp], NDArray[np.intp]]
    gamma: Array
    n: int

    @property
    def correlation_gamma(self) -> Array:
        """The part of ``gamma`` that belongs to the correlations."""
        first = len(self.gamma) - len(self.pairs[0])
        return self.gamma[first:, first:]

    @property
    def threshold_errors(self) -> tuple[Array, ...]:
        """Standard errors of the thresholds."""
        errors = np.sqrt(np.diag(self.gamma) / (self.n - 1))
        ends = np.cumsum([len(t) for t in self.thresholds])
        return tuple(np.split(errors[: ends[-1]], ends[:-1]))


def bivariate_normal(h: Array, k: Array, rho: Array) -> Array:
    """Distribution function of two standard normal numbers with a correlation.

    Its derivative by the correlation is their density (Plackett 1954), which is integrated over the
    arcsine of the correlation by Gauss and Legendre's rule.

    Parameters
    ----------
    h, k, rho : ndarray
        Broadcast against each other.

    Examples
    --------
    >>> float(bivariate_normal(np.array(0.0), np.array(0.0), np.array(0.5)).round(12))
    0.333333333333
    """
    half = 0.5 * np.arcsin(rho)[..., None]
    sine = np.sin(half * (1 + _NODES))
    h, k = h[..., None], k[..., None]
    square = (h * h + k * k - 2 * h * k * sine) / (2 * (1 - sine * sine))
    inside = (np.exp(-square) * _WEIGHTS).sum(axis=-1) * half[..., 0] / (2 * np.pi)
    made: Array = np.clip(ndtr(h[..., 0]) * ndtr(k[..., 0]) + inside, 0.0, 1.0)
    return made


def polychoric(codes: NDArray[np.integer], categories: tuple[int, ...]) -> Polychoric:
    """Estimate thresholds and correlations.

    Parameters
    ----------
    codes : ndarray of int, shape (respondents, items)
        Categories from 0; every category of every item occurs.
    categories : tuple of int
        How many each item has.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> z = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 20_000)
    >>> found = polychoric(np.digitize(z, [-1, 0, 1]), (4, 4))
    >>> found.correlation[0, 1].round(1).item(), found.thresholds[0].round(1) + 0
    (0.6, array([-1.,  0.,  1.]))
    """
    n, items = codes.shape
    shares = [np.bincount(codes[:, i], minlength=c) / n for i, c in enumerate(categories)]
    thresholds = tuple(ndtri(np.cumsum(share)[:-1]) for share in shares)
    rows, columns = np.tril_indices(items, -1)
    pairs = _Pairs(thresholds, rows, columns, _tables(codes, max(categories), rows, columns))
    rho = pairs.solve()
    correlation = np.eye(items)
    correlation[rows, columns] = correlation[columns, rows] = rho
    gamma = _gamma(codes, thresholds, shares, pairs, rho)
    return Polychoric(thresholds, correlation, (rows, columns), gamma, n)


def _tables(
    codes: NDArray[np.integer], size: int, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> Array:
    """Counts of each pair, (pairs, size, size)."""
    found = np.zeros((len(rows), size * size))
    for k, (i, j) in enumerate(zip(rows, columns, strict=True)):
        found[k] = np.bincount(codes[:, i] * size + codes[:, j], minlength=size * size)
    return found.reshape(-1, size, size)


class _Pairs:
    """Likelihood of every pair's table at once; tables are padded with categories of no width."""

    def __init__(
        self,
        thresholds: tuple[Array, ...],
        rows: NDArray[np.intp],
        columns: NDArray[np.intp],
        tables: Array,
    ) -> None:
        size = tables.shape[1]
        bounds = np.full((len(thresholds), size + 1), _FAR)
        bounds[:, 0] = -_FAR
        for i, cuts in enumerate(thresholds):
            bounds[i, 1 : len(cuts) + 1] = cuts
        self.rows, self.columns, self.tables = rows, columns, tables
        self.h = bounds[rows][:, :, None] + np.zeros((1, 1, size + 1))
        self.k = bounds[columns][:, None, :] + np.zeros((1, size + 1, 1))

    def probabilities(self, rho: Array) -> tuple[Array, Array]:
        """Of each cell, and their derivatives by the correlation."""
        r = rho[:, None, None]
        rest = 1 - r * r
        square = (self.h**2 + self.k**2 - 2 * r * self.h * self.k) / (2 * rest)
        density = np.exp(-square) / (2 * np.pi * np.sqrt(rest))
        return _cells(bivariate_normal(self.h, self.k, r)), _cells(density)

    def scores(self, rho: Array) -> tuple[Array, Array]:
        """∂ log π/∂ρ of each cell, and π kept away from 0."""
        share, slope = self.probabilities(rho)
        share = np.maximum(share, 1e-12)
        return slope / share, share

    def solve(self) -> Array:
        """Fisher's scoring on the scale of z = atanh ρ, all pairs at once."""
        n = self.tables.sum(axis=(1, 2))
        z = np.zeros(len(self.rows))
        for _ in range(200):
            rho = np.tanh(z)
            score, share = self.scores(rho)
            stretch = 1 - rho**2
            slope = (self.tables * score).sum(axis=(1, 2)) * stretch
            information = n * (share * score**2).sum(axis=(1, 2)) * stretch**2
            step = np.clip(slope / np.maximum(information, 1e-12), -0.5, 0.5)
            z = np.clip(z + step, -np.arctanh(_MOST), np.arctanh(_MOST))
            if np.abs(step).max(initial=0.0) < 1e-10:
                break
        return np.tanh(z)

    def by_thresholds(self, rho: Array) -> tuple[Array, Array]:
        """∂π/∂τ summed up to each corner: of the first item's cuts, and of the second's."""
        r = rho[:, None, None]
        root = np.sqrt(1 - r * r)
        first = _density(self.h) * ndtr((self.k - r * self.h) / root)
        second = _density(self.k) * ndtr((self.h - r * self.k) / root)
        return np.diff(first, axis=2), np.diff(second, axis=1)


def _cells(corners: Array) -> Array:
    """Differences of a function of two bounds over each cell."""
    return np.diff(np.diff(corners, axis=1), axis=2)


def _density(x: Array) -> Array:
    made: Array = np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)
    return made


def _gamma(
    codes: NDArray[np.integer],
    thresholds: tuple[Array, ...],
    shares: list[Array],
    pairs: _Pairs,
    rho: Array,
) -> Array:
    """N · A⁻¹ B A⁻ᵀ, from the scores of each respondent (B) and how they move (A)."""
    score, share = pairs.scores(rho)
    at = np.concatenate([[0], np.cumsum([len(t) for t in thresholds])])
    cuts, total = at[-1], at[-1] + len(rho)
    single = [_single_scores(t, s) for t, s in zip(thresholds, shares, strict=True)]
    inner = np.zeros((total, total))
    for first in range(0, len(codes), _ROWS):
        part = codes[first : first + _ROWS]
        columns = [table[part[:, i]] for i, table in enumerate(single)]
        columns.append(score[np.arange(len(rho)), part[:, pairs.rows], part[:, pairs.columns]])
        scores = np.concatenate(columns, axis=1)
        inner += scores.T @ scores
    bread = np.zeros((total, total))
    for i in range(len(thresholds)):
        own = slice(at[i], at[i + 1])
        bread[own, own] = inner[own, own]
    weighted = pairs.tables * score / share
    by_first, by_second = pairs.by_thresholds(rho)
    for p, (i, j) in enumerate(zip(pairs.rows, pairs.columns, strict=True)):
        # Cut a is the upper bound of category a − 1 and the lower one of category a.
        moved = weighted[p, :-1] * by_first[p, 1:-1] - weighted[p, 1:] * by_first[p, 1:-1]
        bread[cuts + p, at[i] : at[i + 1]] = moved.sum(axis=1)[: len(thresholds[i])]
        moved = weighted[p, :, :-1] * by_second[p, :, 1:-1] - (
            weighted[p, :, 1:] * by_second[p, :, 1:-1])  # fmt: skip
        bread[cuts + p, at[j] : at[j + 1]] = moved.sum(axis=0)[: len(thresholds[j])]
    bread[np.arange(cuts, total), np.arange(cuts, total)] = (pairs.tables * score**2).sum(
        axis=(1, 2)
    )
    inverse = np.linalg.inv(bread)
    gamma: Array = len(codes) * inverse @ inner @ inverse.T
    return gamma


def _single_scores(cuts: Array, share: Array) -> Array:
    """∂ log π/∂τ of each category of one item, (categories, cuts)."""
    found = np.zeros((len(share), len(cuts)))
    k = np.arange(len(cuts))
    found[k, k] = _density(cuts) / share[:-1]
    found[k + 1, k] = -_density(cuts) / share[1:]
    return found
