"""Two kinds of uncertainty told apart: not knowing the parameters, and chance in the simulation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pycore.errors import refuse, require_name
from pycore.plot.series import axis_label, is_share, resolve
from pycore.plot.style import INK, PALETTE, axes_for, finish, listed, pretty, use

__all__ = ["variance_split"]


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
    values, errors = run[name].isel(segment=0), run[f"{name}_mcse"].isel(segment=0)
    if "stage" in values.dims:
        stages = [str(s) for s in run["stage"].values]
        if stage is None:
            raise refuse("stage", None, f"one of {', '.join(stages)}")
        require_name("stage", stage, stages)
        values, errors = values.sel(stage=stage), errors.sel(stage=stage)
    known = [int(p) for p in run["period"].values]
    when = known[-1] if period is None else period
    if when not in known:
        raise refuse("period", period, f"a whole number from {known[0]} to {known[-1]}")
    values, errors = values.sel(period=when), errors.sel(period=when)
    names = [str(s) for s in run["scenario"].values]
    for scenario in scenarios or ():
        require_name("scenarios", scenario, names)
    chosen = list(scenarios) if scenarios is not None else names
    scale, unit = (100.0, "percentage points") if is_share(name) else (
        1.0, str(run[name].attrs.get("units", "1")))  # fmt: skip
    label = axis_label(run, name, stage).split(",")[0]
    rows = []
    for scenario in chosen:
        chance = float((errors.sel(scenario=scenario) ** 2).mean())
        between = float(values.sel(scenario=scenario).var("draw", ddof=1))
        known_part = max(between - chance, 0.0)
        rows.append((scenario, scale * known_part**0.5, scale * chance**0.5))
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
               f"Bars of standard deviations in {unit}. {listed(said)}.")  # fmt: skip
    return figure, axes
