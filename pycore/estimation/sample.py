"""From a respondent table to sufficient statistics, on the model's own scale.

An answer on a scale of 1 to ``points`` is put back on the scale of what it measures by a straight
line, from the model's thresholds and the item's own mean and deviation (:func:`answer_line`).  So
loadings and errors are comparable with those the model declares, and paths are on the model's scale.
Continuous items (``points = 0``) are taken as they are.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root
from scipy.special import ndtr

from pycore.errors import InputError, allowed_names, refuse
from pycore.estimation.errors import EstimateWarning
from pycore.estimation.summary_data import SummaryData, require_positive_definite
from pycore.model.elements import Item
from pycore.model.lavaan import GROUP
from pycore.model.model import Model
from pycore.simulation.thresholds import SPAN, default_thresholds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Sample", "Unit", "answer_line", "read"]

_MOST_PATTERNS = 2000


@dataclass(frozen=True, eq=False)
class Unit:
    """Respondents of one group who answered the same items."""

    group: int
    n: int
    observed: NDArray[np.bool_]
    mean: NDArray[np.float64]
    cov: NDArray[np.float64]  # divisor n; zero where not observed


@dataclass(frozen=True, eq=False)
class Sample:
    """Sufficient statistics of a survey, per group and pattern of missing answers.

    Attributes
    ----------
    items : tuple of str
        Order of every array.
    group_name : str or None
        Column that separates the groups.
    groups : tuple
        Labels.
    moderated : bool
        Whether the groups differ in the model's own constant traits, so that one set of parameters
        serves all of them.
    traits : tuple of dict
        Constant traits of each group.
    units : tuple of Unit
        Statistics.
    means : bool
        Whether means are known.
    answers, codes : ndarray or None
        Of every respondent, (respondents, items) with NaN, and the group's number; None where only
        statistics are known.
    """

    items: tuple[str, ...]
    group_name: str | None
    groups: tuple[Any, ...]
    moderated: bool
    traits: tuple[dict[str, float], ...]
    units: tuple[Unit, ...]
    means: bool
    answers: NDArray[np.float64] | None = None
    codes: NDArray[np.int_] | None = None

    @property
    def complete(self) -> bool:
        """Whether nobody left an item out."""
        return all(u.observed.all() for u in self.units)

    @property
    def respondents(self) -> int:
        """Respondents used."""
        return sum(u.n for u in self.units)

    @property
    def scale(self) -> NDArray[np.float64]:
        """Standard deviation of each item within groups, from whoever answered it."""
        squares = sum(u.n * np.diag(u.cov) for u in self.units)
        between = np.zeros(len(self.items))
        for i in range(len(self.items)):
            for g in range(len(self.groups)):
                parts = [u for u in self.units if u.group == g and u.observed[i]]
                total = sum(u.n for u in parts)
                level = sum(u.n * u.mean[i] for u in parts) / total
                between[i] += sum(u.n * (u.mean[i] - level) ** 2 for u in parts)
        count = sum(u.n * u.observed for u in self.units)
        scale: NDArray[np.float64] = np.sqrt((squares + between) / count)
        return scale

    def centre(self, group: int) -> NDArray[np.float64]:
        """Mean of each item in a group, from whoever answered it."""
        parts = [u for u in self.units if u.group == group]
        count = sum(u.n * u.observed for u in parts)
        total = sum(u.n * np.where(u.observed, u.mean, 0.0) for u in parts)
        mean: NDArray[np.float64] = np.asarray(total) / count
        return mean


def answer_line(item: Item, mean: float, sd: float) -> tuple[float, float]:
    """Intercept and slope from answer category to the scale of the thresholds.

    The answer is a latent number cut at the model's thresholds.  A normal latent with the mean and
    deviation that give the observed mean and deviation of the categories has, with anything else
    normal, a covariance of γ times the categories' covariance, γ = 1 / Σ φ((τ − μ)/σ)/σ over the
    thresholds τ (Bussgang's theorem); that is the slope.  It makes up for what the end categories
    hide, which a line through the thresholds would not.

    Parameters
    ----------
    item : Item
        With its thresholds.
    mean, sd : float
        Of the categories 1 to ``points``.

    Examples
    --------
    With many narrow categories nothing is hidden.

    >>> import pycore as pc
    >>> m = pc.Model("one")
    >>> _ = m.survey(
    ...     m.state("x", target=0),
    ...     ["q"],
    ...     points=100,
    ...     thresholds=[(k - 50) / 10 for k in range(1, 100)],
    ... )
    >>> a, b = answer_line(m.items["q"], 50.5, 10.0)
    >>> round(a + 50.5 * b, 6), round(b, 4)
    (0.0, 0.1)
    """
    if item.points == 0:
        return 0.0, 1.0
    cuts = np.array(item.thresholds or default_thresholds(item.points))
    categories = np.arange(1, item.points + 1)
    middle = float(cuts.mean())
    width = float(np.ptp(cuts)) / max(len(cuts) - 1, 1) or SPAN / item.points

    def away(point: NDArray[np.float64]) -> NDArray[np.float64]:
        mu, sigma = point[0], np.exp(point[1])
        below = np.concatenate([[0.0], ndtr((cuts - mu) / sigma), [1.0]])
        share = np.diff(below)
        level = share @ categories
        return np.array([level - mean, np.sqrt(share @ (categories - level) ** 2) - sd])

    start = np.array([middle + width * (mean - (item.points + 1) / 2), np.log(width * sd)])
    found = root(away, start)
    mu, sigma = float(found.x[0]), float(np.exp(found.x[1]))
    if not found.success or np.abs(away(found.x)).max() > 1e-6:
        # Answers that no normal gives, such as only the two ends: the line through the thresholds.
        return middle - width * (item.points + 1) / 2, width
    density = np.exp(-0.5 * ((cuts - mu) / sigma) ** 2) / np.sqrt(2 * np.pi) / sigma
    slope = 1 / float(density.sum())
    return mu - slope * mean, slope


def read(
    model: Model,
    data: Any,
    group: str | None = None,
    missing: Literal["fiml", "listwise"] = "fiml",
) -> Sample:
    """Check data against a model and reduce them to sufficient statistics.

    Parameters
    ----------
    model : Model
        Gives the items and their scales.
    data : pandas.DataFrame, SummaryData, or mapping of group label to SummaryData
        Respondents in rows, items in columns; or statistics.
    group : str, optional
        Column that separates groups (for a mapping: what its labels are).  A table whose segments
        differ in constant traits is grouped by segment without being told.
    missing : {"fiml", "listwise"}
        Whether a respondent with gaps counts with what was answered, or not at all.

    Raises
    ------
    InputError
        For data that cannot be those of the model; the message names the column.
    """
    import pandas as pd

    if missing not in ("fiml", "listwise"):
        raise refuse("missing", missing, "'fiml' or 'listwise'")
    if not model.items:
        raise refuse("model", model.name, "a model with survey items")
    if isinstance(data, SummaryData):
        if group is not None:
            raise refuse("group", group, "None for one SummaryData; give {label: SummaryData}")
        return _from_summaries(model, {"all": data}, None)
    if isinstance(data, Mapping) and all(isinstance(v, SummaryData) for v in data.values()):
        if group is None or len(data) < 2:
            raise refuse("group", group, "a name, with two or more labels in data")
        return _from_summaries(model, dict(data), group)
    if not isinstance(data, pd.DataFrame):
        raise refuse("data", type(data).__name__, "a pandas.DataFrame or pc.SummaryData")
    return _from_table(model, data, group, missing)


def _from_summaries(model: Model, tables: dict[Any, SummaryData], group: str | None) -> Sample:
    items = tuple(model.items)
    units = []
    for g, (label, table) in enumerate(tables.items()):
        where = "data" if group is None else f"data[{label!r}]"
        _require_columns(where, tuple(table.names), items, set())
        order = [table.names.index(i) for i in items]
        if table.standardised and any(model.items[i].points for i in items):
            raise refuse(
                where, "correlations without sd",
                "correlations with sd= in answer points, as the items have answer points",
            )  # fmt: skip
        sd = np.sqrt(np.diag(table.covariance))[order]
        level = [(model.items[i].points + 1) / 2 for i in items] if table.mean is None else (
            np.asarray(table.mean)[order])  # fmt: skip
        lines = np.array([
            answer_line(model.items[i], level[k], sd[k]) for k, i in enumerate(items)
        ])  # fmt: skip
        unit = lines[:, 1]
        cov = table.covariance[np.ix_(order, order)] * np.outer(unit, unit)
        mean = np.zeros(len(items)) if table.mean is None else lines[:, 0] + unit * np.asarray(
            table.mean)[order]  # fmt: skip
        units.append(
            Unit(g, int(table.n), np.ones(len(items), bool), mean, cov * (table.n - 1) / table.n)
        )
    known = [t.mean is not None for t in tables.values()]
    if len(set(known)) > 1:
        raise refuse("data", "means for some groups", "means for all groups or for none")
    labels = tuple(tables)
    traits, moderated = _group_traits(model, group, labels, [{} for _ in labels])
    return Sample(items, group, labels, moderated, traits, tuple(units), known[0])


def _from_table(model: Model, data: pd.DataFrame, group: str | None, missing: str) -> Sample:
    items = tuple(model.items)
    known = {"segment", *model.constant_traits, *model.outcomes}
    columns = [str(c) for c in data.columns]
    if group is not None and group not in columns:
        raise refuse("group", group, allowed_names(c for c in columns if c not in items))
    others = known | ({group} if group else set())
    if not any(item.free for item in model.items.values()):
        others |= set(columns)  # data of a model in lavaan's syntax may hold what it does not use
    _require_columns("data", tuple(columns), items, others)
    group = group or _grouping(model, data)
    answers = np.column_stack([_column(model.items[i], data[i]) for i in items])
    labels, codes = (("all",), np.zeros(len(data), int))
    if group is not None:
        labels, codes = _codes(group, data[group])
    keep = np.isfinite(answers).any(axis=1) if missing == "fiml" else (
        np.isfinite(answers).all(axis=1))  # fmt: skip
    present = [n for n in model.constant_traits if n in columns]
    levels = []
    for g, label in enumerate(labels):
        rows = keep & (codes == g)
        where = f"group {label!r}" if group else "data"
        if rows.sum() <= len(items):
            raise refuse(
                where, f"{int(rows.sum())} usable respondents", f"more than the {len(items)} items"
            )
        for i, item in enumerate(items):
            seen = answers[rows, i][np.isfinite(answers[rows, i])]
            if seen.size < 2:
                raise refuse(f"{where}, item {item!r}", f"{seen.size} answers", "two or more")
            if np.ptp(seen) == 0:
                raise refuse(f"{where}, item {item!r}", "the same answer from everybody",
                             "an item whose answers differ")  # fmt: skip
        levels.append({n: _level(n, where, data[n].to_numpy()[rows]) for n in present})
    traits, moderated = _group_traits(model, group, labels, levels)
    units = _units(answers[keep], codes[keep], items)
    return Sample(
        items, group, tuple(labels), moderated, traits, units, True, answers[keep], codes[keep]
    )


def _grouping(model: Model, data: pd.DataFrame) -> str | None:
    """Segments that differ in constant traits are groups.

    Pooled, the differences between their means would be taken for covariance within one kind.
    """
    if "segment" not in data.columns or data["segment"].nunique(dropna=False) < 2:
        return None
    told = [n for n in model.constant_traits if n in data.columns]
    if told:
        return "segment" if any(data[n].nunique(dropna=False) > 1 for n in told) else None
    return "segment" if all(label in model.segments for label in data["segment"]) else None


def _require_columns(
    where: str, columns: tuple[str, ...], items: tuple[str, ...], known: set[str]
) -> None:
    absent = [i for i in items if i not in columns]
    if absent:
        raise refuse(
            where, f"no column {', '.join(absent)}", "a column for every item of the model"
        )
    strange = [c for c in columns if c not in items and c not in known]
    if strange:
        raise refuse(
            where, f"column {', '.join(strange)}",
            f"the model's items, {', '.join(sorted(known)) or 'nothing else'} and the group",
        )  # fmt: skip
    if len(set(columns)) != len(columns):
        raise refuse(where, "a column name twice", "every column once")


def _column(item: Item, column: Any) -> NDArray[np.float64]:
    try:
        values = np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError, OverflowError):
        raise refuse(
            f"item {item.name!r}", column.iloc[0], "numbers, or NaN where missing"
        ) from None
    seen = values[~np.isnan(values)]
    if not seen.size:
        return values
    if not np.isfinite(seen).all():
        raise refuse(f"item {item.name!r}", "infinite answers", "finite numbers")
    if item.points:
        outside = seen[(seen < 1) | (seen > item.points) | (seen != np.floor(seen))]
        if outside.size:
            raise refuse(
                f"item {item.name!r}", float(outside[0]), f"whole answers from 1 to {item.points}"
            )
    if not item.points or np.ptp(seen) == 0:
        return values
    intercept, slope = answer_line(item, float(seen.mean()), float(seen.std()))
    return intercept + slope * values


def _codes(group: str, column: Any) -> tuple[tuple[Any, ...], NDArray[np.int_]]:
    import pandas as pd

    codes, labels = pd.factorize(column, sort=pd.api.types.is_numeric_dtype(column))
    if (codes < 0).any():
        raise refuse("group", f"missing labels in {group!r}", "a label for every respondent")
    if len(labels) < 2:
        raise refuse("group", f"one label in {group!r}", "two or more groups")
    return tuple(v.item() if hasattr(v, "item") else v for v in labels), np.asarray(codes)


def _level(name: str, where: str, values: NDArray[Any]) -> float:
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError):
        raise refuse(f"{where}, trait {name!r}", values[0], "numbers") from None
    if not np.isfinite(numbers).all():
        raise refuse(f"{where}, trait {name!r}", "missing or infinite values", "finite numbers")
    if np.ptp(numbers) > 0:
        raise refuse(
            f"{where}, trait {name!r}", f"values from {numbers.min():g} to {numbers.max():g}",
            f"one value in every group: group={name!r}, or group= with a column that separates them",
        )  # fmt: skip
    return float(numbers[0])


def _group_traits(
    model: Model, group: str | None, labels: tuple[Any, ...], levels: list[dict[str, float]]
) -> tuple[tuple[dict[str, float], ...], bool]:
    """Constant traits of each group: its columns, else its segment, else its own label."""
    if GROUP in model.constant_traits and group != GROUP:
        # Groups of a model in lavaan's syntax are numbered, and have parameters of their own.
        if group is None or len(labels) != len(model.segments):
            found = None if group is None else f"{len(labels)} groups"
            raise refuse("group", found, f"a column with {len(model.segments)} groups")
        return tuple({**t, GROUP: k + 1.0} for k, t in enumerate(levels)), False
    if group in model.constant_traits:
        for label, level in zip(labels, levels, strict=True):
            try:
                level[group] = float(label)
            except (TypeError, ValueError):
                raise refuse("group", label, f"numbers, as {group!r} is a trait") from None
        return tuple(levels), True
    if group == "segment":
        if not any(levels) and all(label in model.segments for label in labels):
            return tuple(dict(model.segments[label].traits) for label in labels), True
        return tuple(levels), any(levels)
    return tuple(levels), False


def _units(
    answers: NDArray[np.float64], codes: NDArray[np.int_], items: tuple[str, ...]
) -> tuple[Unit, ...]:
    seen = np.isfinite(answers)
    patterns, which = np.unique(np.column_stack([codes, seen]), axis=0, return_inverse=True)
    if len(patterns) > _MOST_PATTERNS:
        raise refuse(
            "missing", f"'fiml' with {len(patterns)} patterns of missing answers",
            f"at most {_MOST_PATTERNS} patterns, or missing='listwise'",
        )  # fmt: skip
    units = []
    for k, pattern in enumerate(patterns):
        rows = answers[which.ravel() == k]
        mask = pattern[1:].astype(bool)
        filled = np.where(mask, rows, 0.0)
        mean = filled.mean(axis=0)
        centred = np.where(mask, rows - mean, 0.0)
        unit = Unit(int(pattern[0]), len(rows), mask, mean, centred.T @ centred / len(rows))
        if mask.all() and len(rows) > len(items):
            try:
                require_positive_definite("data", unit.cov)
            except InputError as error:
                warnings.warn(
                    f"{error}: some items repeat others exactly", EstimateWarning, stacklevel=5
                )
        units.append(unit)
    return tuple(units)
