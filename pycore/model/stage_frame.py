"""The frame at the end of a path diagram: stages, ways between them, events behind these."""

from __future__ import annotations

from pycore.model.elements import Stage
from pycore.model.lettering import text_width
from pycore.model.notation import pretty
from pycore.model.routing import PORT, Node, Rectangle
from pycore.model.shapes import Canvas

__all__ = ["frame_size", "paint_stage", "stage_chips", "stage_goals"]

_TEXT = 12.0
_HIGH = 84.0
_CHIP = 26.0
_TITLE = 28.0
_ARCS = 44.0  # room beside the labels for the ways between them


def stage_goals(stage: Stage) -> dict[str, list[str]]:
    """Event → the labels it leads to.

    Examples
    --------
    >>> stage_goals(Stage(name="s", transitions={"in": {"out": "leave"}}, absorbing=("out",)))
    {'leave': ['out']}
    """
    made: dict[str, list[str]] = {}
    for moves in stage.transitions.values():
        for goal, event in moves.items():
            if goal not in made.setdefault(event, []):
                made[event].append(goal)
    return made


def frame_size(stage: Stage, *, down: bool) -> tuple[float, float]:
    """Width and height: labels side by side where causes lead downwards, else in a column."""
    widths = [_label_width(label) for label in stage.labels]
    title = text_width(pretty(stage.name), _TEXT) + 20
    if down:
        return max(sum(widths) + 16 * (len(widths) + 1), title), _HIGH
    entering = max(
        sum(goal in moves for moves in stage.transitions.values()) for goal in stage.labels
    )
    tall = max(_CHIP, entering * PORT + 10)
    return max(*widths, title) + _ARCS, _TITLE + (tall + 12) * len(widths) + 4


def stage_chips(node: Node, stage: Stage, *, down: bool) -> dict[str, Rectangle]:
    """Centre, width and height of each label inside its placed frame."""
    widths = {label: _label_width(label) for label in stage.labels}
    made: dict[str, Rectangle] = {}
    if down:
        spare = (node.width - sum(widths.values())) / (len(widths) + 1)
        x = node.x - node.width / 2 + spare
        for label, w in widths.items():
            made[label] = (x + w / 2, node.y - 17, w, _CHIP)
            x += w + spare
        return made
    step = (node.height - _TITLE - 4) / len(widths)
    for k, label in enumerate(stage.labels):
        y = node.y - node.height / 2 + _TITLE + step * (k + 0.5)
        made[label] = (node.x - 8, y, node.width - _ARCS, step - 12)
    return made


def paint_stage(canvas: Canvas, node: Node, stage: Stage, *, down: bool) -> None:
    """Labels, the ways between them and the name of the stage."""
    chips = stage_chips(node, stage, down=down)
    for label, (x, y, w, h) in chips.items():
        canvas.chip(x, y, w, h, pretty(label), ends=label in stage.absorbing)
    moves = [(a, b) for a, table in stage.transitions.items() for b in table]
    for k, (origin, goal) in enumerate(moves):
        x0, y0, w0, h0 = chips[origin]
        x1, y1, w1, h1 = chips[goal]
        deep = 14 + 5 * k
        if down:
            start, end = y0 + h0 / 2, y1 + h1 / 2 + 1
            a = x0 + (6 * k if x1 > x0 else -6 * k)
            canvas.move(
                f"M{a:.1f},{start:.1f} C{a:.1f},{start + deep:.1f} {x1:.1f},{end + deep:.1f} "
                f"{x1:.1f},{end:.1f}"
            )
        else:
            start, end = x0 + w0 / 2, x1 + w1 / 2 + 1
            canvas.move(
                f"M{start:.1f},{y0:.1f} C{start + deep:.1f},{y0:.1f} {end + deep:.1f},{y1:.1f} "
                f"{end:.1f},{y1:.1f}"
            )
    below = node.height / 2 - 9 if down else 18 - node.height / 2
    canvas.text(node.x, node.y + below, pretty(stage.name), _TEXT)


def _label_width(label: str) -> float:
    return text_width(pretty(label), _TEXT) + 22
