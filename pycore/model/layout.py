"""Layered drawing of a directed graph: columns by causal depth, few crossings, smooth lines.

The method is that of Sugiyama, Tagawa and Toda (1981, doi:10.1109/TSMC.1981.4308636): assign
layers, put a place-holder where an edge passes a layer, order each layer by the barycentres of its
neighbours, then choose heights.  Heights are the least-squares ones that keep the order and the
distances, found by pooling adjacent violators.  Nothing here is random.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["Box", "Edge", "Placement", "place"]

_SWEEPS = 24
_GAP = 12.0
_LANE = 7.0


@dataclass(frozen=True)
class Box:
    """What is to be placed: its size and, where wanted, its column (negative from the right)."""

    name: str
    width: float
    height: float
    column: int | None = None


@dataclass(frozen=True)
class Edge:
    """An arrow; ``back`` edges do not decide the columns and may run against them."""

    source: str
    target: str
    back: bool = False


@dataclass
class Placement:
    """Result: column, left edge and vertical centre of each box; heights edges pass columns at."""

    columns: list[list[str]]
    column: dict[str, int]
    left: list[float]
    width: list[float]
    y: dict[str, float]
    through: dict[Edge, list[float]] = field(default_factory=dict)


def place(boxes: Sequence[Box], edges: Sequence[Edge], *, gap: float = 44.0) -> Placement:
    """Place boxes in columns so that forward edges run to the right.

    Parameters
    ----------
    boxes : sequence of Box
        In a meaningful order, which breaks ties.
    edges : sequence of Edge
        Forward edges must not form a cycle.
    gap : float
        Space between columns.

    Returns
    -------
    Placement

    Examples
    --------
    >>> made = place([Box("a", 10, 10), Box("b", 10, 10)], [Edge("a", "b")])
    >>> made.columns
    [['a'], ['b']]
    """
    column = _columns(boxes, [e for e in edges if not e.back])
    count = max(column.values(), default=0) + 1
    used = sorted(set(column.values()))
    column = {name: used.index(c) for name, c in column.items()}
    count = len(used)
    layers: list[list[str]] = [[] for _ in range(count)]
    for box in boxes:
        layers[column[box.name]].append(box.name)
    height = {b.name: b.height for b in boxes}
    chains: dict[Edge, list[str]] = {}
    links: list[tuple[str, str]] = []
    for number, edge in enumerate(edges):
        first, last = column[edge.source], column[edge.target]
        if first >= last:
            continue
        chain = [edge.source]
        for c in range(first + 1, last):
            mark = f"\0{number}:{c}"
            layers[c].append(mark)
            height[mark] = _LANE
            chain.append(mark)
        chain.append(edge.target)
        chains[edge] = chain
        links += pairwise(chain)
    layers = _ordered(layers, links)
    y = _heights(layers, links, height)
    _straighten(layers, list(chains.values()), y, height)
    width = [max((b.width for b in boxes if column[b.name] == c), default=0) for c in range(count)]
    left, x = [], 0.0
    for w in width:
        left.append(x)
        x += w + gap
    through = {e: [y[m] for m in chain[1:-1]] for e, chain in chains.items()}
    names = {b.name for b in boxes}
    return Placement(
        columns=[[n for n in layer if n in names] for layer in layers],
        column=column, left=left, width=width, y={n: y[n] for n in names}, through=through,
    )  # fmt: skip


def _columns(boxes: Sequence[Box], edges: Sequence[Edge]) -> dict[str, int]:
    """Longest path from the left, then each free box moves to where its edges are shortest."""
    before: dict[str, list[str]] = {b.name: [] for b in boxes}
    after: dict[str, list[str]] = {b.name: [] for b in boxes}
    for edge in edges:
        before[edge.target].append(edge.source)
        after[edge.source].append(edge.target)
    column: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in column:
            column[name] = 0
            column[name] = max((depth(s) + 1 for s in before[name]), default=0)
        return column[name]

    for box in boxes:
        depth(box.name)
    pinned = {b.name: b.column for b in boxes if b.column is not None}
    inner = max((c for n, c in column.items() if pinned.get(n, 0) >= 0), default=0)
    right = -min((c for c in pinned.values() if c < 0), default=0)
    for name, wanted in pinned.items():
        if wanted < 0:
            column[name] = max(column[name], inner + right + 1 + wanted)
    for name, wanted in pinned.items():
        if wanted >= 0 and not before[name]:
            column[name] = wanted
    for _ in range(8):
        moved = False
        for box in reversed(boxes):
            name = box.name
            if name in pinned:
                continue
            low = max((column[s] + 1 for s in before[name]), default=0)
            high = min((column[s] - 1 for s in after[name]), default=column[name])
            pull = len(after[name]) - len(before[name])
            best = low if pull < 0 or not after[name] else high if pull > 0 else column[name]
            best = max(low, best)
            moved |= best != column[name]
            column[name] = best
        if not moved:
            break
    return column


def _ordered(layers: list[list[str]], links: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Order within layers by barycentre sweeps and exchanges; the best order seen is kept."""
    left: dict[str, list[str]] = {}
    right: dict[str, list[str]] = {}
    for a, b in links:
        right.setdefault(a, []).append(b)
        left.setdefault(b, []).append(a)
    best, fewest = [list(x) for x in layers], _crossings(layers, right)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        near = left if forward else right
        span = range(1, len(layers)) if forward else range(len(layers) - 2, -1, -1)
        for k in span:
            other = layers[k - 1 if forward else k + 1]
            place = {n: i for i, n in enumerate(other)}
            current = {n: i for i, n in enumerate(layers[k])}
            scale = len(other) / max(1, len(layers[k]))

            def centre(
                name: str,
                near: Mapping[str, list[str]] = near,
                place: Mapping[str, int] = place,
                current: Mapping[str, int] = current,
                scale: float = scale,
            ) -> float:
                spots = [place[m] for m in near.get(name, ()) if m in place]
                return sum(spots) / len(spots) if spots else current[name] * scale

            layers[k] = sorted(layers[k], key=centre)
            _exchange(layers, k, left, right)
        crossings = _crossings(layers, right)
        if crossings < fewest:
            best, fewest = [list(x) for x in layers], crossings
    return best


