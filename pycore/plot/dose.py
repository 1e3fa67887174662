"""Dose and response: what more of a cause does to an outcome."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pycore.errors import require_name
from pycore.plot.direct_labels import label_ends
from pycore.plot.style import axes_for, colours, finish, listed, pretty, use

__all__ = ["dose_response"]


def dose_response(
    table: pd.DataFrame,
    *,
    dose: str = "dose",
    response: str = "response",
    low: str = "low",
    high: str = "high",
    group: str | None = None,
    percent: bool = True,
    xlabel: str | None = None,
    ylabel: str | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw an outcome against the dose of its cause, one line per group, with 90% intervals.

    Parameters
    ----------
    table : DataFrame
        One row per dose (and group).
    dose, response, low, high : str
        Columns with the dose, the outcome and the ends of its interval.
    group : str, optional
        Column that tells lines apart, the kind of failure for example.
    percent : bool
        Whether the outcome is a share, printed in per cent.
    xlabel, ylabel : str, optional
        What the axes are, with units; by default the names of the columns.
    labels : mapping, optional
        Group → words to print.
    title : str, optional
        The finding; by default what is drawn.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame(
    ...     {"failures": [0, 5], "left": [0.1, 0.3], "low": [0.09, 0.28], "high": [0.11, 0.32]}
    ... )
    >>> figure, ax = dose_response(rows, dose="failures", response="left")
    >>> ax.get_xlabel()
    'failures'
    """
    columns = [str(c) for c in table.columns]
    for column in (dose, response, low, high, *([group] if group else [])):
        require_name("table", column, columns)
    groups = [str(g) for g in dict.fromkeys(table[group])] if group else [""]
    inks = colours(groups) if group else {"": "#0072B2"}
    word = {g: (labels or {}).get(g, pretty(g)) for g in groups}
    y_text = ylabel or pretty(response)
    if percent and "%" not in y_text:
        y_text += ", %"
    with use():
        figure, axes = axes_for(ax, 3.6)
        ends = []
        for g in groups:
            rows = table[table[group].astype(str) == g] if group else table
            rows = rows.sort_values(dose)
            x, y = rows[dose].to_numpy(float), rows[response].to_numpy(float)
            spread = np.abs(np.vstack([y - rows[low], rows[high] - y]))
            axes.fill_between(x, rows[low], rows[high], color=inks[g], alpha=0.15, linewidth=0)
            axes.errorbar(x, y, yerr=spread, color=inks[g], marker="o", markersize=4, capsize=0,
                          elinewidth=1.4)  # fmt: skip
            ends.append((x[-1], y[-1]))
        if percent:
            axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{round(100 * v, 6):g}"))
        if float(table[low].min()) >= 0:
            axes.set_ylim(bottom=0)
        if np.array_equal(table[dose], table[dose].round()):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))
        axes.set_xlabel(xlabel or pretty(dose))
        axes.set_ylabel(y_text)
        drawn = f"{y_text.split(',')[0]} by {xlabel or pretty(dose)}"
        axes.set_title(drawn[:1].upper() + drawn[1:] if title is None else title)
        if group:
            # Labels stand at the largest dose of all, beside the height of their own last point.
            label_ends(axes, max(e[0] for e in ends), [e[1] for e in ends],
                       [word[g] for g in groups], [inks[g] for g in groups])  # fmt: skip
        said = [
            f"{word[g] + ': ' if g else ''}"
            f"{100 * e[1]:.1f}% at {e[0]:g}" if percent else f"{word[g]} {e[1]:.3g} at {e[0]:g}"
            for g, e in zip(groups, ends, strict=True)
        ]  # fmt: skip
        names = {dose: xlabel or dose, response: y_text, low: "5%", high: "95%"}
        kept = ([group] if group else []) + [dose, response, low, high]
        finish(axes, table[kept].rename(columns=names),
               f"Lines of {y_text} against {xlabel or pretty(dose)}; at the largest dose "
               f"{listed(said)}.")  # fmt: skip
    return figure, axes
