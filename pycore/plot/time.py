"""Figures over time: a quantity by scenario, and the paired difference of two scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pycore.errors import refuse, require_name
from pycore.plot.direct_labels import label_ends
from pycore.plot.series import Z90, Series, axis_label, is_share, over_time, resolve
from pycore.plot.style import INK, MUTED, axes_for, colours, finish, listed, pretty, use

__all__ = ["difference", "trajectory_fan"]


def trajectory_fan(
    run: xr.Dataset,
    variable: str,
    *,
    stage: str | None = None,
    segment: str | None = None,
    scenarios: Sequence[str] | None = None,
    labels: dict[str, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw a share, rate or mean over time, one line per scenario, with 90% intervals.

    Parameters
    ----------
    run : xarray.Dataset
        What :func:`pycore.simulate` returned.
    variable : str
        ``"share"`` (with ``stage``), or a recorded quantity: ``"satisfaction"``, ``"stop_rate"``.
    stage : str, optional
        Stage whose share is drawn.
    segment : str, optional
        One segment; by default all consumers together.
    scenarios : sequence of str, optional
        Which scenarios, by default all.
    labels : dict, optional
        Scenario → words to print.
    title : str, optional
        The finding; by default what is drawn.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes
        The dark band is Monte Carlo error, the light one the uncertainty of the parameters where
        the run has several draws.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("coin", period="day")
    >>> m.record(m.event("heads", probability=m.parameter("p", 0.5)))
    >>> run = pc.simulate(m, consumers=1000, periods=5, seed=7)
    >>> figure, ax = trajectory_fan(run, "heads")
    >>> ax.get_ylabel()
    'heads, % of active consumers per day'
    """
    name = resolve(run, variable)
    if segment is None and run.sizes["segment"] > 1:
        from pycore.simulation.compare import pool

        run = pool(run)
    known = [str(s) for s in run["scenario"].values]
    for scenario in scenarios or ():
        require_name("scenarios", scenario, known)
    chosen = list(scenarios) if scenarios is not None else known
    lines = over_time(run.sel(scenario=chosen), name, stage=stage, segment=segment, by="scenario")
    label = axis_label(run, name, stage)
    with use():
        figure, axes = axes_for(ax, 3.6)
        words = {s.name: (labels or {}).get(s.name, pretty(s.name)) for s in lines}
        _draw(axes, lines, words, percent=is_share(name))
        axes.set_ylabel(label)
        _time_axis(axes, run)
        axes.set_title(label.split(",")[0].capitalize() + " over time" if title is None else title)
        _ends(axes, lines, words)
        period = run["period"].attrs.get("units", "period")
        ends = [f"{words[s.name]} {_number(s.centre[-1], is_share(name))}" for s in lines]
        finish(
            axes, _table(lines, "scenario", period, label),
            f"Lines over {run.sizes['period']} {period}s: {label}. "
            f"In the last {period}: {listed(ends)}.", of=run,
        )  # fmt: skip
    return figure, axes


