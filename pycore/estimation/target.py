"""Published figures that a simulated run is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import refuse, require_name

__all__ = ["Target"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A published figure, its error, and what in a run corresponds to it.

    Parameters
    ----------
    measure : str or callable
        Name of a variable of a run: a state, an event or ``"share"`` (with ``stage``), or the full
        name such as ``"anger_variance"``.  Or a function of the run, as :func:`pycore.simulate`
        returns it, that gives one number per draw (dimension ``draw``).
    value : float
        The figure.
    error : float
        Its standard error, above 0: of sampling, of rounding (half the last digit / √3), and of
        whatever else keeps the model's quantity from being the published one.
    period : int, optional
        Which period, by default the last.
    stage, segment, scenario : str, optional
        Which stage; which segment (by default all consumers together); which scenario (by default
        the first).
    source : str
        Where the figure stands.

    Raises
    ------
    InputError
        For a value or error that is not a usable number, or a selector beside a function.

    Examples
    --------
    >>> Target(measure="share", stage="left", period=12, value=0.2, error=0.01).label
    'share of left, period 12'
    """

    measure: str | Callable[[xr.Dataset], Any]
    value: float
    error: float
    period: int | None = None
    stage: str | None = None
    segment: str | None = None
    scenario: str | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for name, low in (("value", -np.inf), ("error", 0.0)):
            number = getattr(self, name)
            real = isinstance(number, int | float | np.integer | np.floating)
            if isinstance(number, bool) or not real or not np.isfinite(number) or number <= low:
                allowed = "a finite number" + (" above 0" if name == "error" else "")
                raise refuse(f"Target.{name}", number, allowed)
        if callable(self.measure):
            for name in ("period", "stage", "segment", "scenario"):
                if getattr(self, name) is not None:
                    raise refuse(f"Target.{name}", getattr(self, name),
                                 "None: a function selects for itself")  # fmt: skip
        elif not isinstance(self.measure, str):
            raise refuse("Target.measure", self.measure, "a name, or a function of a run")

    @property
    def label(self) -> str:
        """What is measured, in words."""
        if not isinstance(self.measure, str):
            return str(getattr(self.measure, "__name__", "function"))
        parts = [self.measure]
        if self.stage:
            parts[0] += f" of {self.stage}"
        parts += [f"period {self.period}"] if self.period is not None else []
        return ", ".join(parts + [p for p in (self.segment, self.scenario) if p])

    def of(self, run: xr.Dataset, together: xr.Dataset) -> NDArray[np.float64]:
        """One number per draw.

        Parameters
        ----------
        run, together : xarray.Dataset
            The run, and the run with its segments added together.

        Raises
        ------
        InputError
            If the run has no such variable, stage, period, segment or scenario.
        """
        draws = run.sizes["draw"]
        if not isinstance(self.measure, str):
            found = self.measure(run)
            values = np.asarray(found, dtype=np.float64).reshape(-1)
            if values.shape != (draws,):
                raise refuse(f"Target {self.label!r}", f"shape {np.shape(found)}",
                             f"one number per draw, shape ({draws},)")  # fmt: skip
            return values
        data = together if self.segment is None else run
        array = data[self._variable(data)]
        array = _pick(array, "scenario", self.scenario, first=True)
        array = _pick(array, "segment", self.segment, first=self.segment is None)
        array = _pick(array, "stage", self.stage)
        if "period" in array.dims:
            known = [int(p) for p in array["period"].values]
            when = known[-1] if self.period is None else self.period
            if when not in known:
                raise refuse(f"Target {self.label!r}: period", self.period,
                             f"{known[0]} to {known[-1]}")  # fmt: skip
            array = array.sel(period=when)
        return np.asarray(array.transpose("draw").values, dtype=np.float64)

    def _variable(self, data: xr.Dataset) -> str:
        assert isinstance(self.measure, str)
        for name in (self.measure, f"{self.measure}_mean", f"{self.measure}_rate"):
            if name in data and "draw" in data[name].dims:
                return name
        known = [str(n) for n in data if not str(n).endswith("_mcse") and n != "ledger"]
        require_name("Target.measure", self.measure, known)
        raise refuse("Target.measure", self.measure, "a variable with one number per draw")


def _pick(array: xr.DataArray, dim: str, label: str | None, *, first: bool = False) -> xr.DataArray:
    if dim not in array.dims:
        if label is not None:
            raise refuse(f"Target.{dim}", label, f"None: {array.name} is not kept by {dim}")
        return array
    known = [str(x) for x in array[dim].values]
    if label is None:
        if not first:
            raise refuse(f"Target.{dim}", None, f"one of {', '.join(known)}")
        return array.isel({dim: 0})
    require_name(f"Target.{dim}", label, known)
    return array.sel({dim: label})
