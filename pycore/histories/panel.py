"""From a table of who did what when to the histories that the likelihood reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pycore._core import StageModel
from pycore.errors import refuse, require_name
from pycore.histories.stage_design import FAMILIES, Design

__all__ = ["Panel", "category_levels", "covariate_units", "read_panel", "require_columns"]

Array = NDArray[np.float64]
_MOST_CODES = 100_000


@dataclass(frozen=True, eq=False)
class Panel:
    """Histories one after the other, without gaps.

    Attributes
    ----------
    consumers : ndarray
        Labels, by history.
    first, length : ndarray of int64
        First row and number of rows of each.
    periods : ndarray of int64, shape (rows,)
        When.
    given : ndarray of bool, shape (rows,)
        Whether the row stood in the table; a period between two that was left out says nothing.
    codes : ndarray of uint32, shape (rows,)
        Combination of outcomes and known stage.
    values, known : ndarray
        Of each code: outcomes (outcomes, codes), NaN where missing; number of the stage, or −1.
    covariates : ndarray, shape (rows, covariates)
        Centred and scaled.
    platform : ndarray of uint32
        Number, by history.
    """

    consumers: NDArray[Any]
    first: NDArray[np.int64]
    length: NDArray[np.int64]
    periods: NDArray[np.int64]
    given: NDArray[np.bool_]
    codes: NDArray[np.uint32]
    values: Array
    known: NDArray[np.int64]
    covariates: Array
    platform: NDArray[np.uint32]

    def likelihood(self, design: Design, *, threads: int = 1, isa: str = "auto") -> StageModel:
        """The compiled likelihood of these histories."""
        number = {s: k for k, s in enumerate(design.stages)}
        return StageModel(
            goals=[[number[g] for g in design.goals[s]] for s in design.stages],
            outcomes=[
                (FAMILIES.index(family), len(design.levels.get(name, ())), self.values[k].tolist())
                for k, (name, family) in enumerate(design.outcomes.items())
            ],
            known=self.known.tolist(), silent=[s in design.silent for s in design.stages],
            free_start=design.free_start, groups=len(design.platforms), codes=self.codes,
            covariates=self.covariates, group_of=self.platform, first=self.first,
            length=self.length, threads=threads, isa=isa,
        )  # fmt: skip


def require_columns(data: Any, argument: str, names: list[str]) -> None:
    """Refuse a table without these columns."""
    columns = [str(c) for c in getattr(data, "columns", ())]
    if not columns or not len(data):
        raise refuse("data", type(data).__name__, "a pandas table with rows")
    for name in names:
        require_name(argument, name, columns)


def covariate_units(
    data: Any, names: tuple[str, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each covariate; refused if it does not vary."""
    centre, scale = [], []
    for name in names:
        x = _numbers(data, name)
        if not np.isfinite(x).all():
            raise refuse(f"data[{name!r}]", data[name].to_numpy()[~np.isfinite(x)][0],
                         "finite numbers: a covariate may not be missing")  # fmt: skip
        if np.ptp(x) == 0:
            raise refuse(f"data[{name!r}]", x[0], "a covariate that varies")
        centre.append(float(x.mean()))
        scale.append(float(x.std()))
    return tuple(centre), tuple(scale)


def category_levels(data: Any, name: str) -> tuple[str, ...]:
    """Values of a categorical outcome: in their declared order, or sorted."""
    column = data[name]
    levels = column.cat.categories if hasattr(column, "cat") else sorted(set(column.dropna()))
    if not 2 <= len(levels) <= 64:
        raise refuse(f"data[{name!r}]", list(levels), "2 to 64 categories")
    return tuple(str(v) for v in levels)