def _exchange(
    layers: list[list[str]],
    k: int,
    left: Mapping[str, list[str]],
    right: Mapping[str, list[str]],
) -> None:
    """Swap neighbours of one layer while that saves crossings."""
    sides = []
    if k > 0:
        sides.append((left, {n: i for i, n in enumerate(layers[k - 1])}))
    if k + 1 < len(layers):
        sides.append((right, {n: i for i, n in enumerate(layers[k + 1])}))

    def cost(a: str, b: str) -> int:
        total = 0
        for near, place in sides:
            for m in near.get(a, ()):
                total += sum(place[m] > place[n] for n in near.get(b, ()))
        return total

    row = layers[k]
    for _ in range(len(row)):
        changed = False
        for i in range(len(row) - 1):
            if cost(row[i], row[i + 1]) > cost(row[i + 1], row[i]):
                row[i], row[i + 1] = row[i + 1], row[i]
                changed = True
        if not changed:
            break


def _crossings(layers: Sequence[Sequence[str]], right: Mapping[str, list[str]]) -> int:
    total = 0
    for here, there in pairwise(layers):
        place = {n: i for i, n in enumerate(there)}
        ends: list[int] = []
        for name in here:
            spots = sorted(place[m] for m in right.get(name, ()))
            total += sum(e > s for s in spots for e in ends)
            ends += spots
    return total


