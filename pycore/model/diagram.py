"""Path diagram of a model as SVG, drawn from the same equations that run.

Columns (or rows, where there are many) follow causal depth: levers and traits first, states in the
middle, events and stages last.  The text of the picture is plain SVG: no font, script or address is
needed to show it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pycore.errors import refuse, require_name
from pycore.model.distributions import Normal
from pycore.model.elements import (
    Calendar,
    Define,
    Draw,
    Environment,
    Event,
    Lever,
    Parameter,
    Stage,
    State,
    Trait,
)
from pycore.model.influences import Influence, influences
from pycore.model.layout import Box, Edge, Placement, place
from pycore.model.lettering import text_width, wrapped
from pycore.model.notation import pretty
from pycore.model.printing import short_number
from pycore.model.routing import CIRCLE, PORT, Node, Rectangle, Router
from pycore.model.shapes import LOOKS, Canvas
from pycore.model.stage_frame import frame_size, paint_stage, stage_chips, stage_goals

if TYPE_CHECKING:
    from pycore.model.model import Model

__all__ = ["Diagram", "diagram"]

Direction = Literal["right", "down"]
PAGE_WIDTH = 900.0
_TEXT = 12.0
_LINE = 14.5
_MARGIN = 16.0
_GAP = 46.0
# Wishes in order: to the right, downwards, downwards with narrower labels.
_SHAPES: tuple[tuple[Direction, float], ...] = (("right", 84.0), ("down", 96.0), ("down", 72.0))


@dataclass(frozen=True)
class Diagram:
    """A drawing that shows itself in a notebook and can be saved.

    Attributes
    ----------
    svg : str
        The whole document, with title and description for readers who cannot see it.
    title, description : str
        The same as text.
    width, height : float
        Size in pixels at which letters are 12 pixels high.
    """

    svg: str
    title: str
    description: str
    width: float
    height: float

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write the drawing to a file ending in ``.svg``.

        Raises
        ------
        InputError
            If the name ends otherwise.
        """
        target = Path(path)
        if target.suffix != ".svg":
            raise refuse("path", str(path), "a file name ending in .svg")
        target.write_text(self.svg, encoding="utf-8")
        return target


def diagram(
    model: Model,
    *,
    defines: bool = True,
    direction: Direction | None = None,
    only: Collection[str] | None = None,
) -> Diagram:
    """Draw who acts on whom.

    Parameters
    ----------
    model : Model
        The model.
    defines : bool
        Show defined expressions; else their causes act directly.  Definitions that nothing reads
        are never shown.
    direction : {"right", "down"}, optional
        Where causes lead; by default to the right as long as the drawing is at most 900 px wide.
    only : collection of str, optional
        Draw a part: these words and the arrows between them.  Definitions that are not among them
        are passed through.  What acts on them from outside is left out, except differences
        between consumers and the chance of a period.

    Returns
    -------
    Diagram

    Raises
    ------
    InputError
        If the direction or a word of ``only`` is unknown.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("relief")
    >>> stress = m.state("stress", carry=0.8, target=m.lever("load"))
    >>> picture = m.diagram()
    >>> picture.description
    'Stress is raised by load; it keeps 0.8 of its previous value.'
    """
    if direction not in (None, "right", "down"):
        raise refuse("direction", direction, "'right', 'down' or None")
    for name in only or ():
        require_name("only", name, model.elements)
    words = only if only is not None and defines else defines
    shown = _useful(influences(model, defines=words), model)
    made = None
    for leads, limit in _SHAPES:
        if direction in (None, leads):
            tried = _Drawing(model, shown, leads, limit, only).draw()
            made = tried if made is None or tried.width < made.width else made
            if made.width <= PAGE_WIDTH:
                break
    assert made is not None
    return made


