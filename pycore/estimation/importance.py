"""What matters most and where one stands: importance and performance of the causes of an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from pycore.errors import refuse, require_name
from pycore.estimation.effects import effects
from pycore.estimation.fitted import drawn_posterior, group_labels
from pycore.gates import marked
from pycore.model.elements import Item
from pycore.model.serialize import from_json

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["importance_performance"]


def importance_performance(
    fit: Any,
    answers: pd.DataFrame,
    outcome: str,
    *,
    group: object = None,
    probability: float = 0.90,
) -> pd.DataFrame:
    """Total effects on an outcome beside the answers that its causes get (Martilla and James 1977).

    What matters and is not done well should be improved first.

    Parameters
    ----------
    fit : xarray.DataTree
        Result of :func:`pycore.estimate`.
    answers : pandas.DataFrame
        The table it was estimated from, or another with the same items.
    outcome : str
        The state to be improved.
    group : label, optional
        Which group, where the fit has groups.
    probability : float
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row per cause of the outcome, direct or not: ``importance``, its total effect in standard
        deviations, posterior mean with equal-tailed ``importance_low`` and ``importance_high``;
        ``performance``, the mean of its items from 0 (lowest answer) to 100 (highest), with
        ``performance_low`` and ``performance_high`` from their sampling error.  Items that load
        negatively count reversed.  Most important first.

    Raises
    ------
    InputError
        For a state without causes, a table without their items, or items without a lowest and a
        highest answer (``points=0``).

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("shop")
    >>> speed = m.trait("speed", pc.Normal(0, 1))
    >>> _ = m.survey(speed, ["SPEED"], points=7)
    >>> b = m.parameter("b", 0.5, pc.Normal(0, 1))
    >>> own = m.trait("own", pc.Normal(0, 1))
    >>> _ = m.survey(m.state("loyalty", carry=0, target=b * speed + own), ["LOYAL"], points=7)
    >>> answers = pc.answers(m, respondents=300, seed=1)
    >>> fit = pc.estimate(m, answers, seed=1, progress=False)
    >>> found = importance_performance(fit, answers, "loyalty")
    >>> found["cause"].tolist(), bool(40 < found["performance"][0] < 60)
    (['speed'], True)
    """
    import pandas as pd

    labels = group_labels(fit)
    if labels != [None]:
        require_name("group", str(group), [str(g) for g in labels])
    elif group is not None:
        raise refuse("group", group, "None: the fit has no groups")
    found = effects(fit, effect=outcome, standardised=True, probability=probability)
    found = found[(found["kind"] == "total") & (found["cause"] != outcome)]
    if group is not None:
        found = found[found["group"].astype(str) == str(group)]
        answers = answers[answers[str(fit.attrs["group"])].astype(str) == str(group)]
    asked = from_json(fit.attrs["model_json"]).items
    loading = drawn_posterior(fit)["loading"].mean(("chain", "draw"))
    if group is not None:
        loading = loading.isel(group=[str(g) for g in labels].index(str(group)))
    rows = []
    for row in found.itertuples():
        items = [asked[n] for n in asked if asked[n].measures == row.cause]
        if not items:
            continue
        own = loading.sel(state=row.cause)
        reversed_ = {i.name for i in items if float(own.sel(item=i.name)) < 0}
        low, middle, high = _performance(answers, row.cause, items, reversed_, probability)
        rows.append((row.cause, row.mean, row.low, row.high, middle, low, high))
    if not rows:
        raise refuse("outcome", outcome, "a state whose causes were asked for")
    columns = ["cause", "importance", "importance_low", "importance_high",
               "performance", "performance_low", "performance_high"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    table = table.sort_values("importance", key=abs, ascending=False, ignore_index=True)
    return marked(table, fit)


def _performance(
    answers: pd.DataFrame, cause: str, items: list[Item], reversed_: set[str], probability: float
) -> tuple[float, float, float]:
    """Mean of the items between their ends, 0 to 100, over those who answered all; its interval."""
    if any(item.points < 2 for item in items):
        raise refuse(f"items of {cause}", "answers without a lowest and a highest",
                     "items with points")  # fmt: skip
    for item in items:
        require_name("answers", item.name, [str(c) for c in answers.columns])
    shares = [
        (item.points - answers[item.name]) / (item.points - 1) if item.name in reversed_
        else (answers[item.name] - 1) / (item.points - 1)
        for item in items
    ]  # fmt: skip
    given = 100 * np.mean(np.asarray(shares, dtype=float), axis=0)
    given = given[np.isfinite(given)]
    if given.size < 2:
        raise refuse("answers", f"{given.size} rows that answer all of {cause}", "two or more")
    reach = float(ndtri(0.5 + probability / 2) * given.std(ddof=1) / np.sqrt(given.size))
    mean = float(given.mean())
    return mean - reach, mean, mean + reach
