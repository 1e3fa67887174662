"""The paths of a fit as a drawing: who acts on whom, how strongly, and how surely."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any
from zlib import crc32

import numpy as np

from pycore.errors import allowed_names, refuse, require_name
from pycore.gates import unmet
from pycore.model.diagram import Diagram
from pycore.model.elements import State, Trait
from pycore.model.layout import Box, Edge, place
from pycore.model.lettering import text_width, wrapped
from pycore.model.notation import pretty
from pycore.model.routing import PORT, Node, Router
from pycore.model.shapes import LOOKS, Canvas
from pycore.plot.style import listed

__all__ = ["path_diagram"]

_TEXT, _SMALL, _LINE, _MARGIN = 12.0, 10.0, 14.5, 16.0
_LABELS = 90.0  # width at which the name of a state is broken
_TIP = 11.0  # room for the head of an arrow


@dataclass(frozen=True)
class _Estimate:
    cause: str
    effect: str
    mean: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """0 where the interval holds 0."""
        return 0 if self.low <= 0 <= self.high else 1 if self.mean > 0 else -1

    @property
    def text(self) -> str:
        return f"{_number(self.mean)} [{_number(self.low)}, {_number(self.high)}]"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def path_diagram(
    fit: Any,
    *,
    group: object = None,
    standardised: bool = True,
    only: Collection[str] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
) -> Diagram:
    """Draw every path between states and traits with its estimate and 90% interval.

    Parameters
    ----------
    fit : xarray.DataTree
        What :func:`pycore.estimate` returned.
    group : optional
        Label of the group to draw, where the fit has groups.
    standardised : bool
        In standard deviations instead of the model's scale.
    only : collection of str, optional
        Draw a part: the paths between these states and traits.
    labels : mapping, optional
        State or trait → words to print.
    title : str, optional
        For readers who cannot see the drawing; by default what is drawn.

    Returns
    -------
    Diagram
        An SVG that shows itself in a notebook.  Causes stand left of effects, and an estimate where
        its arrow arrives: posterior mean and equal-tailed interval.  Blue arrows raise, red ones
        lower; a grey one has an interval that holds 0.  In the box of a state stands the share of
        its variance that its causes explain.  Gates that the draws do not meet stand below.

    Raises
    ------
    InputError
        For anything but a fit with paths, or an unknown group or label.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> path = np.zeros((1, 10, 1, 2))
    >>> path[..., 0, 1] = np.linspace(0.3, 0.5, 10)
    >>> posterior = xr.Dataset(
    ...     {name: (("chain", "draw", "effect", "cause"), path) for name in ("path", "std_path")},
    ...     coords={"effect": ["loyalty"], "cause": ["loyalty", "service"]},
    ... )
    >>> path_diagram(xr.DataTree.from_dict({"posterior": posterior})).description
    'Paths with 90% intervals: service → loyalty 0.40 [0.31, 0.49].'
    """
    found, effects = _estimates(fit, group, standardised)
    if only is not None:
        for name in only:
            require_name("only", name, {n for e in found for n in (e.cause, e.effect)})
        found = [e for e in found if e.cause in only and e.effect in only]
        if not found:
            raise refuse("only", list(only), "names with a path between them")
    names = list(dict.fromkeys([*(e.cause for e in found), *(e.effect for e in found)]))
    for name in labels or ():
        require_name("labels", name, names)
    words = {n: (labels or {}).get(n, pretty(n)) for n in names}
    explained = _explained(fit, group)
    nodes = {n: _node(n, words[n], found, n in effects, explained) for n in names}
    order = {name: k for k, name in enumerate(_causal_order(names, found))}
    edges = {Edge(e.cause, e.effect, back=order[e.cause] >= order[e.effect]): e for e in found}
    widest = max(text_width(e.text, _SMALL) for e in found)
    boxes = [Box(n, node.width, node.height) for n, node in nodes.items()]
    placed = place(boxes, list(edges), gap=widest + _TIP + 40)
    for name, node in nodes.items():
        column = placed.column[name]
        node.x = placed.left[column] + placed.width[column] / 2
        node.y = placed.y[name]
    router = Router(nodes, placed, list(edges), {}, {}, down=False)
    canvas = Canvas()
    for route in router.routes():
        estimate, target = edges[route.edge], nodes[route.edge.target]
        canvas.arrow(route.d, None if estimate.sign == 0 else estimate.sign,
                     dashed=route.edge.back, glyph=None)  # fmt: skip
        x, y = route.glyph
        side = "end" if x < target.x else "start"
        edge_of_box = target.x + (target.width / 2 + _TIP) * (-1 if side == "end" else 1)
        canvas.estimate(edge_of_box, y, estimate.text, estimate.sign, side)
    for name, node in nodes.items():
        lower = 6.0 if name in explained else 0.0
        canvas.shape(node.look, node.x, node.y, node.width, node.height, words[name])
        canvas.lines(node.x, node.y - lower, node.lines, _TEXT, _LINE)
        if name in explained:
            low = node.y + node.height / 2 - 7
            canvas.text(node.x, low, f"R² {_number(explained[name])}", _SMALL, ink="#1F4E79")
    x0, y0, x1, y1 = router.extent()
    if any(e.back and placed.column[e.target] == 0 for e in edges):
        x0 -= widest
    failures = unmet(fit)
    y1 = canvas.legend(
        x0, y1 + 26, max(x1 - x0, 560.0), _legend(found, names, effects, any(e.back for e in edges))
    )
    for line in failures:
        y1 += 18
        canvas.text(x0, y1, f"GATE NOT MET: {line}", _TEXT, anchor="start", ink="#B00000")
    x1 = max(x1, x0 + 560.0)
    box = (x0 - _MARGIN, y0 - _MARGIN, x1 - x0 + 2 * _MARGIN, y1 - y0 + 2 * _MARGIN)
    said = listed([f"{words[e.cause]} → {words[e.effect]} {e.text}" for e in found])
    about = f"Paths with 90% intervals: {said}."
    if failures:
        about += f" Gates not met: {'; '.join(failures)}."
    title = "Paths between states" if title is None else title
    svg = canvas.document(box, title, about, f"paths-{crc32(about.encode()):08x}")
    return Diagram(svg, title, about, round(box[2], 1), round(box[3], 1))


def _estimates(
    fit: Any, group: object, standardised: bool
) -> tuple[list[_Estimate], dict[str, None]]:
    """Paths that are there, and the states they lead to."""
    try:
        one = fit["posterior"]["std_path" if standardised else "path"]
    except (TypeError, KeyError, AttributeError):
        raise refuse("fit", type(fit).__name__, "a result of pycore.estimate") from None
    if "group" in one.dims:
        known = [str(g) for g in one["group"].values]
        if group is None:
            raise refuse("group", None, allowed_names(known))
        require_name("group", str(group), known)
        one = one.isel(group=known.index(str(group)))
    elif group is not None:
        raise refuse("group", group, "None: the fit has no groups")
    found = []
    for effect, cause in product(one["effect"].values, one["cause"].values):
        drawn = one.sel(effect=effect, cause=cause).values
        if drawn.any():
            low, high = np.quantile(drawn, [0.05, 0.95])
            found.append(_Estimate(str(cause), str(effect), float(drawn.mean()), low, high))
    if not found:
        raise refuse("fit", "no path between states", "a fit with at least one")
    return found, dict.fromkeys(str(e) for e in one["effect"].values)


def _causal_order(names: list[str], found: list[_Estimate]) -> list[str]:
    """Causes before effects; a circle is opened at its first name."""
    waiting, ordered = list(names), list[str]()
    while waiting:
        caused = {e.effect for e in found if e.cause in waiting and e.cause != e.effect}
        ordered.append(next((n for n in waiting if n not in caused), waiting[0]))
        waiting.remove(ordered[-1])
    return ordered


def _explained(fit: Any, group: object) -> dict[str, float]:
    """Posterior mean of R² by state, where the fit reports it."""
    if "fit_measures" not in fit.children or "r2" not in fit["fit_measures"]:
        return {}
    share = fit["fit_measures"]["r2"]
    if "group" in share.dims:
        share = share.isel(group=[str(g) for g in share["group"].values].index(str(group)))
    return {str(n): float(v) for n, v in zip(share["state"].values, share.values, strict=True)}


def _node(
    name: str, word: str, found: list[_Estimate], caused: bool, explained: Mapping[str, float]
) -> Node:
    look = LOOKS[State if caused else Trait]
    lines = wrapped(word, _TEXT, _LABELS)
    ports = PORT * sum(e.effect == name for e in found) + 10
    width = max(max(text_width(x, _TEXT) for x in lines) + 2 * look.padding, 56.0)
    height = _LINE * len(lines) + 12 + (12 if name in explained else 0)
    return Node(name, look, lines, width, max(height, 30.0, ports))


def _legend(
    found: list[_Estimate], names: list[str], effects: Mapping[str, None], back: bool
) -> list[tuple[str, str]]:
    entries = [("state", "explained by others")]
    if any(n not in effects for n in names):
        entries.append(("trait", "not explained"))
    for sign, says in ((1, "raises"), (-1, "lowers"), (0, "interval holds 0")):
        if any(e.sign == sign for e in found):
            entries.append((f"edge:{sign}", says))
    if back:
        entries.append(("edge:lag", "acts back on a cause of it"))
    return entries