def _heights(
    layers: Sequence[Sequence[str]],
    links: Sequence[tuple[str, str]],
    height: Mapping[str, float],
) -> dict[str, float]:
    """Vertical centres: near the mean of the neighbours, in order, without overlap."""
    near: dict[str, list[tuple[str, float]]] = {}
    for a, b in links:
        # Place-holders of one edge hold together most, so that long edges run straight.
        weight = 1.0 + 3.0 * (a[0] == "\0") + 3.0 * (b[0] == "\0")
        near.setdefault(a, []).append((b, weight))
        near.setdefault(b, []).append((a, weight))
    y: dict[str, float] = {}
    for layer in layers:
        total = sum(height[n] for n in layer) + _GAP * (len(layer) - 1)
        at = -total / 2
        for name in layer:
            y[name] = at + height[name] / 2
            at += height[name] + _GAP
    for sweep in range(40):
        order = range(len(layers)) if sweep % 2 == 0 else range(len(layers) - 1, -1, -1)
        for k in order:
            layer = layers[k]
            wanted, weights = [], []
            for name in layer:
                pulls = near.get(name, [])
                weight = sum(w for _, w in pulls)
                mean = sum(y[m] * w for m, w in pulls) / weight if pulls else y[name]
                wanted.append(0.7 * mean + 0.3 * y[name])
                weights.append(max(weight, 0.5))
            for name, value in zip(layer, _separated(layer, wanted, weights, height), strict=True):
                y[name] = value
    return y


def _separated(
    layer: Sequence[str],
    wanted: Iterable[float],
    weights: Sequence[float],
    height: Mapping[str, float],
) -> list[float]:
    """The nearest heights in the weighted least-squares sense that keep order and distance."""
    offsets, offset = [], 0.0
    for k, name in enumerate(layer):
        if k:
            offset += (height[layer[k - 1]] + height[name]) / 2 + _between(layer[k - 1], name)
        offsets.append(offset)
    pools: list[tuple[float, float, int]] = []
    for want, weight, shift in zip(wanted, weights, offsets, strict=True):
        mean, total, count = want - shift, weight, 1
        while pools and pools[-1][0] > mean:
            m, w, c = pools.pop()
            mean = (m * w + mean * total) / (w + total)
            total, count = total + w, count + c
        pools.append((mean, total, count))
    flat = [mean for mean, _, count in pools for _ in range(count)]
    return [value + shift for value, shift in zip(flat, offsets, strict=True)]


def _straighten(
    layers: Sequence[Sequence[str]],
    chains: Sequence[Sequence[str]],
    y: dict[str, float],
    height: Mapping[str, float],
) -> None:
    """Let long edges run straight: least squares spreads one bend over all columns it passes.

    Along each chain of place-holders, stretches that fit between their neighbours at one common
    height get it; boxes stay where they are.
    """
    at = {name: (k, i) for k, layer in enumerate(layers) for i, name in enumerate(layer)}

    def room(name: str) -> tuple[float, float]:
        k, i = at[name]
        layer = layers[k]
        low, high = -1e9, 1e9
        if i > 0:
            low = (
                y[layer[i - 1]]
                + (height[layer[i - 1]] + height[name]) / 2
                + _between(layer[i - 1], name)
            )
        if i + 1 < len(layer):
            high = (
                y[layer[i + 1]]
                - (height[layer[i + 1]] + height[name]) / 2
                - _between(name, layer[i + 1])
            )
        return low, high

    for _ in range(6):
        for chain in sorted(chains, key=len, reverse=True):
            marks = list(chain[1:-1])
            if not marks:
                continue
            runs: list[tuple[list[str], float, float]] = []
            for mark in reversed(marks):
                low, high = room(mark)
                if runs and max(low, runs[-1][1]) <= min(high, runs[-1][2]):
                    names, a, b = runs[-1]
                    runs[-1] = ([*names, mark], max(low, a), min(high, b))
                else:
                    runs.append(([mark], low, high))
            aim = y[chain[-1]]
            for names, low, high in runs:
                aim = min(max(aim, low), high) if low <= high else (low + high) / 2
                for name in names:
                    y[name] = aim


def _between(a: str, b: str) -> float:
    return _LANE if a[0] == "\0" and b[0] == "\0" else _GAP
