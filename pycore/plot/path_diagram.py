"""The paths of a fit as a drawing: who acts on whom, how strongly, and how surely."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.transforms import Bbox

from pycore.errors import allowed_names, refuse, require_name
from pycore.model.layout import Box, Edge, Placement, place
from pycore.plot.style import INK, MUTED, PALETTE, WIDTH, axes_for, finish, listed, pretty, use

__all__ = ["path_diagram"]

# Hundredths of an inch: what the placement takes for pixels.
_BOX, _LINE, _MARGIN = 116.0, 15.0, 8.0
_BETWEEN_ROWS = 84.0
_LABEL = (66.0, 30.0)
_ALONG = (0.5, 0.4, 0.6, 0.32, 0.68, 0.25, 0.75, 0.18, 0.82)


def path_diagram(
    fit: Any,
    *,
    group: object = None,
    standardised: bool = True,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw every path between states and traits with its estimate and 90% interval.

    Parameters
    ----------
    fit : xarray.DataTree
        What :func:`pycore.estimate` returned.
    group : optional
        Label of the group to draw, where the fit has groups.
    standardised : bool
        In standard deviations instead of the model's scale.
    labels : mapping, optional
        State or trait → words to print.
    title : str, optional
        The finding; by default what is drawn.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes
        Causes above effects.  Blue arrows raise, red ones lower; a dashed grey arrow has an interval
        that holds 0.  The width of a line follows the size of its standardised path.  In the box of
        a state stands the share of its variance that its causes explain.

    Raises
    ------
    InputError
        For anything but a fit with paths, or an unknown group or label.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> path = np.zeros((1, 10, 1, 2))
    >>> path[..., 1] = np.linspace(0.3, 0.5, 10)
    >>> posterior = xr.Dataset(
    ...     {name: (("chain", "draw", "effect", "cause"), path) for name in ("path", "std_path")},
    ...     coords={"effect": ["loyalty"], "cause": ["loyalty", "service"]},
    ... )
    >>> figure, ax = path_diagram(xr.DataTree.from_dict({"posterior": posterior}))
    >>> sorted(text.get_text() for text in ax.texts)
    ['0.40\\n0.31 to 0.49', 'loyalty', 'service']
    """
    rows = _paths(fit, group, standardised)
    names = list(dict.fromkeys([*rows["cause"], *rows["effect"]]))
    for name in labels or ():
        require_name("labels", name, names)
    explained = _explained(fit, group)
    words = {n: wrap((labels or {}).get(n, pretty(n)), 17) for n in names}
    for name, share in explained.items():
        if name in words:
            words[name] = [*words[name], f"R² {share:.2f}"]
    placed = _placed(names, words, rows)
    with use():
        figure, axes = axes_for(ax, 0.0)
        _frame(figure, axes, placed, words, alone=ax is None)
        inked = [
            Bbox.from_bounds(x - w / 2, y - h / 2, w, h)
            for x, y, w, h in (_body(placed, words, n) for n in names)
        ]
        for row in rows.sort_values("size").itertuples():
            _arrow(axes, placed, words, row)
        for row in rows.sort_values("size", ascending=False).itertuples():
            _estimate(axes, placed, words, row, inked)
        for name in names:
            _box(axes, placed, words, name)
        unit = "sd per sd" if standardised else "in the model's units"
        axes.set_xlabel(f"paths, {unit}, with 90% intervals; grey and dashed: the interval holds 0")
        axes.set_title("Paths between states" if title is None else title)
        shown = rows[["cause", "effect", "mean", "low", "high"]].rename(
            columns={"mean": f"mean, {unit}", "low": "5%", "high": "95%"}
        )
        said = [f"{pretty(r.cause)} → {pretty(r.effect)} {r.mean:.2f} ({r.low:.2f} to {r.high:.2f})"
                for r in rows.itertuples()]  # fmt: skip
        finish(axes, shown, f"Paths: {listed(said)}.".replace("-", "−"), of=fit)
    return figure, axes


# ------------------------------------------------------------------- content