def difference(
    comparison: xr.Dataset,
    variable: str,
    *,
    stage: str | None = None,
    segment: str | None = None,
    labels: dict[str, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the paired difference of two scenarios over time, one line per segment.

    Parameters
    ----------
    comparison : xarray.Dataset
        What :func:`pycore.compare` returned.
    variable, stage, segment
        As in :func:`trajectory_fan`; by default every segment has its line.
    labels : dict, optional
        Segment → words to print.
    title : str, optional
        The finding; by default what is drawn.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes
        Bands as in :func:`trajectory_fan`.  Both sides share their consumers and random numbers, so
        the Monte Carlo band is that of the difference.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("coin", period="day")
    >>> m.record(m.event("heads", probability=m.parameter("p", 0.5)))
    >>> run = pc.simulate(
    ...     m, consumers=1000, periods=5, seed=7, scenarios={"base": {}, "bent": {"p": 0.6}}
    ... )
    >>> figure, ax = difference(pc.compare(run, "bent"), "heads")
    >>> ax.get_ylabel()
    'difference in heads, percentage points'
    """
    name = resolve(comparison, variable)
    if "scenario" in comparison.dims:
        raise refuse("comparison", "a run with scenarios", "what pc.compare(run, a, b) returned")
    lines = over_time(comparison, name, stage=stage, segment=segment, by="segment")
    share = is_share(name)
    full = axis_label(comparison, name, stage)
    quantity = full.split(",")[0]
    unit = "percentage points" if share else full.partition("(")[2].rstrip(")")
    label = f"difference in {quantity}" + (f", {unit}" if unit else "")
    with use():
        figure, axes = axes_for(ax, 3.4)
        words = {s.name: (labels or {}).get(s.name, pretty(s.name)) for s in lines}
        axes.axhline(0, color=MUTED, linewidth=1.0)
        _draw(axes, lines, words, percent=share, sign=True)
        axes.set_ylabel(label)
        _time_axis(axes, comparison)
        pair = comparison.attrs.get("difference", "")
        axes.set_title(f"{quantity.capitalize()}: {pretty(pair)}" if title is None else title)
        if len(lines) > 1:
            _ends(axes, lines, words)
        period = comparison["period"].attrs.get("units", "period")
        ends = [
            f"{words[s.name]} {_number(s.centre[-1], share, points=True)} "
            f"± {_number(Z90 * s.error[-1], share, points=True)}" for s in lines
        ]  # fmt: skip
        finish(
            axes, _table(lines, "segment", period, label),
            f"Lines over time: {label}, {pair}. In the last {period}: {listed(ends)}.",
            of=comparison,
        )  # fmt: skip
    return figure, axes


def _draw(
    axes: Axes, lines: list[Series], words: dict[str, str], *, percent: bool, sign: bool = False
) -> None:
    inks = colours([s.name for s in lines])
    for s in lines:
        if s.low is not None and s.high is not None:
            axes.fill_between(s.period, s.low, s.high, color=inks[s.name], alpha=0.15, linewidth=0)
        half = Z90 * s.error
        axes.fill_between(
            s.period, s.centre - half, s.centre + half, color=inks[s.name], alpha=0.35, linewidth=0
        )
        axes.plot(s.period, s.centre, color=inks[s.name], label=words[s.name])
    if percent:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _hundredths(y, sign)))
        if not sign and min(float(np.nanmin(s.centre)) for s in lines) >= 0:
            axes.set_ylim(bottom=0)


def _time_axis(axes: Axes, run: xr.Dataset) -> None:
    axes.set_xlabel(str(run["period"].attrs.get("units", "period")))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))
    axes.set_xlim(float(run["period"].values[0]), float(run["period"].values[-1]))


def _ends(axes: Axes, lines: list[Series], words: dict[str, str]) -> None:
    inks = colours([s.name for s in lines])
    shown = [s for s in lines if np.isfinite(s.centre[-1])]
    label_ends(
        axes, float(lines[0].period[-1]), [float(s.centre[-1]) for s in shown],
        [words[s.name] for s in shown], [INK if inks[s.name] == MUTED else inks[s.name]
                                         for s in shown],
    )  # fmt: skip


def _hundredths(value: float, sign: bool) -> str:
    number = round(100 * value, 6)
    return (f"{number:+g}" if sign and number else f"{number:g}").replace("-", "−")


def _number(value: float, percent: bool, *, points: bool = False) -> str:
    if not percent:
        return f"{value:.2f}".replace("-", "−")
    return f"{100 * value:.1f}".replace("-", "−") + (" points" if points else " %")


def _table(lines: list[Series], by: str, period: str, label: str) -> pd.DataFrame:
    parts = []
    for s in lines:
        columns: dict[str, Any] = {by: s.name, period: s.period.astype(int), label: s.centre,
                   "Monte Carlo standard error": s.error}  # fmt: skip
        if s.low is not None and s.high is not None:
            columns |= {"parameters 5%": s.low, "parameters 95%": s.high}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
