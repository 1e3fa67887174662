"""How well items measure, and how much of each state is explained: with intervals."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pycore.errors import refuse
from pycore.estimation.fitted import Fitted, fitted, group_labels

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["htmt", "r_squared", "reliability"]

F64 = NDArray[np.float64]


def reliability(fit: Any, *, probability: float = 0.90) -> pd.DataFrame:
    """Reliability of the items of each state or trait.

    Computed in every draw from the model's own covariances: α (Cronbach) and ω (McDonald) of the
    items' sum, and the average variance extracted (Fornell and Larcker).  Items that load
    negatively count reversed.

    Parameters
    ----------
    fit : xarray.DataTree
        Result of :func:`pycore.estimate`.
    probability : float
        Of the equal-tailed credible intervals.

    Returns
    -------
    pandas.DataFrame
        One row per state or trait with two or more items and per ``measure`` (``alpha``,
        ``omega``, ``ave``): posterior ``mean``, ``median``, ``sd``, ``low``, ``high``; a column
        ``group`` where the fit has groups.

    Raises
    ------
    InputError
        For anything but a fit, or one with single items only.

    Examples
    --------
    Three items whose correlations are a half: α = ω = 9 / 12, AVE = 1 / 2.

    >>> import numpy as np
    >>> import pycore as pc
    >>> m = pc.Model.from_lavaan("mood =~ a + b + c")
    >>> data = pc.SummaryData(corr=np.eye(3) / 2 + 0.5, n=5000, names=["a", "b", "c"])
    >>> fit = pc.estimate(m, data, method="laplace", seed=1)
    >>> reliability(fit)["mean"].round(2).tolist()
    [0.75, 0.75, 0.5]
    """

    def rows(f: Fitted) -> list[dict[str, Any]]:
        made = []
        sign = np.sign(f.loading.sum(axis=2))
        covariance = f.covariance * sign[:, :, None] * sign[:, None, :]
        error = f.error * sign[:, :, None] * sign[:, None, :]
        for name, items in _measured(f):
            own = covariance[:, items][:, :, items]
            k = len(items)
            whole = own.sum(axis=(1, 2))
            single = np.diagonal(own, axis1=1, axis2=2)
            mistake = error[:, items][:, :, items]
            common = single - np.diagonal(mistake, axis1=1, axis2=2)
            found = {
                "alpha": k / (k - 1) * (1 - single.sum(axis=1) / whole),
                "omega": 1 - mistake.sum(axis=(1, 2)) / whole,
                "ave": (common / single).mean(axis=1),
            }
            made += [{"state": name, "measure": m, "values": v} for m, v in found.items()]
        return made

    return _table(fit, rows, probability, "a fit with two or more items of some state")


def htmt(fit: Any, *, probability: float = 0.90) -> pd.DataFrame:
    """Heterotrait–monotrait ratio of correlations of every pair of states or traits.

    The mean correlation of items of different states over the geometric mean of that within states
    (Henseler, Ringle and Sarstedt 2015, doi:10.1007/s11747-014-0403-8), in every draw from the
    model's own covariances.  Above .85 or .90 two states can hardly be told apart.

    Parameters
    ----------
    fit, probability
        As for :func:`reliability`.

    Returns
    -------
    pandas.DataFrame
        One row per pair (``state``, ``other``), columns as in :func:`reliability`.

    Raises
    ------
    InputError
        For anything but a fit with draws, or one without two states of two or more items.

    Examples
    --------
    Correlations of a half inside, of a quarter across: the ratio is a half.

    >>> import numpy as np
    >>> import pycore as pc
    >>> corr = np.full((4, 4), 0.25)
    >>> corr[:2, :2], corr[2:, 2:] = 0.5, 0.5
    >>> np.fill_diagonal(corr, 1)
    >>> data = pc.SummaryData(corr=corr, n=5000, names=["a", "b", "c", "d"])
    >>> m = pc.Model.from_lavaan("mood =~ a + b ; trust =~ c + d")
    >>> pc.htmt(pc.estimate(m, data, method="laplace", seed=1))["mean"].round(2).tolist()
    [0.5]
    """

    def rows(f: Fitted) -> list[dict[str, Any]]:
        sd = np.sqrt(np.diagonal(f.covariance, axis1=1, axis2=2))
        size = np.abs(f.covariance / (sd[:, :, None] * sd[:, None, :]))
        made = []
        for (name, one), (other, two) in combinations(_measured(f), 2):
            across = size[:, one][:, :, two].mean(axis=(1, 2))
            inside = [size[:, k][:, :, k][:, *np.triu_indices(len(k), 1)].mean(axis=1)
                      for k in (one, two)]  # fmt: skip
            made.append({"state": name, "other": other,
                         "values": across / np.sqrt(inside[0] * inside[1])})  # fmt: skip
        return made

    return _table(fit, rows, probability, "a fit with two or more items of two states")


def r_squared(fit: Any, *, probability: float = 0.90) -> pd.DataFrame:
    """Share of each state's variance that its causes explain.

    Parameters
    ----------
    fit, probability
        As for :func:`reliability`.

    Returns
    -------
    pandas.DataFrame
        One row per state, columns as in :func:`reliability`.

    Raises
    ------
    InputError
        For anything but a fit with draws, or one of a model without states.

    Examples
    --------
    A correlation of .6 explains .36.

    >>> import pycore as pc
    >>> m = pc.Model.from_lavaan("trust ~ delivery")
    >>> names = ["trust", "delivery"]
    >>> data = pc.SummaryData(corr=[[1, 0.6], [0.6, 1]], n=5000, names=names)
    >>> pc.r_squared(pc.estimate(m, data, method="laplace", seed=1))["mean"].round(2).tolist()
    [0.36]
    """

    def rows(f: Fitted) -> list[dict[str, Any]]:
        made = []
        for name in f.states:
            k = f.latents.index(name)
            made.append({"state": name, "values": 1 - f.disturbance[:, k, k] / f.latent[:, k, k]})
        return made

    return _table(fit, rows, probability, "a fit with states")


def _measured(f: Fitted) -> list[tuple[str, NDArray[np.int_]]]:
    """States and traits with two or more items of their own."""
    loads = (f.loading != 0).any(axis=0)
    alone = loads.sum(axis=1) == 1
    found = [(n, np.flatnonzero(loads[:, k] & alone)) for k, n in enumerate(f.latents)]
    return [(n, items) for n, items in found if len(items) > 1]


def _table(fit: Any, rows: Any, probability: float, allowed: str) -> pd.DataFrame:
    import pandas as pd

    if not 0 < probability < 1:
        raise refuse("probability", probability, "a number between 0 and 1")
    tail = (1 - probability) / 2
    made = []
    for label in group_labels(fit):
        for row in rows(fitted(fit, label)):
            values = row.pop("values")
            low, median, high = np.quantile(values, [tail, 0.5, 1 - tail])
            group = {} if label is None else {"group": label}
            made.append({
                **group, **row, "mean": float(values.mean()), "median": float(median),
                "sd": float(values.std(ddof=1)), "low": float(low), "high": float(high),
            })  # fmt: skip
    if not made:
        raise refuse("fit", str(fit.attrs.get("model", "a posterior")), allowed)
    return pd.DataFrame(made)