def _paths(fit: Any, group: object, standardised: bool) -> pd.DataFrame:
    """One row per path: mean, interval, and the size of the standardised mean."""
    try:
        posterior = fit["posterior"]
        one, size = posterior["std_path" if standardised else "path"], posterior["std_path"]
    except (TypeError, KeyError, AttributeError):
        raise refuse("fit", type(fit).__name__, "a result of pycore.estimate") from None
    if "group" in one.dims:
        known = [str(g) for g in one["group"].values]
        if group is None:
            raise refuse("group", None, allowed_names(known))
        require_name("group", str(group), known)
        place_of = known.index(str(group))
        one, size = one.isel(group=place_of), size.isel(group=place_of)
    elif group is not None:
        raise refuse("group", group, "None: the fit has no groups")
    rows = []
    for effect, cause in product(one["effect"].values, one["cause"].values):
        drawn = one.sel(effect=effect, cause=cause).values
        if drawn.any():
            low, high = np.quantile(drawn, [0.05, 0.95])
            strength = abs(float(size.sel(effect=effect, cause=cause).mean()))
            rows.append((str(cause), str(effect), float(drawn.mean()), low, high, strength))
    if not rows:
        raise refuse("fit", "no path between states", "a fit with at least one")
    return pd.DataFrame(rows, columns=["cause", "effect", "mean", "low", "high", "size"])


def _explained(fit: Any, group: object) -> dict[str, float]:
    """Posterior mean of R² by state, where the fit reports it."""
    if "fit_measures" not in fit.children or "r2" not in fit["fit_measures"]:
        return {}
    share = fit["fit_measures"]["r2"]
    if "group" in share.dims:
        share = share.isel(group=[str(g) for g in share["group"].values].index(str(group)))
    return {str(n): float(v) for n, v in zip(share["state"].values, share.values, strict=True)}


# ----------------------------------------------------------------- placement


def _placed(names: list[str], words: Mapping[str, list[str]], rows: pd.DataFrame) -> Placement:
    """Causes above effects; where states act on each other, against the order of the fit."""
    order = {name: k for k, name in enumerate(dict.fromkeys(rows["effect"]))}
    edges = [
        Edge(r.cause, r.effect, back=order.get(r.cause, -1) >= order[r.effect])
        for r in rows.itertuples()
    ]
    boxes = [Box(n, _height(words[n]), _BOX) for n in names]
    return place(boxes, edges, gap=_BETWEEN_ROWS)


def _height(lines: list[str]) -> float:
    return _LINE * len(lines) + 14


def _body(
    placed: Placement, words: Mapping[str, list[str]], name: str
) -> tuple[float, float, float, float]:
    """Centre and size of a box, causes at the top."""
    row = placed.column[name]
    y = -(placed.left[row] + placed.width[row] / 2)
    return placed.y[name], y, _BOX, _height(words[name])


def _frame(
    figure: Figure, axes: Axes, placed: Placement, words: Mapping[str, list[str]], *, alone: bool
) -> None:
    bodies = [_body(placed, words, n) for n in words]
    x0 = min(x - w / 2 for x, _, w, _ in bodies) - _MARGIN
    x1 = max(x + w / 2 for x, _, w, _ in bodies) + _MARGIN
    y0 = min(y - h / 2 for _, y, _, h in bodies) - _MARGIN
    y1 = max(y + h / 2 for _, y, _, h in bodies) + _MARGIN
    # As large as it is, unless the widest row does not fit the page.
    wide = max(x1 - x0, 100 * (WIDTH - 0.3))
    middle = (x0 + x1) / 2
    axes.set_xlim(middle - wide / 2, middle + wide / 2)
    axes.set_ylim(y0, y1)
    axes.set_aspect("equal")
    if alone:
        figure.set_figheight((y1 - y0) * (WIDTH - 0.3) / wide + 0.85)
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


# ------------------------------------------------------------------- drawing


def _box(axes: Axes, placed: Placement, words: Mapping[str, list[str]], name: str) -> None:
    x, y, width, height = _body(placed, words, name)
    pad = 5.0
    axes.add_patch(FancyBboxPatch(
        (x - width / 2 + pad, y - height / 2 + pad), width - 2 * pad, height - 2 * pad,
        boxstyle=f"round,pad={pad},rounding_size=8", facecolor="white", edgecolor=MUTED,
        linewidth=1.1, zorder=3,
    ))  # fmt: skip
    axes.text(x, y, "\n".join(words[name]), ha="center", va="center", fontsize=8.5, zorder=4)


