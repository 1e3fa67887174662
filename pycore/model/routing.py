"""Routes of a diagram's arrows: ports on the boxes, smooth curves, lanes for the way back.

*Along* is the direction in which causes lead (rightwards or downwards), *across* the other one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pycore.model.layout import Edge, Placement
from pycore.model.shapes import Look

__all__ = ["CIRCLE", "PORT", "Node", "Rectangle", "Route", "Router"]

PORT = 12.5  # distance of arrows that meet at a box, so that their signs stand apart
CIRCLE = 24.0  # room beside a box for the circle of a disturbance
_GLYPH = 13.0
_STRAIGHT = 8.0

Rectangle = tuple[float, float, float, float]  # centre, width, height; or four edges


@dataclass
class Node:
    """A word on the page: its lines of text and the centre and size of its body."""

    name: str
    look: Look
    lines: list[str]
    width: float
    height: float
    circles: tuple[str, ...] = ()
    x: float = 0.0
    y: float = 0.0
    carry: str = ""


@dataclass(frozen=True)
class Route:
    """A path in SVG's letters and where its sign stands."""

    edge: Edge
    d: str
    glyph: tuple[float, float]


@dataclass(frozen=True)
class _Arrival:
    """One arrow's end: the edge and, inside a stage, the label."""

    edge: Edge
    label: str = ""


