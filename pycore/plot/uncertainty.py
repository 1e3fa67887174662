"""Two kinds of uncertainty told apart: not knowing the parameters, and chance in the simulation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pycore.errors import refuse, require_name
from pycore.plot.direct_labels import label_ends
from pycore.plot.series import axis_label, is_share, resolve
from pycore.plot.style import INK, PALETTE, axes_for, finish, listed, pretty, use
from pycore.simulation.variance import variance_parts

__all__ = ["variance_over_time", "variance_split"]

_PARTS = ("parameter", "population", "monte_carlo")


def variance_split(
    run: xr.Dataset,
    variable: str,
    *,
    stage: str | None = None,
    period: int | None = None,
    scenarios: Sequence[str] | None = None,
    labels: dict[str, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw how much of an outcome's uncertainty is parameters and how much Monte Carlo error.

    The parts are those of :func:`pycore.variance_parts`: standard deviations of the outcome over
    parameters, and over populations of the size of the run (the Monte Carlo error of one draw).

    Parameters
    ----------
    run : xarray.Dataset
        A run with at least two parameter draws.
    variable, stage : str
        As in :func:`trajectory_fan`.
    period : int, optional
        Which period, by default the last.
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

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("coin", period="day")
    >>> m.record(m.event("heads", probability=m.parameter("p", 0.5)))
    >>> run = pc.simulate(m, consumers=1000, periods=2, seed=7, posterior={"p": [0.4, 0.5, 0.6]})
    >>> figure, ax = variance_split(run, "heads")
    >>> ax.get_xlabel()
    'standard deviation of heads, percentage points'
    """
    name = resolve(run, variable)
    if run.sizes.get("draw", 1) < 2:
        raise refuse("run", f"{run.sizes.get('draw', 1)} draw", "a run with two or more draws")
    if run.sizes["segment"] > 1:
        from pycore.simulation.compare import pool

        run = pool(run)
    parts = variance_parts(run, variable, stage=stage).isel(segment=0)
    known = [int(p) for p in run["period"].values]
    when = known[-1] if period is None else period
    if when not in known:
        raise refuse("period", period, f"a whole number from {known[0]} to {known[-1]}")
    parts = parts.sel(period=when)
    names = [str(s) for s in run["scenario"].values]
    for scenario in scenarios or ():
        require_name("scenarios", scenario, names)
    chosen = list(scenarios) if scenarios is not None else names
    scale, unit = (100.0, "percentage points") if is_share(name) else (
        1.0, str(run[name].attrs.get("units", "1")))  # fmt: skip
    label = axis_label(run, name, stage).split(",")[0]
    rows = []
    for scenario in chosen:
        one = parts.sel(scenario=scenario)
        spread = [max(float(one[part]), 0.0) ** 0.5 for part in ("parameter", "population")]
        rows.append((scenario, scale * spread[0], scale * spread[1]))
    words = [(labels or {}).get(s, pretty(s)) for s in chosen]
    with use():
        figure, axes = axes_for(ax, 1.1 + 0.62 * len(rows))
        y = np.arange(len(rows))[::-1]
        for offset, part, ink, text in (
            (0.17, 1, PALETTE["blue"], "parameters"), (-0.17, 2, PALETTE["orange"], "Monte Carlo"),
        ):  # fmt: skip
            widths = [r[part] for r in rows]
            axes.barh(y + offset, widths, height=0.3, color=ink, alpha=0.85)
            for at, width in zip(y + offset, widths, strict=True):
                axes.annotate(
                    f"{text}: {width:.2g}", (width, at), xytext=(5, 0),
                    textcoords="offset points", va="center", fontsize=9, color=INK,
                )  # fmt: skip
        axes.set_yticks(y, words)
        axes.set_xlim(0, 1.25 * max(max(r[1], r[2]) for r in rows))
        axes.grid(axis="x")
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"standard deviation of {label}" + (f", {unit}" if unit != "1" else ""))
        axes.set_title("Uncertainty by its source" if title is None else title)
        columns = ["scenario", f"parameters, sd ({unit})", f"Monte Carlo, sd ({unit})"]
        said = [f"{w}: parameters {r[1]:.2g}, Monte Carlo {r[2]:.2g}"
                for w, r in zip(words, rows, strict=True)]  # fmt: skip
        finish(axes, pd.DataFrame(rows, columns=columns),
               f"Bars of standard deviations in {unit}. {listed(said)}.", of=run)  # fmt: skip
    return figure, axes


def variance_over_time(
    parts: xr.Dataset,
    *,
    scenario: str | None = None,
    segment: str | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the parts of an outcome's variance, one upon the other, period by period.

    Parameters
    ----------
    parts : xarray.Dataset
        What :func:`pycore.variance_parts` returned.
    scenario, segment : str, optional
        Which, by default the first.
    title : str, optional
        The finding; by default what is drawn.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes
        Areas add up to the variance of a prediction; a part estimated below 0 is drawn as 0.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("coin", period="day")
    >>> m.record(m.event("heads", probability=m.parameter("p", 0.5)))
    >>> run = pc.simulate(m, consumers=1000, periods=3, seed=7, posterior={"p": [0.4, 0.5, 0.6]})
    >>> figure, ax = variance_over_time(pc.variance_parts(run, "heads"))
    >>> ax.get_xlabel()
    'day'
    """
    for name in _PARTS:
        if not isinstance(parts, xr.Dataset) or name not in parts:
            raise refuse("parts", type(parts).__name__, "a result of pycore.variance_parts")
    one = parts
    for dim, label in (("scenario", scenario), ("segment", segment)):
        known = [str(x) for x in parts[dim].values]
        if label is not None:
            require_name(dim, label, known)
        one = one.sel({dim: known[0] if label is None else label})
    heights = {n: np.maximum(one[n].values, 0.0) for n in _PARTS}
    period = one["period"].values.astype(float)
    variable = pretty(str(parts.attrs["stage"] or parts.attrs["variable"]))
    unit = str(one["total"].attrs.get("units", "1"))
    with use():
        figure, axes = axes_for(ax, 3.4)
        inks = [PALETTE[n] for n in ("blue", "orange", "sky")]
        axes.stackplot(period, *heights.values(), colors=inks, alpha=0.85, linewidth=0)
        tops = np.cumsum([h[-1] for h in heights.values()])
        middles = [float(top - h[-1] / 2) for top, h in zip(tops, heights.values(), strict=True)]
        axes.set_xlim(period[0], period[-1] if len(period) > 1 else period[0] + 1)
        axes.set_ylim(0, 1.05 * max(float(np.sum(list(heights.values()), axis=0).max()), 1e-300))
        size = f"{parts.attrs['population']:,} consumers"
        words = ["parameters", f"population of {size}", "Monte Carlo"]
        label_ends(axes, period[-1], middles, words, inks)
        axes.set_xlabel(one["period"].attrs.get("units", "period"))
        axes.set_ylabel(f"variance of {variable}" + (f", {unit}" if unit != "1" else ""))
        axes.set_title("Uncertainty by its source" if title is None else title)
        shown = one[list(_PARTS)].to_dataframe().reset_index()[["period", *_PARTS]]
        total = sum(h[-1] for h in heights.values()) or 1.0
        said = [f"{w} {h[-1] / total:.0%}" for w, h in zip(words, heights.values(), strict=True)]
        finish(axes, shown, f"Stacked areas of variance. At the end: {listed(said)}.", of=parts)
    return figure, axes
