"""The look of all figures: colours, type, sizes, and what a figure remembers of itself.

Colours are those of Okabe and Ito, which readers with a colour-vision deficiency tell apart.  The
typefaces are bundled (licence beside them), so a figure is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from textwrap import wrap
from types import TracebackType
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from pycore.errors import refuse
from pycore.gates import unmet

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "GRID", "INK", "MUTED", "PALETTE", "WIDTH",
    "alt_text", "axes_for", "colours", "finish", "pretty", "table", "use",
]  # fmt: skip

FONTS = Path(__file__).with_name("fonts")
WIDTH = 7.4  # inches: the text column of the book, 740 px
INK = "#1D232A"
MUTED = "#5B6570"
GRID = "#E3E7EB"
PALETTE: dict[str, str] = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
}
_CYCLE = [PALETTE[n] for n in ("blue", "vermillion", "green", "purple", "orange", "sky")]
_REFERENCE = ("base", "reference", "observed")

_RC: dict[str, Any] = {
    "font.family": ["Pycore Sans", "Pycore Sans CJK", "DejaVu Sans"],
    "font.size": 9.5,
    "text.color": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 9.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=_CYCLE),
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "figure.facecolor": "white",
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200,
    "savefig.facecolor": "white",
    # Letters as outlines: an SVG shows the same in a browser that lacks the typeface.
    "svg.fonttype": "path",
    # The same figure gives the same file.
    "svg.hashsalt": "stay-or-leave",
}


@dataclass(frozen=True)
class _Content:
    """What a figure shows, for those who read numbers or cannot see it."""

    table: pd.DataFrame
    alt: str


class _Applied(AbstractContextManager["_Applied"]):
    """Undo of :func:`use` at the end of a ``with`` block."""

    def __init__(self, before: dict[str, Any]) -> None:
        self._before = before

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        settings: Any = mpl.rcParams
        settings.update(self._before)


def use() -> AbstractContextManager[Any]:
    """Apply the house style, for good or for a ``with`` block.

    Examples
    --------
    >>> import matplotlib as mpl
    >>> with use():
    ...     mpl.rcParams["font.family"][0]
    'Pycore Sans'
    """
    _register_fonts()
    settings: Any = mpl.rcParams  # its keys are typed one by one; ours are checked on update
    before = {key: settings[key] for key in _RC}
    settings.update(_RC)
    return _Applied(before)


@cache
def _register_fonts() -> None:
    known = font_manager.fontManager
    for path in sorted(FONTS.glob("*.[ot]tf")):
        known.addfont(path)
    # Bold titles take their Chinese characters from the regular face, without a remark about it.
    for entry in [e for e in known.ttflist if e.name == "Pycore Sans CJK" and e.weight == 400]:
        known.ttflist.append(replace(entry, weight=700))


def colours(names: Iterable[str]) -> dict[str, str]:
    """One colour per name, in order; the reference (``base``) is dark grey.

    Examples
    --------
    >>> colours(["base", "support"])
    {'base': '#5B6570', 'support': '#0072B2'}
    """
    found: dict[str, str] = {}
    taken = 0
    for name in names:
        if name in _REFERENCE:
            found[name] = MUTED
        else:
            found[name] = _CYCLE[taken % len(_CYCLE)]
            taken += 1
    return found


def pretty(name: str) -> str:
    """A name in snake_case as words.

    Examples
    --------
    >>> pretty("emotional_exhaustion")
    'emotional exhaustion'
    """
    return name.replace("_", " ")


def axes_for(ax: Axes | None, height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """The axes asked for, or new ones of the page's width."""
    if ax is None:
        figure, made = plt.subplots(figsize=(width, height))
        figure._pycore_alone = True  # type: ignore[attr-defined]
        return figure, made
    figure = ax.get_figure(root=True)  # type: ignore[assignment]
    if not isinstance(figure, Figure):
        raise refuse("ax", ax, "axes of a figure")
    return figure, ax


def finish(axes: Axes, shown: pd.DataFrame, alt: str, *, of: Any = None) -> None:
    """Lay the figure out and keep what it shows; panels of one figure are added together.

    Laying out here also makes the ticks while the house style holds.  ``of`` is what is drawn: where
    draws behind it do not meet their gates, this stands under the axis.
    """
    import pandas as pd

    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    if failed := "; ".join(unmet(of)):
        lines = wrap(f"GATES NOT MET: {failed}", int(13 * figure.get_figwidth()))
        axes.set_xlabel("\n".join([axes.get_xlabel(), *lines]).strip())
        alt = f"{alt} Gates not met: {failed}."
    before: _Content | None = getattr(figure, "_pycore_content", None)
    if before is not None:
        shown = pd.concat([before.table, shown], ignore_index=True)
        alt = f"{before.alt} {alt}"
    figure._pycore_content = _Content(shown.reset_index(drop=True), alt)  # type: ignore[attr-defined]
    figure.draw_without_rendering()
    _fit_title(figure, axes)


def _fit_title(figure: Figure, axes: Axes) -> None:
    """Start the title above the labels of the axis, and break it where the page ends."""
    text = axes.get_title(loc="left")
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    outer = axes.get_tightbbox(renderer, for_layout_only=True)
    if not text or outer is None:
        return
    inner = axes.get_window_extent(renderer)
    alone = getattr(figure, "_pycore_alone", False)
    room = (figure.bbox.x1 if alone else max(outer.x1, inner.x1)) - outer.x0 - 4
    title = next(t for t in axes.findobj(Text) if isinstance(t, Text) and t.get_text() == text)
    title.set_x((outer.x0 - inner.x0) / inner.width)
    lines = 1
    while title.get_window_extent(renderer).width > room and lines < len(text.split()):
        lines += 1
        title.set_text("\n".join(wrap(text, -(-len(text) // lines) + 4)))
    if lines > 1 and alone:
        extra = title.get_text().count("\n") * float(title.get_fontsize()) * 1.25 / 72
        figure.set_figheight(figure.get_figheight() + extra)
    figure.draw_without_rendering()
    # Labels at the ends of lines are spread in printed points, which have just changed.
    axes.callbacks.process("ylim_changed", axes)


def table(figure: Figure) -> pd.DataFrame:
    """The numbers a figure of this package shows, units in the names of the columns.

    Raises
    ------
    InputError
        If the figure was not made here.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("shop")
    >>> m.record(m.event("visit", probability=0.5))
    >>> run = pc.simulate(m, consumers=1000, periods=2, seed=1)
    >>> figure, _ = pc.plot.trajectory_fan(run, "visit_rate")
    >>> list(pc.plot.table(figure).columns)
    ['scenario', 'week', 'visit, % of active consumers per week', 'Monte Carlo standard error']
    """
    return _content(figure).table


def alt_text(figure: Figure) -> str:
    """What a figure of this package shows, in words.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("shop")
    >>> m.record(m.event("visit", probability=0.5))
    >>> run = pc.simulate(m, consumers=1000, periods=2, seed=1)
    >>> figure, _ = pc.plot.trajectory_fan(run, "visit_rate")
    >>> pc.plot.alt_text(figure)
    'Lines over 2 weeks: visit, % of active consumers per week. In the last week: base 48.1 %.'
    """
    return _content(figure).alt


def _content(figure: Figure) -> _Content:
    found = getattr(figure, "_pycore_content", None)
    if not isinstance(found, _Content):
        raise refuse("figure", figure, "a figure made by pycore.plot")
    return found


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    Examples
    --------
    >>> listed(["base", "support", "both"])
    'base, support and both'
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
