"""Simple slopes: how a moderator turns the line between a cause and its effect."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pycore.errors import refuse, require_name
from pycore.plot.direct_labels import label_ends
from pycore.plot.style import PALETTE, axes_for, finish, listed, use

__all__ = ["simple_slopes"]

_INKS = ("blue", "purple", "vermillion", "green", "orange", "sky", "black")


def simple_slopes(
    table: pd.DataFrame,
    *,
    cause: str = "cause",
    effect: str = "effect",
    reach: float = 2.0,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the expected effect against its cause, one line per group or value of a moderator.

    Parameters
    ----------
    table : pandas.DataFrame
        What :func:`pycore.simple_slopes` returned.
    cause, effect : str
        Words for the axes, with units.
    reach : float
        How far the cause goes to both sides of its base level.
    labels : mapping, optional
        Level → words to print.
    title : str, optional
        The finding; by default what is drawn.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes
        Lines through the base levels of both, with bands of the slopes' 90% intervals.

    Examples
    --------
    >>> import pandas as pd
    >>> slopes = pd.DataFrame(
    ...     {"level": ["-1", "+1"], "mean": [0.5, 0.1], "low": [0.4, 0.0], "high": [0.6, 0.2]}
    ... )
    >>> figure, ax = simple_slopes(slopes, cause="price", effect="loyalty")
    >>> ax.get_xlabel()
    'price, from its base level; bands: 90% intervals of the slopes'
    """
    for column in ("level", "mean", "low", "high"):
        require_name("table", column, [str(c) for c in table.columns])
    if not reach > 0:
        raise refuse("reach", reach, "a number above 0")
    if len(table) > len(_INKS):
        raise refuse("table", f"{len(table)} levels", f"at most {len(_INKS)}")
    levels = [str(v) for v in table["level"]]
    for name in labels or ():
        require_name("labels", name, levels)
    words = [(labels or {}).get(n, n) for n in levels]
    inks = [PALETTE[ink] for ink in _INKS[: len(levels)]]
    x = np.linspace(-reach, reach, 41)
    with use():
        figure, axes = axes_for(ax, 3.6)
        for row, ink in zip(table.itertuples(), inks, strict=True):
            axes.fill_between(x, row.low * x, row.high * x, color=ink, alpha=0.16, linewidth=0)
            axes.plot(x, row.mean * x, color=ink)
        axes.set_xlim(-reach, reach)
        label_ends(axes, reach, [float(m) * reach for m in table["mean"]],
                   [f"{w}: {m:.2f}".replace("-", "−")
                    for w, m in zip(words, table["mean"], strict=True)], inks)  # fmt: skip
        axes.set_xlabel(f"{cause}, from its base level; bands: 90% intervals of the slopes")
        axes.set_ylabel(f"{effect}, from its base level")
        axes.set_title("Simple slopes" if title is None else title)
        shown = table.assign(level=words)[["level", "mean", "low", "high"]].rename(
            columns={"mean": "slope", "low": "5%", "high": "95%"}
        )
        said = [f"{w} {r.mean:.2f} ({r.low:.2f} to {r.high:.2f})"
                for w, r in zip(words, table.itertuples(), strict=True)]  # fmt: skip
        finish(axes, shown, f"Slopes: {listed(said)}.".replace("-", "−"), of=table)
    return figure, axes