class _Drawing:
    def __init__(
        self,
        model: Model,
        shown: tuple[Influence, ...],
        direction: Direction,
        limit: float,
        only: Collection[str] | None,
    ) -> None:
        self.model = model
        self.down = direction == "down"
        self.limit = limit
        self.only = model.elements.keys() if only is None else frozenset(only)
        # A circle stays a circle in a part of the picture.
        self.circles = {
            source: target
            for source, target in _disturbances(shown, model).items()
            if source not in (only or ())
        }
        self.arrows = [
            a for a in shown if a.source not in self.circles and {a.source, a.target} <= self.only
        ]
        stage = model.stage_element
        self.stage = stage if stage is not None and stage.name in self.only else None
        self.names = self._names()
        self.nodes = {n: self._node(n) for n in self.names}

    # ------------------------------------------------------------- content

    def _names(self) -> list[str]:
        linked = {a.source for a in self.arrows} | {a.target for a in self.arrows}
        if self.stage is not None:
            linked |= {self.stage.name, *stage_goals(self.stage)}
        kept = []
        for name, element in self.model.elements.items():
            always = isinstance(element, State | Event | Environment | Lever)
            skipped = (
                isinstance(element, Parameter) or name in self.circles or name not in self.only
            )
            if not skipped and (always or name in linked):
                kept.append(name)
        return kept

    def _node(self, name: str) -> Node:
        element = self.model.element(name)
        if isinstance(element, Stage):
            width, height = frame_size(element, down=self.down)
            return Node(name, LOOKS[Stage], [], width, height)
        lines = wrapped(pretty(name), _TEXT, self.limit)
        circles = ["i" for s, t in self.circles.items()
                   if t == name and isinstance(self.model.element(s), Trait)]  # fmt: skip
        chance = any(t == name and isinstance(self.model.element(s), Draw)
                     for s, t in self.circles.items())  # fmt: skip
        carry = ""
        if isinstance(element, State):
            chance = chance or not (element.noise.is_number and element.noise == 0)
            carry = _carry(element, self.model)
        if chance:
            circles.append("t")
        look = LOOKS[type(element)]
        width = max(text_width(x, _TEXT) for x in lines) + 2 * look.padding
        height = _LINE * len(lines) + 12 + (12 if carry else 0)
        # A value of the previous period may leave at the front, among those that enter there.
        entering = sum(a.target == name or (a.source == name and a.lagged) for a in self.arrows)
        ports = entering * PORT + 10
        width = max(width, 56.0, ports if self.down else 0)
        height = max(height, 30.0, 0 if self.down else ports)
        return Node(name, look, lines, width, height, tuple(sorted(set(circles))), carry=carry)

    # ------------------------------------------------------------ placement

    def _placed(self) -> tuple[Placement, list[Edge]]:
        boxes = []
        for name in self.names:
            node = self.nodes[name]
            along, across = (node.height, node.width) if self.down else (node.width, node.height)
            across += CIRCLE if node.circles else 0
            boxes.append(Box(name, along, across, self._pin(name)))
        edges = [Edge(a.source, a.target, a.lagged) for a in self.arrows]
        if self.stage is not None:
            deciders = [e for e in stage_goals(self.stage) if e in self.nodes]
            edges += [Edge(e, self.stage.name) for e in deciders]
        edges = list(dict.fromkeys(edges))
        return place(boxes, edges, gap=_GAP), edges

    def _pin(self, name: str) -> int | None:
        element = self.model.element(name)
        if isinstance(element, Lever | Trait | Calendar):
            return 0
        if isinstance(element, Stage | Environment):
            return -1
        outcome = not any(a.source == name and not a.lagged and not isinstance(
            self.model.element(a.target), Environment) for a in self.arrows)  # fmt: skip
        ends = any(isinstance(e, Stage | Environment) for e in self.model.elements.values())
        if isinstance(element, Event) and outcome and self.model.of_kind(State):
            return -2 if ends else -1
        return None

    def draw(self) -> Diagram:
        """The finished picture."""
        placed, edges = self._placed()
        self._position(placed)
        chips = self._chips()
        goals = {} if self.stage is None else stage_goals(self.stage)
        signs = {(a.source, a.target, a.lagged): a.sign for a in self.arrows}
        router = Router(self.nodes, placed, edges, goals, chips, down=self.down)
        canvas = Canvas()
        drawn = [
            (route, signs.get((route.edge.source, route.edge.target, route.edge.back)))
            for route in router.routes()
        ]
        # Arrows of undecided direction first, so that they lie below.
        for route, sign in sorted(drawn, key=lambda pair: bool(pair[1])):
            canvas.arrow(route.d, sign, dashed=route.edge.back, glyph=route.glyph)
        for node in self.nodes.values():
            self._paint(canvas, node)
        x0, y0, x1, y1 = router.extent()
        legend_width = max(x1 - x0, 560.0)
        x1 = x0 + legend_width
        y1 = canvas.legend(x0, y1 + 26, legend_width, self._legend())
        title = f"Path diagram: {self.model.title}"
        description = self._describe()
        box = (x0 - _MARGIN, y0 - _MARGIN, x1 - x0 + 2 * _MARGIN, y1 - y0 + 2 * _MARGIN)
        svg = canvas.document(box, title, description, self.model.name)
        return Diagram(svg, title, description, round(box[2], 1), round(box[3], 1))

    def _chips(self) -> dict[str, Rectangle]:
        if self.stage is None:
            return {}
        return stage_chips(self.nodes[self.stage.name], self.stage, down=self.down)

    def _position(self, placed: Placement) -> None:
        for name, node in self.nodes.items():
            c = placed.column[name]
            along = placed.left[c] + placed.width[c] / 2
            across = placed.y[name]
            shift = CIRCLE / 2 if node.circles else 0.0
            if self.down:
                node.x, node.y = across - shift, along
            else:
                node.x, node.y = along, across + shift

    # -------------------------------------------------------------- painting

    def _paint(self, canvas: Canvas, node: Node) -> None:
        element = self.model.element(node.name)
        about = element.doc or pretty(node.name)
        if isinstance(element, Stage):
            canvas.container(node.x, node.y, node.width, node.height, about)
            paint_stage(canvas, node, element, down=self.down)
            return
        for k, circle in enumerate(node.circles):
            if self.down:
                canvas.circle(node.x + node.width / 2 + 16, node.y - 9 + 18 * k, circle, "left")
            else:
                canvas.circle(node.x - 9 + 18 * k, node.y - node.height / 2 - 16, circle, "down")
        canvas.shape(node.look, node.x, node.y, node.width, node.height, about)
        canvas.lines(node.x, node.y - (6 if node.carry else 0), node.lines, _TEXT, _LINE)
        if node.carry:
            canvas.carry(node.x, node.y + node.height / 2 - 8, node.carry)

    def _legend(self) -> list[tuple[str, str]]:
        kinds = {type(self.model.element(n)) for n in self.names}
        entries = [(look.key, look.says) for kind, look in LOOKS.items() if kind in kinds]
        if any("i" in n.circles for n in self.nodes.values()):
            entries.append(("circle:i", "differs between consumers"))
        if any("t" in n.circles for n in self.nodes.values()):
            entries.append(("circle:t", "chance in each period"))
        if any(n.carry for n in self.nodes.values()):
            entries.append(("carry", "share kept from period to period"))
        signs = {a.sign for a in self.arrows}
        for sign, says in ((1, "raises"), (-1, "lowers"), (0, "direction depends on the rest")):
            if sign in signs:
                entries.append((f"edge:{sign}", says))
        if any(a.lagged for a in self.arrows):
            entries.append(("edge:lag", "value of the previous period"))
        return entries

    def _describe(self) -> str:
        """The picture in words: every node with what raises and lowers it."""
        sentences = []
        for name in self.names:
            parts = []
            for sign, verb in ((1, "raised by"), (-1, "lowered by"), (0, "influenced by")):
                causes = [
                    pretty(a.source) + (" of the previous period" if a.lagged else "")
                    for a in self.arrows
                    if a.target == name and a.sign == sign
                ]
                if causes:
                    parts.append(f"{verb} {_listed(causes)}")
            clauses = [f"is {'; '.join(parts)}"] if parts else []
            carry = self.nodes[name].carry
            if carry:
                kept = "a varying share" if carry == "varies" else carry
                clauses.append(f"{'it ' if parts else ''}keeps {kept} of its previous value")
            if clauses:
                sentences.append(f"{pretty(name)} {'; '.join(clauses)}.".capitalize())
        if self.stage is not None:
            moves = [
                f"from {pretty(origin)} to {pretty(goal)} by {pretty(event)}"
                for origin, table in self.stage.transitions.items()
                for goal, event in table.items()
            ]
            if moves:
                sentences.append(f"Stage {pretty(self.stage.name)}: {_listed(moves)}.")
        return " ".join(sentences)


