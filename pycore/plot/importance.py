"""Importance against performance: what to improve first."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from pycore.errors import require_name
from pycore.plot.style import INK, MUTED, PALETTE, axes_for, finish, listed, pretty, use

__all__ = ["importance_performance"]

_NEEDED = ("cause", *(f"{what}{end}" for what in ("importance", "performance")
                      for end in ("", "_low", "_high")))  # fmt: skip


def importance_performance(
    table: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    outcome: str = "the outcome",
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw what matters against how well it is done.

    Parameters
    ----------
    table : pandas.DataFrame
        What :func:`pycore.importance_performance` returned.
    labels : mapping, optional
        Cause → words to print.
    outcome : str
        What the causes act on, for the axis.
    title : str, optional
        The finding; by default what is drawn.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes
        One cross of 90% intervals per cause.  Lines stand at the means: what lies to the right and
        below matters more and is done less well than the average.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [
    ...     ("speed", 0.4, 0.3, 0.5, 40.0, 38.0, 42.0),
    ...     ("care", 0.2, 0.1, 0.3, 70.0, 68.0, 72.0),
    ... ]
    >>> columns = ["cause"] + [
    ...     f"{what}{end}"
    ...     for what in ("importance", "performance")
    ...     for end in ("", "_low", "_high")
    ... ]
    >>> figure, ax = importance_performance(pd.DataFrame(rows, columns=columns))
    >>> [text.get_text() for text in ax.texts]
    ['speed', 'care']
    """
    for column in _NEEDED:
        require_name("table", column, [str(c) for c in table.columns])
    names = [str(c) for c in table["cause"]]
    for name in labels or ():
        require_name("labels", name, names)
    words = [(labels or {}).get(n, pretty(n)) for n in names]
    x, y = table["importance"].to_numpy(), table["performance"].to_numpy()
    first = (x > x.mean()) & (y < y.mean())
    with use():
        figure, axes = axes_for(ax, 4.4)
        axes.axvline(x.mean(), color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.axhline(y.mean(), color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        for row, word, urgent in zip(table.itertuples(), words, first, strict=True):
            ink = PALETTE["vermillion"] if urgent else PALETTE["blue"]
            axes.hlines(row.performance, row.importance_low, row.importance_high, color=ink)
            axes.vlines(row.importance, row.performance_low, row.performance_high, color=ink)
            axes.plot(row.importance, row.performance, "o", color=ink, markersize=5)
            axes.annotate(
                word, (row.importance, row.performance), xytext=(5, 4),
                textcoords="offset points", fontsize=9, color=INK,
            )  # fmt: skip
        axes.grid(visible=True, axis="both")
        axes.set_xlabel(f"importance: total effect on {outcome} (sd per sd); bars: 90% intervals")
        axes.set_ylabel("performance: mean answer, 0–100")
        axes.set_title("Importance and performance" if title is None else title)
        _make_room(axes)
        shown = table[list(_NEEDED)].rename(columns={
            "importance": "importance (sd per sd)", "importance_low": "importance, 5%",
            "importance_high": "importance, 95%", "performance": "performance (0–100)",
            "performance_low": "performance, 5%", "performance_high": "performance, 95%",
        })  # fmt: skip
        said = [f"{w}: importance {a:.2f}, performance {b:.0f}"
                for w, a, b in zip(words, x, y, strict=True)]  # fmt: skip
        finish(axes, shown, f"Points: {listed(said)}.".replace("-", "−"), of=table)
    return figure, axes


def _make_room(axes: Axes) -> None:
    """Names stand right of their points and may not cover each other."""
    axes.margins(x=0.12, y=0.12)
    low, high = axes.get_xlim()
    axes.set_xlim(low, high + 0.12 * (high - low))
    axes.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    taken: list[Bbox] = []
    for text in sorted(axes.texts, key=lambda t: -float(t.xy[1])):  # type: ignore[attr-defined]
        for shift in (4, -11, 16, -23, 28, -35):
            text.set_position((5, shift))
            box = text.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                break
        taken.append(text.get_window_extent())