def _curve(placed: Placement, words: Mapping[str, list[str]], row: Any) -> Path:
    """From the lower edge of the cause to the upper edge of the effect, or sideways in a row."""
    x0, y0, w0, h0 = _body(placed, words, row.cause)
    x1, y1, w1, h1 = _body(placed, words, row.effect)
    if y0 > y1:
        ends = np.array([(x0, y0 - h0 / 2), (x1, y1 + h1 / 2)])
        # An arrow that passes a row keeps the height's room that the placement left for it.
        passing = placed.through.get(Edge(row.cause, row.effect), [])
        bend = (y0 - y1) * 0.45
        if not passing:
            middle = [ends[0] - (0, bend), ends[1] + (0, bend)]
            return Path([ends[0], *middle, ends[1]], [1, 4, 4, 4])
        between = np.array([
            (across, y0 + (y1 - y0) * (k + 1) / (len(passing) + 1))
            for k, across in enumerate(passing)
        ])  # fmt: skip
        return _smooth(np.vstack([ends[:1], between, ends[1:]]))
    side = 1.0 if x1 >= x0 else -1.0
    start = np.array([x0 + side * w0 / 2, y0])
    goal = np.array([x1 - side * w1 / 2, y1]) if y0 == y1 else np.array([x1 + side * w1 / 2, y1])
    away = np.array([side * 50.0, 0.0])
    return Path([start, start + away, goal + (away if y0 != y1 else -away), goal], [1, 4, 4, 4])


def _smooth(points: np.ndarray) -> Path:
    """Through all points, upright at each of them."""
    vertices, codes = [points[0]], [1]
    for a, b in zip(points[:-1], points[1:], strict=True):
        bend = (a[1] - b[1]) * 0.45
        vertices += [a - (0, bend), b + (0, bend), b]
        codes += [4, 4, 4]
    return Path(vertices, codes)


def _ink(row: Any) -> str:
    if row.low <= 0 <= row.high:
        return MUTED
    return PALETTE["blue"] if row.mean > 0 else PALETTE["vermillion"]


def _arrow(axes: Axes, placed: Placement, words: Mapping[str, list[str]], row: Any) -> None:
    unsure = row.low <= 0 <= row.high
    axes.add_patch(FancyArrowPatch(
        path=_curve(placed, words, row), arrowstyle="-|>", mutation_scale=10, color=_ink(row),
        linewidth=0.9 + 3.0 * min(row.size, 1.0), linestyle=(0, (4, 3)) if unsure else "-",
        shrinkA=0, shrinkB=0, zorder=2, joinstyle="miter", capstyle="butt", fill=True,
    ))  # fmt: skip


def _estimate(
    axes: Axes, placed: Placement, words: Mapping[str, list[str]], row: Any, inked: list[Bbox]
) -> None:
    """Write the estimate on its arrow, where nothing else is written."""
    along = _curve(placed, words, row).interpolated(1)
    points = along.to_polygons(closed_only=False)[0] if len(along) else np.empty((0, 2))
    x, y = next(
        ((x, y) for x, y in _places(points) if not any(_room(x, y).overlaps(b) for b in inked)),
        points[len(points) // 2],
    )
    inked.append(_room(x, y))
    text = f"{row.mean:.2f}\n{row.low:.2f} to {row.high:.2f}".replace("-", "−")
    axes.text(
        x, y, text, ha="center", va="center", fontsize=7.5, color=_ink(row), zorder=5,
        linespacing=1.05, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
    )  # fmt: skip


def _places(points: np.ndarray) -> Iterator[tuple[float, float]]:
    """Points of a line, by the share of its length, the middle first."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    for share in _ALONG:
        at = share * length[-1]
        yield (
            float(np.interp(at, length, points[:, 0])),
            float(np.interp(at, length, points[:, 1])),
        )


def _room(x: float, y: float) -> Bbox:
    return Bbox.from_bounds(x - _LABEL[0] / 2, y - _LABEL[1] / 2, *_LABEL)