def _useful(shown: tuple[Influence, ...], model: Model) -> tuple[Influence, ...]:
    """Without definitions that act on nothing: they are read by records, not by consumers."""
    while True:
        acting = {a.source for a in shown}
        idle = {n for n in model.of_kind(Define) if n not in acting}
        kept = tuple(a for a in shown if a.target not in idle)
        if len(kept) == len(shown):
            return shown
        shown = kept


def _disturbances(shown: tuple[Influence, ...], model: Model) -> dict[str, str]:
    """Draws, and traits drawn once, that act on one word only: shown as a circle beside it."""
    targets: dict[str, set[str]] = {}
    for a in shown:
        targets.setdefault(a.source, set()).add(a.target)
    caused = {a.target for a in shown}
    made = {}
    for name, element in model.elements.items():
        if not isinstance(element, Draw | Trait) or name in caused:
            continue
        # A skewed draw (minutes of waiting) is a cause with a name, not a disturbance.
        if isinstance(element.distribution, Normal) and len(targets.get(name, ())) == 1:
            made[name] = next(iter(targets[name]))
    return made


def _carry(state: State, model: Model) -> str:
    """Carry-over at the parameters' values and the levers' defaults; empty where there is none."""
    if state.carry.is_number:
        number = state.carry
    else:
        values = {}
        for symbol in state.carry.free_symbols:
            element = model.element(symbol.name)
            if isinstance(element, Lever):
                values[symbol] = element.default
            elif isinstance(element, Parameter) or (
                isinstance(element, Trait) and element.distribution is None
            ):
                values[symbol] = element.value
        number = state.carry.subs(values)
    if not number.is_number:
        return "varies"
    return "" if abs(float(number)) < 1e-12 else short_number(round(float(number), 2))


def _listed(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
