"""Single lives: one strip per consumer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pycore.errors import refuse, require_name
from pycore.plot.style import INK, PALETTE, axes_for, finish, pretty, use

__all__ = ["lives"]

_DIVERGING = LinearSegmentedColormap.from_list("calm-strained", ["#0072B2", "#F4F4F0", "#D55E00"])
_MARKS = ("|", "v", "x", "^")
_LARGEST = 40


def lives(
    trajectories: xr.Dataset,
    state: str,
    *,
    events: Sequence[str] = (),
    stage: str | None = None,
    consumers: Sequence[int] | None = None,
    scenario: str | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw one state of single consumers as coloured strips, with events and the way they leave.

    Parameters
    ----------
    trajectories : xarray.Dataset
        What :func:`pycore.trajectories` returned.
    state : str
        State that colours the strips.
    events : sequence of str
        At most four events marked on the strips.
    stage : str, optional
        The stage word; found by itself where there is only one variable of labels.
    consumers : sequence of int, optional
        Which consumers, at most 40; by default the first twelve.
    scenario : str, optional
        By default the first.
    labels : mapping, optional
        Event → words to print.
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
    >>> m = pc.Model("walk", period="day")
    >>> x = m.state("mood", carry=0.9, target=m.draw("luck", pc.Normal(0, 1)))
    >>> paths = pc.trajectories(m, ids=range(3), periods=20, seed=1)
    >>> figure, ax = lives(paths, "mood")
    >>> ax.get_xlabel()
    'day'
    """
    names = [str(n) for n in trajectories]
    numeric = [n for n in names if trajectories[n].dtype.kind == "f"]
    require_name("state", state, numeric)
    for event in events:
        require_name("events", event, numeric)
    if len(events) > len(_MARKS):
        raise refuse("events", list(events), f"at most {len(_MARKS)} events")
    labelled = [n for n in names if trajectories[n].dtype.kind in "UO"]
    if stage is not None:
        require_name("stage", stage, labelled)
    elif labelled:
        stage = labelled[0]
    scenarios = [str(s) for s in trajectories["scenario"].values]
    if scenario is not None:
        require_name("scenario", scenario, scenarios)
    one = trajectories.sel(scenario=scenario or scenarios[0])
    known = [int(c) for c in one["consumer"].values]
    chosen = list(consumers) if consumers is not None else known[:12]
    apart = len(set(chosen)) == len(chosen) and set(chosen) <= set(known)
    if not 1 <= len(chosen) <= _LARGEST or not apart:
        raise refuse("consumers", chosen, f"1 to {_LARGEST} different ones of the trajectories")
    one = one.sel(consumer=chosen)
    values = one[state].transpose("consumer", "period").values.astype(float)
    period = one["period"].values
    y = np.arange(len(chosen))
    limit = float(np.nanquantile(np.abs(values), 0.98)) or 1.0
    with use():
        figure, axes = axes_for(ax, 1.5 + 0.27 * len(chosen))
        image = axes.imshow(
            values, aspect="auto", cmap=_DIVERGING, vmin=-limit, vmax=limit, origin="upper",
            extent=(period[0] - 0.5, period[-1] + 0.5, len(chosen) - 0.5, -0.5),
            interpolation="nearest",
        )  # fmt: skip
        for edge in y[1:] - 0.5:
            axes.axhline(edge, color="white", linewidth=3)
        ends = _leaving(axes, one, stage, values, period)
        for event, mark in zip(events, _MARKS, strict=False):
            rows, columns = np.nonzero(one[event].transpose("consumer", "period").values == 1)
            axes.plot(
                period[columns], rows, linestyle="none", marker=mark, color=INK, markersize=5,
                label=(labels or {}).get(event, pretty(event)),
            )  # fmt: skip
        axes.set_yticks(y, [f"{c}" for c in chosen])
        axes.set_ylabel("consumer")
        axes.set_xlabel(str(trajectories["period"].attrs.get("units", "period")))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))
        axes.grid(visible=False)
        axes.spines["left"].set_visible(False)
        axes.set_title(f"{pretty(state).capitalize()} of {len(chosen)} consumers"
                       if title is None else title, pad=26 if events else 10)  # fmt: skip
        if events:
            axes.legend(
                loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=len(events), borderpad=0,
                handletextpad=0.3, columnspacing=1.4, fontsize=9,
            )  # fmt: skip
        unit = trajectories[state].attrs.get("units", "1")
        bar = figure.colorbar(image, ax=axes, pad=0.015, aspect=30, extend="both")
        bar.outline.set_visible(False)
        bar.set_label(pretty(state) + (f" ({unit})" if unit != "1" else ""))
        shown = (
            one[[state, *events]]
            .to_dataframe()
            .reset_index()[["consumer", "period", state, *events]]
        )
        left = sum(e is not None for e in ends)
        finish(
            axes, pd.DataFrame(shown),
            f"Strips of {len(chosen)} consumers over {len(period)} periods, coloured by "
            f"{pretty(state)}; {left} of them leave.",
        )  # fmt: skip
    return figure, axes


def _leaving(
    axes: Axes, one: xr.Dataset, stage: str | None, values: np.ndarray, period: np.ndarray
) -> list[str | None]:
    """Write where a life ends, in the empty part of its strip."""
    if stage is None:
        return [None] * len(values)
    lasts = [str(x) for x in one[stage].transpose("consumer", "period").values[:, -1]]
    lengths = np.isfinite(values).sum(axis=1)
    # A stage that cut one life short ends the others too, even in the last period shown.
    final = {last for last, lived in zip(lasts, lengths, strict=True) if lived < len(period)}
    found: list[str | None] = []
    for row, (last, lived) in enumerate(zip(lasts, lengths, strict=True)):
        gone = last in final
        found.append(last if gone else None)
        if not gone:
            continue
        at = period[0] + lived - 0.5
        ink = PALETTE["vermillion"]
        axes.plot([at, at], [row - 0.38, row + 0.38], color=ink, linewidth=2)
        room = (period[-1] - at) / len(period)
        # Too late in the run to stand in the strip's empty part: beside the strip.
        beside = period[-1] + 0.5 if room < 0.16 else at
        axes.annotate(
            pretty(last), (beside, row), xytext=(4, 0), textcoords="offset points", va="center",
            ha="left", fontsize=8.5, color=ink, annotation_clip=False,
        )  # fmt: skip
    return found