def read_panel(data: Any, design: Design) -> Panel:
    """Sort, fill gaps, and count what can be seen.

    A period that is left out between two rows of a consumer becomes a row in which nothing is
    known; its covariates are those of the row before.
    """
    d = design
    names = [d.consumer, d.period, *d.outcomes, *d.covariates]
    require_columns(data, "data", names + [c for c in (d.platform, d.known) if c is not None])
    when = _numbers(data, d.period)
    if not (np.isfinite(when) & (when == np.floor(when))).all():
        raise refuse(f"data[{d.period!r}]", data[d.period].to_numpy()[0], "whole numbers")
    if data[d.consumer].isna().any():
        raise refuse(f"data[{d.consumer!r}]", "a missing label", "a label in every row")
    import pandas as pd

    who, labels = pd.factorize(data[d.consumer].to_numpy(), sort=True)
    order = np.lexsort((when, who))
    who, period = who[order], when[order].astype(np.int64)
    begins = np.flatnonzero(np.r_[True, who[1:] != who[:-1]])
    step = np.diff(period, prepend=period[0])
    step[begins] = 1
    if (step < 1).any():
        at = int(np.flatnonzero(step < 1)[0])
        raise refuse("data", f"{d.consumer} {labels[who[at]]} twice in period {period[at]}",
                     "one row per consumer and period")  # fmt: skip
    if step.sum() > 50 * len(step) + 1000:
        raise refuse(f"data[{d.period!r}]", f"gaps of up to {step.max()} periods",
                     "periods numbered one by one")  # fmt: skip
    place = np.cumsum(step) - 1  # where each row stands once gaps are filled
    rows = int(place[-1]) + 1
    given = np.zeros(rows, dtype=bool)
    given[place] = True
    source = np.cumsum(given) - 1  # the row itself, or the one before the gap
    columns = [_outcome(data, d, name)[order][source] for name in d.outcomes]
    columns.append(
        (np.full(len(data), -1.0) if d.known is None else _known(data, d))[order][source]
    )
    seen = np.column_stack(columns)
    seen[~given, :-1] = np.nan
    seen[~given, -1] = -1.0
    combinations, codes = np.unique(seen, axis=0, return_inverse=True)
    if len(combinations) > _MOST_CODES:
        raise refuse("outcomes", f"{len(combinations)} different combinations",
                     f"at most {_MOST_CODES}")  # fmt: skip
    covariates = np.column_stack([
        (_covariate(data, name) - c) / s
        for name, c, s in zip(d.covariates, d.centre, d.scale, strict=True)
    ]) if d.covariates else np.zeros((len(data), 0))  # fmt: skip
    start = place[begins]
    return Panel(
        consumers=np.asarray(labels), first=start.astype(np.int64),
        length=np.diff(np.r_[start, rows]).astype(np.int64),
        periods=(period[source] + np.arange(rows) - place[source]).astype(np.int64), given=given,
        codes=codes.ravel().astype(np.uint32),
        values=np.ascontiguousarray(combinations[:, :-1].T),
        known=combinations[:, -1].astype(np.int64),
        covariates=np.ascontiguousarray(covariates[order][source]),
        platform=_platform(data, d, order, who, begins),
    )  # fmt: skip


def _numbers(data: Any, name: str) -> Array:
    import pandas as pd

    values: Array = pd.to_numeric(data[name], errors="coerce").to_numpy(
        dtype=float, na_value=np.nan
    )
    if (np.isnan(values) & ~data[name].isna().to_numpy()).any():
        bad = data[name].to_numpy()[np.isnan(values) & ~data[name].isna().to_numpy()][0]
        raise refuse(f"data[{name!r}]", bad, "numbers")
    return values


def _covariate(data: Any, name: str) -> Array:
    values = _numbers(data, name)
    if not np.isfinite(values).all():
        raise refuse(f"data[{name!r}]", "a missing value",
                     "finite numbers: a covariate may not be missing")  # fmt: skip
    return values


def _outcome(data: Any, design: Design, name: str) -> Array:
    family = design.outcomes[name]
    if family == "categorical":
        levels = design.levels[name]
        known = data[name].isna().to_numpy()
        found = np.array([
            np.nan if gap else levels.index(str(v)) if str(v) in levels else -1
            for v, gap in zip(data[name], known, strict=True)
        ])  # fmt: skip
        if (found == -1).any():
            bad = data[name].to_numpy()[found == -1][0]
            raise refuse(f"data[{name!r}]", bad, f"one of {', '.join(levels)}")
        return found
    values = _numbers(data, name)
    most = 1 if family == "bernoulli" else 1e9
    fits = np.isnan(values) | ((values >= 0) & (values <= most) & (values == np.floor(values)))
    if not fits.all():
        allowed = "0 and 1" if family == "bernoulli" else "whole numbers from 0"
        raise refuse(f"data[{name!r}]", values[~fits][0], allowed)
    return values


def _known(data: Any, design: Design) -> Array:
    number = {s: float(k) for k, s in enumerate(design.stages)}
    column = data[design.known]
    for value in column.dropna().unique():
        require_name(f"data[{design.known!r}]", str(value), design.stages)
    return np.array([-1.0 if gap else number[str(v)] for v, gap in
                     zip(column, column.isna(), strict=True)])  # fmt: skip


def _platform(
    data: Any, design: Design, order: NDArray[Any], who: NDArray[Any], begins: NDArray[Any]
) -> NDArray[np.uint32]:
    if design.platform is None:
        return np.zeros(len(begins), dtype=np.uint32)
    labels = data[design.platform].astype(str).to_numpy()[order]
    number = {p: k for k, p in enumerate(design.platforms)}
    for label in set(labels):
        require_name(f"data[{design.platform!r}]", label, number)
    numbers = np.array([number[v] for v in labels], dtype=np.uint32)
    if (numbers != np.repeat(numbers[begins], np.diff(np.r_[begins, len(who)]))).any():
        raise refuse(f"data[{design.platform!r}]", "a consumer on two platforms",
                     "one platform per consumer")  # fmt: skip
    return np.asarray(numbers[begins])
