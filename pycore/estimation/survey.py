"""Respondents' answers one by one, for likelihoods that need more than means and covariances.

An ordinal item keeps its categories.  Its scale: where the model gives it three points or more, the
first and the last threshold stand where the model puts them, so that states keep the model's scale
and the thresholds between are free; with two points there is one threshold and nothing to tell a
scale by.  An item without points has the categories that its column holds, as in lavaan's syntax,
and a scale on which a standard deviation is 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy.special import ndtri

from pycore.errors import refuse
from pycore.estimation.plan import Plan
from pycore.estimation.sample import Sample, Unit, read
from pycore.model.distributions import Normal
from pycore.model.elements import Item, Outcome
from pycore.model.model import Model
from pycore.simulation.thresholds import default_thresholds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Survey", "anchors", "read_survey", "turned_starts"]

Array = NDArray[np.float64]

_MOST_CATEGORIES = 20
_MOST_COUNT = 100_000


@dataclass(frozen=True, eq=False)
class Survey:
    """What every respondent answered and did.

    Attributes
    ----------
    sample : Sample
        The items' standing on the model's scale; covariances between ordinal items are not known
        here and stand at 0.
    ordinal : tuple of str
        Items that keep their categories.
    categories : dict
        Ordinal item → number of categories.
    answers : ndarray, shape (respondents, items)
        Categories from 0 of ordinal items, numbers of others, NaN where missing.
    outcomes : ndarray, shape (respondents, outcomes)
        What was observed of the model's outcomes, NaN where missing.
    codes : ndarray of int, shape (respondents,)
        Group of each.
    """

    sample: Sample
    ordinal: tuple[str, ...]
    categories: dict[str, int]
    answers: Array
    outcomes: Array
    codes: NDArray[np.int_]

    @property
    def correlation(self) -> Array:
        """Of the answers as they are coded, by pairs of items that were both answered."""
        size = self.answers.shape[1]
        found: Array = np.eye(size)
        for i in range(size):
            for j in range(i):
                both = np.isfinite(self.answers[:, [i, j]]).all(axis=1)
                rows = self.answers[both][:, [i, j]]
                if len(rows) > 1 and np.ptp(rows, axis=0).all():
                    found[i, j] = found[j, i] = np.asarray(np.corrcoef(rows.T))[0, 1]
        return found


def anchors(item: Item) -> tuple[float, ...]:
    """The thresholds that give an item its scale: the model's first and last, one, or none.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("one")
    >>> _ = m.survey(m.state("x", target=0), ["q"], points=5)
    >>> anchors(m.items["q"])
    (-1.35, 1.35)
    """
    if not item.points:
        return ()
    cuts = item.thresholds or default_thresholds(item.points)
    return (cuts[0], cuts[-1]) if len(cuts) > 1 else (cuts[0],)


def turned_starts(plan: Plan, correlation: Array) -> dict[str, Array]:
    """Starts of loadings of the sign that an item's correlation with its state's first item has.

    A chain that starts an item worded the other way round on the wrong side stays there.

    Parameters
    ----------
    plan : Plan
        Whose loadings are free.
    correlation : ndarray, shape (items, items)
        Of the answers, roughly.

    Returns
    -------
    dict
        Name of a random variable → starts of its entries.
    """
    free = {f[k].name: (f, k) for f in plan.free for k in range(f.size)}
    found: dict[str, Array] = {}
    loadings = plan.matrices[0]["loading"]
    for j, state in enumerate(plan.latents):
        mine = [i for i in range(len(plan.items)) if (i, j) in loadings]
        own = [i for i in mine if plan.model.items[plan.items[i]].measures == state]
        if not own:
            continue
        first = next((i for i in own if loadings[i, j].is_number), own[0])
        marker = loadings[first, j]
        sign = -1.0 if marker.is_number and marker < 0 else 1.0
        for i in mine:
            names = [s.name for s in loadings[i, j].free_symbols]
            if i == first or len(names) != 1 or names[0] not in free:
                continue
            variable, k = free[names[0]]
            slope = float(sp.diff(loadings[i, j], variable[k]).subs(variable[k], variable.start))
            if slope * variable.start * sign * correlation[i, first] < 0 and isinstance(
                variable.prior, Normal
            ):
                starts = found.setdefault(variable.name, np.full(variable.size, variable.start))
                starts[k] = -variable.start
    return found


def read_survey(
    model: Model,
    data: pd.DataFrame,
    *,
    ordinal: tuple[str, ...],
    group: str | None = None,
    missing: Literal["fiml", "listwise"] = "fiml",
) -> Survey:
    """Check a table of respondents and keep their answers.

    Parameters
    ----------
    model : Model
        Gives items and outcomes.
    data : pandas.DataFrame
        As for :func:`pycore.estimate`.
    ordinal : tuple of str
        Items that keep their categories.
    group, missing
        As for :func:`pycore.estimate`.

    Raises
    ------
    InputError
        For data that cannot be those of the model; the message names item and category.
    """
    sample = read(model, data, group, missing)
    raw = _numbers(data, sample.items)
    keep = np.isfinite(raw).any(axis=1) if missing == "fiml" else np.isfinite(raw).all(axis=1)
    answers = raw[keep] if sample.answers is None else sample.answers.copy()
    assert sample.codes is not None  # a table has respondents
    categories = {}
    for i, name in enumerate(sample.items):
        if name in ordinal:
            answers[:, i], categories[name] = _categories(
                model.items[name], raw[keep][:, i], sample.codes, sample.groups
            )
    outcomes = _numbers(data, tuple(model.outcomes))[keep]
    for k, outcome in enumerate(model.outcomes.values()):
        _require(outcome, outcomes[:, k])
    units = tuple(_unit(model, sample, categories, answers, g) for g in range(len(sample.groups)))
    standing = replace(sample, units=units, answers=None, codes=None)
    return Survey(standing, ordinal, categories, answers, outcomes, sample.codes)


def _numbers(data: pd.DataFrame, names: tuple[str, ...]) -> Array:
    columns = []
    for name in names:
        if name not in data.columns:
            raise refuse("data", f"no column {name}", "a column for every outcome of the model")
        try:
            columns.append(data[name].to_numpy(dtype=np.float64, na_value=np.nan))
        except (TypeError, ValueError):
            raise refuse(
                f"column {name!r}", data[name].iloc[0], "numbers, or NaN where missing"
            ) from None
    return np.column_stack(columns) if columns else np.zeros((len(data), 0))


def _categories(
    item: Item, column: Array, codes: NDArray[np.int_], groups: tuple[Any, ...]
) -> tuple[Array, int]:
    """Categories from 0, and how many; every one has to occur in every group."""
    seen = np.unique(column[np.isfinite(column)])
    where = f"item {item.name!r}"
    if not item.points and (len(seen) > _MOST_CATEGORIES or (seen != np.floor(seen)).any()):
        raise refuse(
            where, f"{len(seen)} different answers",
            f"whole numbers, at most {_MOST_CATEGORIES} different ones, of an ordinal item",
        )  # fmt: skip
    known = np.arange(1.0, item.points + 1) if item.points else seen
    for g, label in enumerate(groups):
        mine = column[codes == g]
        empty = [f"{c:g}" for c in known if not (mine == c).any()]
        if empty:
            place = f"{where}, group {label!r}" if len(groups) > 1 else where
            raise refuse(
                place, f"nobody in categor{'y' if len(empty) == 1 else 'ies'} {', '.join(empty)}",
                "answers in every category; join it with its neighbour and give the model the points "
                "that are left",
            )  # fmt: skip
    coded = np.where(np.isfinite(column), np.searchsorted(known, column), np.nan)
    return coded, len(known)


def _require(outcome: Outcome, values: Array) -> None:
    """Refuse what an outcome cannot be, and what tells nothing."""
    seen = values[np.isfinite(values)]
    where = f"outcome {outcome.name!r}"
    most = {"bernoulli": 1, "ordered": outcome.points - 1}.get(outcome.kind, _MOST_COUNT)
    wrong = seen[(seen < 0) | (seen > most) | (seen != np.floor(seen))]
    if wrong.size:
        raise refuse(where, float(wrong[0]), f"whole numbers from 0 to {most}")
    if seen.size < 2 or np.ptp(seen) == 0:
        raise refuse(where, "the same from everybody", "an outcome that differs")


def _unit(model: Model, sample: Sample, categories: dict[str, int], answers: Array, g: int) -> Unit:
    """Where items stand on the model's scale: mean and deviation of what their thresholds cut."""
    assert sample.codes is not None
    rows = answers[sample.codes == g]
    level, sd = np.zeros(len(sample.items)), np.ones(len(sample.items))
    for i, name in enumerate(sample.items):
        seen = rows[np.isfinite(rows[:, i]), i]
        if name not in categories:
            level[i], sd[i] = seen.mean(), seen.std()
            continue
        shares = np.bincount(seen.astype(int), minlength=categories[name]) / len(seen)
        cuts = ndtri(np.cumsum(shares)[:-1])
        fixed = anchors(model.items[name])
        if len(fixed) == 2:
            sd[i] = (fixed[1] - fixed[0]) / (cuts[-1] - cuts[0])
        if fixed:
            level[i] = fixed[0] - sd[i] * cuts[0]
    return Unit(g, len(rows), np.ones(len(level), bool), level, np.diag(sd**2))
