"""Labels beside what they name, instead of a legend, and never on top of each other."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

__all__ = ["label_ends", "spread"]

_POINTS = 12.5  # distance of neighbouring labels


def spread(wanted: Sequence[float], distance: float) -> list[float]:
    """The nearest positions (least squares) that keep order and a least distance.

    Examples
    --------
    >>> spread([0.0, 0.1, 5.0], 1.0)
    [-0.45, 0.55, 5.0]
    """
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    pools: list[tuple[float, int]] = []
    for place, k in enumerate(order):
        mean, count = wanted[k] - place * distance, 1
        while pools and pools[-1][0] > mean:
            m, c = pools.pop()
            mean, count = (m * c + mean * count) / (c + count), c + count
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    found = [0.0] * len(wanted)
    for place, k in enumerate(order):
        found[k] = flat[place] + place * distance
    return found


def label_ends(
    ax: Axes, x: float, heights: Sequence[float], texts: Sequence[str], inks: Sequence[str]
) -> None:
    """Write each text to the right of the end of its line, apart from the others.

    The labels are spread in printed points, again whenever the limits of the axis change.
    """
    notes = [
        ax.annotate(
            text, (x, height), xytext=(7, 0), textcoords="offset points", color=ink,
            va="center", ha="left", fontsize=9.5, annotation_clip=False,
        )
        for height, text, ink in zip(heights, texts, inks, strict=True)
    ]  # fmt: skip

    def settle(_: Axes) -> None:
        to_points = 72.0 / ax.figure.dpi
        wished = [float(ax.transData.transform((x, h))[1]) * to_points for h in heights]
        for note, at, wish in zip(notes, spread(wished, _POINTS), wished, strict=True):
            note.set_position((7, at - wish))

    ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    settle(ax)
    ax.callbacks.connect("ylim_changed", settle)
