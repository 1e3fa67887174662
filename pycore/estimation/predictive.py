"""Posterior predictive checks item by item: where a fit and its answers part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pycore.errors import refuse
from pycore.estimation.fitted import Fitted, fitted, group_labels, require_numbers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["item_check"]

F64 = NDArray[np.float64]


def item_check(fit: Any, *, draws: int = 500, probability: float = 0.90, seed: int) -> pd.DataFrame:
    """Hold the observed means, deviations and correlations of items against replicated ones.

    In each of ``draws`` posterior draws a survey of the same size is drawn from the fitted normal
    (its covariance from the Wishart law).  Only respondents who left nothing out are compared.

    Parameters
    ----------
    fit : xarray.DataTree
        Result of :func:`pycore.estimate`.
    draws : int
        Replicated surveys.
    probability : float
        Of the equal-tailed interval of the replicated statistics.
    seed : int
        Same seed, same replicates.

    Returns
    -------
    pandas.DataFrame
        One row per item (``statistic`` ``mean`` where means are known, ``sd``) and per pair of
        items (``correlation``), on the model's scale: ``observed``, ``replicated`` (mean), ``low``,
        ``high``, and ``p``, the share of replicates above the observed; near 0 or 1 the model does
        not make what was seen.  Means are fitted one by one, so theirs are near a half.  A column
        ``group`` where the fit has groups.

    Raises
    ------
    InputError
        For anything but a fit of answers as numbers, or one whose respondents all left something
        out.

    Examples
    --------
    >>> import pycore as pc
    >>> study = pc.facts.zhang2017_ecm()
    >>> data = pc.SummaryData(corr=study.correlation, n=study.n, names=study.names)
    >>> fit = pc.estimate(pc.library.expectation_confirmation(), data, seed=1, chains=2)
    >>> table = item_check(fit, seed=1)
    >>> sorted(table["statistic"].unique()), len(table)
    (['correlation', 'sd'], 10)
    """
    import pandas as pd

    if not 0 < probability < 1:
        raise refuse("probability", probability, "a number between 0 and 1")
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 20:
        raise refuse("draws", draws, "a whole number of at least 20")
    require_numbers(fit)
    labels = group_labels(fit)
    rng = np.random.default_rng(seed)
    posterior, data = fit["posterior"], fit["constant_data"]
    total = posterior.sizes["chain"] * posterior.sizes["draw"]
    chosen = rng.choice(total, size=int(draws), replace=draws > total)
    tail = (1 - probability) / 2
    rows: list[dict[str, Any]] = []
    for label in labels:
        unit = _complete(data, label)
        if unit is None:
            continue
        f = fitted(fit, label, chosen)
        n = int(data["n"].values[unit])
        if n <= len(f.items):
            continue
        observed = _statistics(f, data["covariance"].values[unit][None], None if f.level is None
                               else data["mean"].values[unit][None])  # fmt: skip
        covariance, mean = _replicated(f, n, rng)
        made = _statistics(f, covariance, mean)
        for key, values in made.items():
            low, high = np.quantile(values, [tail, 1 - tail])
            seen = float(observed[key][0])
            rows.append({
                **({} if label is None else {"group": label}), "statistic": key[0], "item": key[1],
                "other": key[2], "observed": seen, "replicated": float(values.mean()),
                "low": float(low), "high": float(high), "p": float((values > seen).mean()),
            })  # fmt: skip
    if not rows:
        raise refuse("fit", "no respondents without gaps", "more of them than items")
    return pd.DataFrame(rows)


def _complete(data: Any, label: Any) -> int | None:
    for unit in range(data.sizes["unit"]):
        mine = label is None or str(data["group"].values[unit]) == str(label)
        if mine and data["observed"].values[unit].all():
            return unit
    return None


def _statistics(f: Fitted, covariance: F64, mean: F64 | None) -> dict[tuple[str, str, str], F64]:
    found: dict[tuple[str, str, str], F64] = {}
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    for i, item in enumerate(f.items):
        if mean is not None:
            found["mean", item, ""] = mean[:, i]
        found["sd", item, ""] = sd[:, i]
    for i, item in enumerate(f.items):
        for j in range(i):
            found["correlation", f.items[j], item] = covariance[:, i, j] / sd[:, i] / sd[:, j]
    return found


def _replicated(f: Fitted, n: int, rng: np.random.Generator) -> tuple[F64, F64 | None]:
    """Covariance (divisor n) and mean of one survey per draw, by Bartlett's decomposition."""
    count, size = len(f.loading), len(f.items)
    root = np.linalg.cholesky(f.covariance)
    triangle = np.tril(rng.standard_normal((count, size, size)), -1)
    triangle[:, np.arange(size), np.arange(size)] = np.sqrt(
        rng.chisquare(n - 1 - np.arange(size), (count, size))
    )
    made = root @ triangle
    mean = None
    if f.level is not None:
        noise = rng.standard_normal((count, size, 1))
        mean = f.level + (root @ noise)[..., 0] / np.sqrt(n)
    return made @ np.swapaxes(made, 1, 2) / n, mean
