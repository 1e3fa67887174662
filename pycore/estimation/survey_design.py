"""Means of a population from a sample that was not drawn singly and equally.

What is asked of a sample here is asked of its design alone, without a model of the answers; beside
it stands :mod:`pycore.estimation.pooling`, which has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pycore.errors import refuse, require_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["numbers", "survey_mean"]

F64 = NDArray[np.float64]


def survey_mean(
    table: pd.DataFrame,
    names: str | Sequence[str],
    *,
    weight: str | None = None,
    cluster: str | None = None,
    stratum: str | None = None,
    probability: float = 0.9,
) -> pd.DataFrame:
    """Estimate means of a population with the weights, clusters and strata of the design.

    The mean is Σ w y / Σ w.  Its error is that of a ratio, linearised, from the scatter of the
    clusters of the first stage within strata, as if these were drawn with replacement (the
    *ultimate cluster* estimate, which later stages need not enter; Särndal, Swensson and Wretman
    1992, *Model Assisted Survey Sampling*).  It is a little too large where a sizeable share of all
    clusters was drawn.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per respondent.
    names : str or sequence of str
        Columns of numbers; a respondent without an answer counts in the others only.
    weight : str, optional
        Column of weights, inverse to the chance of being asked; only their ratios count.
    cluster : str, optional
        Column of the units drawn first, such as shops; without, respondents are drawn singly.
    stratum : str, optional
        Column of the parts from which clusters were drawn separately, at least two from each.
    probability : float
        Of the intervals, Student's t with clusters − strata degrees of freedom.

    Returns
    -------
    pandas.DataFrame
        One row per name: ``mean``, ``se``, ``low``, ``high``, ``design_effect`` (variance over that
        of as many respondents drawn singly and equally), ``effective`` (respondents divided by it),
        ``respondents`` and ``clusters``.

    Raises
    ------
    InputError
        For columns that are not there or not numbers, weights that are not positive, a cluster in
        two strata, and a stratum with a single cluster.

    Examples
    --------
    Two answers from each of three shops, which differ more than their customers do:

    >>> import pandas as pd
    >>> asked = pd.DataFrame({"shop": list("aabbcc"), "speed": [2, 3, 4, 5, 7, 6]})
    >>> survey_mean(asked, "speed", cluster="shop")[["mean", "se", "design_effect"]].round(2)
           mean   se  design_effect
    speed   4.5  1.15           2.29
    """
    import pandas as pd
    from scipy.stats import t as student

    if not isinstance(table, pd.DataFrame) or table.empty:
        raise refuse("table", type(table).__name__, "a pandas.DataFrame with a row per respondent")
    if isinstance(probability, bool) or not 0 < probability < 1:
        raise refuse("probability", probability, "a number between 0 and 1")
    wanted = (names,) if isinstance(names, str) else tuple(names)
    columns = [str(c) for c in table.columns]
    for argument, column in (("weight", weight), ("cluster", cluster), ("stratum", stratum)):
        if column is not None:
            require_name(argument, column, columns)
    for name in wanted:
        require_name("names", name, columns)
    w = np.ones(len(table)) if weight is None else numbers(table, weight)
    if not (w > 0).all():
        raise refuse(f"weight {weight!r}", float(np.nanmin(w)), "positive numbers, without gaps")
    units = _codes(table, cluster) if cluster else np.arange(len(table))
    parts = _codes(table, stratum) if stratum else np.zeros(len(table), dtype=np.intp)
    rows = {}
    for name in wanted:
        y = numbers(table, name)
        here = np.isfinite(y)
        if here.sum() < 2:
            raise refuse(f"names {name!r}", f"{here.sum()} answers", "at least two answers")
        _require_clusters(units[here], parts[here], cluster, stratum)
        rows[name] = _mean(y[here], w[here], units[here], parts[here])
    found = pd.DataFrame.from_dict(rows, orient="index")
    half = student.ppf((1 + probability) / 2, found.pop("df")) * found["se"]
    found.insert(2, "low", found["mean"] - half)
    found.insert(3, "high", found["mean"] + half)
    return found.astype({"respondents": int, "clusters": int})


def _mean(y: F64, w: F64, units: NDArray[np.intp], parts: NDArray[np.intp]) -> dict[str, float]:
    mean = float(w @ y / w.sum())
    away = w * (y - mean) / w.sum()
    _, unit = np.unique(units, return_inverse=True)
    clusters = unit.max() + 1
    total = np.bincount(unit, away)
    part = np.zeros(clusters, dtype=np.intp)
    part[unit] = parts
    _, part = np.unique(part, return_inverse=True)
    many = np.bincount(part)
    scatter = np.bincount(part, (total - (np.bincount(part, total) / many)[part]) ** 2)
    variance = float((many / (many - 1) * scatter).sum())
    n = len(y)
    singly = float(w @ (y - mean) ** 2 / w.sum()) / (n - 1)
    effect = variance / singly if singly > 0 else np.nan
    return {
        "mean": mean, "se": variance**0.5, "design_effect": effect, "effective": n / effect,
        "respondents": n, "clusters": clusters, "df": clusters - len(many),
    }  # fmt: skip


def numbers(table: pd.DataFrame, name: str) -> F64:
    """A column as numbers; NaN where there is no answer."""
    try:
        values = np.asarray(table[name].to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        raise refuse(f"column {name!r}", table[name].iloc[0], "numbers, or NaN") from None
    if np.isinf(values).any():
        raise refuse(f"column {name!r}", "infinite numbers", "finite numbers, or NaN")
    return values


def _codes(table: pd.DataFrame, name: str) -> NDArray[np.intp]:
    codes, _ = table[name].factorize()
    if (codes < 0).any():
        raise refuse(f"column {name!r}", "gaps", "a label for every respondent")
    return np.asarray(codes, dtype=np.intp)


def _require_clusters(units: Any, parts: Any, cluster: str | None, stratum: str | None) -> None:
    pairs = np.unique(np.column_stack([parts, units]), axis=0)
    if len(pairs) != len(np.unique(units)):
        raise refuse(
            f"stratum {stratum!r}", f"a {cluster} in two of them", "clusters within strata"
        )
    if np.unique(pairs[:, 0], return_counts=True)[1].min() < 2:
        what = f"a stratum of {stratum!r} with one cluster" if stratum else "one cluster"
        raise refuse("cluster", what, "at least two clusters in every stratum")
