"""The parameters of a model at a glance: value, prior, unit, source."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pycore.errors import refuse, require_name
from pycore.plot.style import INK, MUTED, PALETTE, axes_for, finish, use

if TYPE_CHECKING:
    from pycore.model.distributions import Distribution
    from pycore.model.model import Model

__all__ = ["priors"]

_ROW = 0.29
_COLUMNS = (0.0, 0.07, 0.47, 0.702, 0.912)
_WORDS = 44
_SMALL_WORDS = 50


def priors(
    model: Model,
    *,
    parameters: Sequence[str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw a table of parameters with the density of each prior.

    Parameters
    ----------
    model : Model
        The model.
    parameters : sequence of str, optional
        Which parameters in which order; by default all that have a prior.
    title : str, optional
        The finding; by default what is drawn.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes
        In each row the prior between its 0.5 and 99.5 per cent points, the middle 90% dark, and
        a mark at the value used; every row has its own scale, given by the two ends.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("one")
    >>> _ = m.parameter("slope", 0.4, pc.Normal(0, 0.7), symbol="β", doc="effect of x on y")
    >>> figure, ax = priors(m)
    >>> "effect of x on y" in [t.get_text() for t in ax.texts]
    True
    """
    from pycore.model.elements import Parameter
    from pycore.model.notation import latex_symbol, pretty

    known = model.of_kind(Parameter)
    for name in parameters or ():
        require_name("parameters", name, known)
    chosen = [known[n] for n in parameters] if parameters is not None else [
        p for p in known.values() if p.prior is not None
    ]  # fmt: skip
    if not chosen:
        raise refuse("parameters", [], "at least one parameter with a prior")
    rows = []
    with use():
        figure, axes = axes_for(ax, 0.84 + _ROW * len(chosen))
        axes.set_xlim(0, 1)
        axes.set_ylim(len(chosen) - 0.4, -1.4)
        axes.axis("off")
        for x, head in zip(
            _COLUMNS, ("symbol", "meaning", "value", "prior (90% dark)", "source"), strict=True
        ):
            axes.text(x, -1.0, head, color=MUTED, fontsize=8.5, va="center")
        axes.axhline(-0.66, color=MUTED, linewidth=0.8)
        for y, p in enumerate(chosen):
            symbol = f"${latex_symbol(p.symbol, p.name)}$" if p.symbol else ""
            meaning = p.doc or pretty(p.name)
            cell: dict[str, Any] = {"va": "center", "fontsize": 9}
            axes.text(_COLUMNS[0], y, symbol, **cell)
            long = len(meaning) > _WORDS
            lines = wrap(meaning, _SMALL_WORDS) if long else [meaning]
            if len(lines) > 2:
                lines = [lines[0], _shortened(" ".join(lines[1:]), _SMALL_WORDS)]
            axes.text(_COLUMNS[1], y, "\n".join(lines), va="center", fontsize=8 if long else 9,
                      linespacing=1.0)  # fmt: skip
            number = f"{p.value:.3g}".replace("-", "−")
            axes.text(_COLUMNS[2] + 0.045, y, number, ha="right", **cell)
            axes.text(_COLUMNS[2] + 0.053, y, "" if p.unit == "1" else _shortened(p.unit, 22),
                      va="center", fontsize=7.5, color=MUTED)  # fmt: skip
            assumed = p.source == "assumption"
            axes.text(
                _COLUMNS[4], y, _shortened(p.source, 14), va="center", fontsize=8,
                color=PALETTE["vermillion"] if assumed else INK,
            )  # fmt: skip
            ends = _density(axes, y, p.prior, p.value) if p.prior is not None else (np.nan,) * 2
            rows.append((p.name, meaning, p.unit, p.value, str(p.prior or ""), *ends, p.source))
        axes.set_title("Parameters and their priors" if title is None else title)
        columns = ["parameter", "meaning", "unit", "value", "prior", "5%", "95%", "source"]
        assumed_count = sum(r[-1] == "assumption" for r in rows)
        finish(
            axes, pd.DataFrame(rows, columns=columns),
            f"Table of {len(rows)} parameters with value, prior and source; "
            f"{assumed_count} of them are assumptions.",
        )  # fmt: skip
    return figure, axes


def _density(axes: Axes, y: int, prior: Distribution, value: float) -> tuple[float, float]:
    """Small density in a row; returns the 5 and 95 per cent points."""
    from pycore.estimation.frozen import frozen

    law = frozen(prior)
    first, five, ninety_five, last = (float(q) for q in law.ppf([0.005, 0.05, 0.95, 0.995]))
    low, high = min(first, value), max(last, value)
    grid = np.linspace(low, high, 161)
    height = law.pdf(grid)
    height = np.where(np.isfinite(height), height, np.nanmax(height[np.isfinite(height)]))
    left, right = _COLUMNS[3] + 0.062, _COLUMNS[3] + 0.158

    def to_x(v: npt.NDArray[np.float64] | float) -> npt.NDArray[np.float64]:
        return np.asarray(left + (v - low) / (high - low) * (right - left))

    base = y + 0.32
    top = base - 0.66 * height / height.max()
    axes.fill_between(to_x(grid), base, top, color=PALETTE["sky"], alpha=0.35, linewidth=0)
    inside = (grid >= five) & (grid <= ninety_five)
    axes.fill_between(
        to_x(grid[inside]), base, top[inside], color=PALETTE["blue"], alpha=0.45, linewidth=0
    )
    at = float(to_x(value))
    axes.plot([at, at], [base, y - 0.36], color=INK, linewidth=1.2)
    for x, number, side in ((left - 0.006, low, "right"), (right + 0.006, high, "left")):
        words = f"{number:.2g}" if abs(number) < 100 else f"{number:.0f}"
        axes.text(x, y + 0.05, words.replace("-", "−"), ha=side, va="center", fontsize=7.5,
                  color=MUTED)  # fmt: skip
    return five, ninety_five


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
