"""Numbers over time out of a run: centre, Monte Carlo error, parameter uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from pycore.errors import refuse, require_name
from pycore.plot.style import pretty

__all__ = ["Z90", "Series", "axis_label", "is_share", "over_time", "resolve"]

F64 = npt.NDArray[np.float64]
Z90 = 1.6448536269514722  # half width of a 90% normal interval in standard errors


@dataclass(frozen=True)
class Series:
    """One line: values by period with two kinds of 90% interval.

    ``low`` and ``high`` enclose the draws of the parameters (absent with a single draw);
    ``error`` is the Monte Carlo standard error of ``centre``.
    """

    name: str
    period: F64
    centre: F64
    error: F64
    low: F64 | None
    high: F64 | None


def resolve(run: xr.Dataset, variable: str) -> str:
    """Full name of a variable of a run: ``satisfaction`` may stand for ``satisfaction_mean``."""
    if not isinstance(run, xr.Dataset):
        raise refuse("run", type(run).__name__, "a Dataset made by pycore")
    for name in (variable, f"{variable}_mean", f"{variable}_rate"):
        if name in run and f"{name}_mcse" in run:
            return name
    require_name("variable", variable, [str(n) for n in run if f"{n}_mcse" in run])
    raise refuse("variable", variable, "a variable with a Monte Carlo error")


def over_time(
    run: xr.Dataset, name: str, *, stage: str | None, segment: str | None, by: str
) -> list[Series]:
    """Lines of one variable, one for each label of the dimension ``by``."""
    values, errors = run[name], run[f"{name}_mcse"]
    if "stage" in values.dims:
        stages = [str(s) for s in run["stage"].values]
        if stage is None:
            raise refuse("stage", None, f"one of {', '.join(stages)}")
        require_name("stage", stage, stages)
        values, errors = values.sel(stage=stage), errors.sel(stage=stage)
    elif stage is not None:
        raise refuse("stage", stage, f"None: {name} is not kept by stage")
    if segment is not None:
        require_name("segment", segment, [str(s) for s in run["segment"].values])
        values, errors = values.sel(segment=segment), errors.sel(segment=segment)
    elif by != "segment":
        values, errors = values.isel(segment=0), errors.isel(segment=0)
    period = run["period"].values.astype(float)
    labels = [str(x) for x in values[by].values] if by in values.dims else [str(segment)]
    lines = []
    for label in labels:
        one = values.sel({by: label}) if by in values.dims else values
        err = errors.sel({by: label}) if by in errors.dims else errors
        draws = one.transpose("draw", "period").values
        noise = err.transpose("draw", "period").values
        several = draws.shape[0] > 1
        low, high = np.quantile(draws, [0.05, 0.95], axis=0) if several else (None, None)
        error = np.sqrt((noise**2).mean(axis=0))
        lines.append(Series(label, period, draws.mean(axis=0), error, low, high))
    return lines


def is_share(name: str) -> bool:
    """Whether the variable is a share or a rate, printed in per cent."""
    return name == "share" or name.endswith("_rate")


def axis_label(run: xr.Dataset, name: str, stage: str | None) -> str:
    """What an axis says: the quantity and its unit."""
    period = run["period"].attrs.get("units", "period")
    if name == "share":
        return f"{pretty(stage or '')}, % of all consumers"
    if name.endswith("_rate"):
        return f"{pretty(name.removesuffix('_rate'))}, % of active consumers per {period}"
    unit = run[name].attrs.get("units", "1")
    plain = pretty(name.removesuffix("_mean"))
    return f"{plain}, mean" + (f" ({unit})" if unit != "1" else "")
