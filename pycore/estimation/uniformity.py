"""Whether ranks are uniform: the ECDF held between bands that hold everywhere at once.

Säilynoja, Bürkner and Vehtari (2022), doi:10.1007/s11222-022-10090-6.  ArviZ draws such bands for
continuous values and without a p value; ranks are whole numbers, for which the binomial law of the
counts is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import binom

from pycore.errors import refuse

__all__ = ["INTERVALS", "band", "of_ranks", "p_value"]

F64 = NDArray[np.float64]
INTERVALS = (0.5, 0.8, 0.9)
_REPLICATES = 20_000


def of_ranks(ranks: NDArray[np.int_], parameters: Sequence[str], highest: int) -> xr.Dataset:
    """What the ranks of truths say about posteriors.

    Parameters
    ----------
    ranks : ndarray of int, shape (replicates, parameters)
        From 0 to ``highest``.
    parameters : sequence of str
        Their names.
    highest : int
        Highest possible rank.

    Returns
    -------
    xarray.Dataset
        ``rank``, ``p_value``, ``coverage``, ``ecdf``, ``low`` and ``high`` of
        :func:`pycore.calibration_check`.

    Examples
    --------
    >>> found = of_ranks(np.arange(100)[:, None], ["slope"], 99)
    >>> found["coverage"].sel(parameter="slope").values.tolist()
    [0.5, 0.8, 0.9]
    """
    given = np.asarray(ranks)
    points, low, high = band(len(given), highest)
    tails = [round((1 - inner) / 2 * (highest + 1)) for inner in INTERVALS]
    inside = [((given >= tail) & (given <= highest - tail)).mean(axis=0) for tail in tails]
    below = (given[:, :, None] < np.arange(1, highest + 1)).mean(axis=0)
    return xr.Dataset(
        {
            "rank": (("replicate", "parameter"), given),
            "p_value": ("parameter", [p_value(column, highest) for column in given.T]),
            "coverage": (("parameter", "interval"), np.stack(inside, axis=1)),
            "ecdf": (("parameter", "point"), below),
            "low": ("point", low), "high": ("point", high),
        },
        coords={
            "replicate": np.arange(len(given)), "parameter": list(parameters),
            "interval": list(INTERVALS), "point": points,
        },
    )  # fmt: skip


def p_value(ranks: NDArray[np.int_], highest: int) -> float:
    """Probability that uniform ranks stray as far from the diagonal as these do, or further.

    Parameters
    ----------
    ranks : ndarray of int, shape (replicates,)
        From 0 to ``highest``.
    highest : int
        Highest possible rank.

    Raises
    ------
    InputError
        For ranks outside the range.

    Examples
    --------
    >>> p_value(np.arange(100), 99), p_value(np.full(100, 50), 99) < 0.001
    (1.0, True)
    """
    given = np.asarray(ranks)
    if given.ndim != 1 or not len(given) or given.min() < 0 or given.max() > highest:
        raise refuse("ranks", ranks, f"whole numbers from 0 to {highest}")
    strays = _strays(len(given), highest)
    seen = _stray(given[None].astype(np.int_), highest)[0]
    # Equal to the last bit or not: the same counts give the same tail probability.
    below = int(np.searchsorted(strays, seen * (1 + 1e-12), side="right"))
    return (1 + below) / (1 + len(strays))


def band(replicates: int, highest: int, probability: float = 0.95) -> tuple[F64, F64, F64]:
    """Points and the band around the ECDF of uniform ranks.

    Parameters
    ----------
    replicates, highest : int
        How many ranks, and the highest possible one.
    probability : float
        That the whole ECDF stays inside.

    Returns
    -------
    points, low, high : ndarray, shape (highest,)
        Where, and between what, the share of ranks below each point lies.
    """
    strays = _strays(replicates, highest)
    tail = float(np.quantile(strays, 1 - probability)) / 2
    points = np.arange(1, highest + 1) / (highest + 1)
    low = binom.ppf(tail, replicates, points) / replicates
    high = binom.isf(tail, replicates, points) / replicates
    return points, low, high


@lru_cache(maxsize=16)
def _strays(replicates: int, highest: int) -> F64:
    """How far uniform ranks stray, sorted; the seed makes a p value a function of the ranks."""
    rng = np.random.default_rng(2022)
    parts = [_stray(rng.integers(0, highest + 1, (2000, replicates)), highest)
             for _ in range(_REPLICATES // 2000)]  # fmt: skip
    return np.sort(np.concatenate(parts))


def _stray(ranks: NDArray[np.int_], highest: int) -> F64:
    """Smallest two-sided tail probability of the counts of ranks below each point."""
    rows, replicates = ranks.shape
    flat = ranks + (highest + 1) * np.arange(rows)[:, None]
    counts = np.bincount(flat.ravel(), minlength=rows * (highest + 1)).reshape(rows, -1)
    below = counts.cumsum(axis=1)[:, :-1]
    tails = _tails(replicates, highest)
    smallest = tails[np.arange(highest), below].min(axis=1)
    return np.asarray(np.minimum(1.0, 2 * smallest))


@lru_cache(maxsize=16)
def _tails(replicates: int, highest: int) -> F64:
    """The smaller tail of every count (columns) at every point (rows)."""
    points = np.arange(1, highest + 1)[:, None] / (highest + 1)
    count = np.arange(replicates + 1)
    return np.asarray(
        np.minimum(binom.cdf(count, replicates, points), binom.sf(count - 1, replicates, points))
    )