class Router:
    """Finds the way of every edge.

    Parameters
    ----------
    nodes : mapping of str to Node
        Placed words.
    placed : Placement
        Columns and the heights at which edges pass them.
    edges : sequence of Edge
        What to route.
    goals : mapping of str to list of str
        Event → labels inside the stage that it leads to.
    chips : mapping of str to (x, y, width, height)
        Labels of the stage.
    down : bool
        Whether causes lead downwards.
    """

    def __init__(
        self,
        nodes: Mapping[str, Node],
        placed: Placement,
        edges: Sequence[Edge],
        goals: Mapping[str, list[str]],
        chips: Mapping[str, Rectangle],
        *,
        down: bool,
    ) -> None:
        self._nodes = nodes
        self._placed = placed
        self._edges = edges
        self._chips = chips
        self._down = down
        self._low = min(self._across(n) - self._half(n) for n in nodes)
        self._high = max(self._across(n) + self._half(n) for n in nodes)
        self._outside: list[float] = []
        stages = {e.target for e in edges} - {n for n in nodes if nodes[n].lines}
        self._arrivals = [
            _Arrival(edge, label)
            for edge in edges
            for label in (goals[edge.source] if edge.target in stages else [""])
        ]
        self._start: dict[Edge, float] = {}
        self._end: dict[_Arrival, float] = {}
        self._assign_ports()

    def routes(self) -> list[Route]:
        """All routes, in the order of the edges."""
        return [self._route(a) for a in self._arrivals]

    def extent(self) -> Rectangle:
        """Left, top, right and lower edge of everything, routes included."""
        nodes = self._nodes.values()
        room = [CIRCLE if n.circles else 0.0 for n in nodes]
        right = [r if self._down else 0.0 for r in room]
        above = [0.0 if self._down else r for r in room]
        x0 = min(n.x - n.width / 2 for n in nodes)
        y0 = min(n.y - n.height / 2 - a for n, a in zip(nodes, above, strict=True))
        x1 = max(n.x + n.width / 2 + r for n, r in zip(nodes, right, strict=True))
        y1 = max(n.y + n.height / 2 for n in nodes)
        lanes = [*self._outside, *(a for way in self._placed.through.values() for a in way)]
        if lanes and self._down:
            x0, x1 = min(x0, *lanes) - 2, max(x1, *lanes) + 2
        elif lanes:
            y0, y1 = min(y0, *lanes) - 2, max(y1, *lanes) + 2
        if any(e.back and self._column(e.target) == 0 for e in self._edges):
            x0, y0 = (x0, y0 - 40) if self._down else (x0 - 40, y0)
        return x0, y0, x1, y1

    # ------------------------------------------------------------- measures

    def _column(self, name: str) -> int:
        return self._placed.column[name]

    def _across(self, name: str) -> float:
        node = self._nodes[name]
        return node.x if self._down else node.y

    def _half(self, name: str) -> float:
        node = self._nodes[name]
        return (node.width if self._down else node.height) / 2

    def _front(self, name: str, label: str = "") -> float:
        """Where arrows enter, along."""
        if label:
            x, y, w, h = self._chips[label]
            return y - h / 2 if self._down else x - w / 2
        node = self._nodes[name]
        return node.y - node.height / 2 if self._down else node.x - node.width / 2

    def _back(self, name: str) -> float:
        node = self._nodes[name]
        return node.y + node.height / 2 if self._down else node.x + node.width / 2

    def _turned(self, along: float, across: float) -> tuple[float, float]:
        return (across, along) if self._down else (along, across)

    def _point(self, along: float, across: float) -> str:
        x, y = self._turned(along, across)
        return f"{x:.1f},{y:.1f}"

    def _steps(self, edge: Edge) -> int:
        """Columns forward; negative for the way back."""
        return self._column(edge.target) - self._column(edge.source)

    def _prefers_high(self, edge: Edge) -> bool:
        middle = (self._low + self._high) / 2
        return (self._across(edge.source) + self._across(edge.target)) / 2 > middle

    # ---------------------------------------------------------------- ports

    def _assign_ports(self) -> None:
        """Spread the ends of arrows over the sides of their boxes, in the order they come from.

        A forward arrow leaves at the back and enters at the front; one that runs against the
        stream leaves at the front, among those that enter there.
        """
        back: dict[str, list[tuple[float, Edge | _Arrival]]] = {}
        front: dict[tuple[str, str], list[tuple[float, Edge | _Arrival]]] = {}
        for arrival in self._arrivals:
            edge = arrival.edge
            way = self._placed.through.get(edge, [])
            to = way[0] if way else self._across(edge.target)
            from_ = way[-1] if way else self._across(edge.source)
            steps = self._steps(edge)
            if steps < -1:
                to = from_ = self._high + 100 if self._prefers_high(edge) else self._low - 100
            leaving = back.setdefault(edge.source, []) if steps > 0 else front.setdefault(
                (edge.source, ""), [])  # fmt: skip
            if all(end != edge for _, end in leaving):
                leaving.append((to, edge))
            if steps == -1:
                back.setdefault(edge.target, []).append((from_, arrival))
            else:
                front.setdefault((edge.target, arrival.label), []).append((from_, arrival))
        for name, ends in back.items():
            self._spread(self._across(name), self._half(name), ends)
        for (name, label), ends in front.items():
            centre, half = self._across(name), self._half(name)
            if label:
                x, y, w, h = self._chips[label]
                centre, half = (x, w / 2) if self._down else (y, h / 2)
            self._spread(centre, half, ends)

    def _spread(
        self, centre: float, half: float, ends: list[tuple[float, Edge | _Arrival]]
    ) -> None:
        count = len(ends)
        step = min(PORT, (2 * half - 10) / max(1, count - 1))
        for k, (_, end) in enumerate(sorted(ends, key=lambda pair: pair[0])):
            at = centre + (k - (count - 1) / 2) * step
            if isinstance(end, Edge):
                self._start[end] = at
            else:
                self._end[end] = at

    # --------------------------------------------------------------- curves

    def _route(self, arrival: _Arrival) -> Route:
        edge = arrival.edge
        start, end = self._start[edge], self._end[arrival]
        tip = self._front(edge.target, arrival.label)
        glyph = self._turned(tip - _GLYPH, end)
        steps = self._steps(edge)
        if steps > 0:
            return Route(edge, self._forward(edge, start, end, tip), glyph)
        at = self._front(edge.source)
        if steps == 0:
            top = min(at, tip) - 34
            ways = self._point(top, start), self._point(top, end)
        elif steps == -1:
            tip = self._back(edge.target)
            glyph = self._turned(tip + _GLYPH, end)
            middle = (at + tip) / 2
            ways = self._point(middle, start), self._point(middle, end)
        else:
            return Route(edge, self._around(edge, start, end, tip), glyph)
        return Route(
            edge,
            f"M{self._point(at, start)} C{ways[0]} {ways[1]} {self._point(tip, end)}",
            glyph,
        )

    def _forward(self, edge: Edge, start: float, end: float, tip: float) -> str:
        """Through the place-holders, straight where it passes a column, bent in the gaps."""
        at, across = self._back(edge.source), start
        text = f"M{self._point(at, start)}"
        first = self._column(edge.source) + 1
        for k, passing in enumerate(self._placed.through.get(edge, []), start=first):
            near = self._placed.left[k]
            text += self._bend(at, across, near, passing)
            at, across = near + self._placed.width[k], passing
            text += f" L{self._point(at, across)}"
        # Boxes smaller than their column are met by a straight piece, clear of the others.
        near = min(tip, self._placed.left[self._column(edge.target)]) - _STRAIGHT
        return text + self._bend(at, across, near, end) + f" L{self._point(tip, end)}"

    def _bend(self, at: float, across: float, to: float, goal: float) -> str:
        middle = (at + to) / 2
        return (
            f" C{self._point(middle, across)} {self._point(middle, goal)} {self._point(to, goal)}"
        )

    def _around(self, edge: Edge, start: float, end: float, tip: float) -> str:
        """Back by a lane outside all boxes, with rounded corners."""
        number = len(self._outside)
        far = 18.0 + 9.0 * number
        lane = self._high + CIRCLE + far if self._prefers_high(edge) else self._low - far
        self._outside.append(lane)
        shift = 5.0 * (number % 3)
        leave = self._placed.left[self._column(edge.source)] - 16 - shift
        enter = self._placed.left[self._column(edge.target)] - 24 - shift
        corners = [
            (self._front(edge.source), start), (leave, start), (leave, lane), (enter, lane),
            (enter, end), (tip, end),
        ]  # fmt: skip
        text = f"M{self._point(*corners[0])}"
        for (before, here), (_, after) in pairwise(pairwise(corners)):
            text += f" L{self._point(*_towards(here, before))}"
            text += f" Q{self._point(*here)} {self._point(*_towards(here, after))}"
        return text + f" L{self._point(*corners[-1])}"


def _towards(
    here: tuple[float, float], there: tuple[float, float], radius: float = 8.0
) -> tuple[float, float]:
    dx, dy = there[0] - here[0], there[1] - here[1]
    share = min(radius / max(abs(dx) + abs(dy), 1e-9), 0.5)
    return here[0] + dx * share, here[1] + dy * share
