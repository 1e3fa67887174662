"""The marks of a path diagram: shapes by kind of word, arrows, signs, legend.

Colours are those of Okabe and Ito, which readers with a colour-vision deficiency tell apart; no
meaning hangs on colour alone: kinds differ in shape, signs carry + and −.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from pycore.model.elements import (
    Calendar,
    Define,
    Draw,
    Element,
    Environment,
    Event,
    Lever,
    Stage,
    State,
    Trait,
)
from pycore.model.lettering import text_width

__all__ = ["LOOKS", "Canvas", "Look"]

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREY = "#757575"
INK = "#222222"
_FACES = "Inter,'Noto Sans','Open Sans','Segoe UI',Arial,'DejaVu Sans',sans-serif"
_LEGEND = 11.0


@dataclass(frozen=True)
class Look:
    """How one kind of word looks."""

    key: str
    says: str
    fill: str
    stroke: str
    weight: float = 1.3
    padding: float = 8.0


LOOKS: dict[type[Element], Look] = {
    Lever: Look("lever", "lever: set by a decision maker", "#FBF3C0", "#8F7A00", padding=11.0),
    Trait: Look("trait", "trait: fixed per consumer", "#DDF2EA", "#00775A", padding=11.0),
    Calendar: Look(
        "calendar", "calendar: given for each period", "#F6EEDD", "#7A6A3A", padding=11.0
    ),
    Draw: Look("draw", "draw: random in each period", "#FFFFFF", GREY, padding=11.0),
    Event: Look("event", "event: happens or not", "#F7E4EF", "#9C4F7C", padding=12.0),
    Define: Look("define", "definition: no memory", "#FFFFFF", "#8A8A8A", 1.0),
    State: Look("state", "state: carried between periods", "#DDEBF6", "#1F4E79", 1.9),
    Environment: Look("environment", "environment: shared by all", "#E3F3FB", "#2C7FA8", 1.2, 12.0),
    Stage: Look("stage", "stage of a consumer's life", "#F3F3F3", "#444444"),
}


class Canvas:
    """Collects marks and writes the SVG document."""

    def __init__(self) -> None:
        self._frames: list[str] = []
        self._below: list[str] = []
        self._above: list[str] = []
        self._glyphs: list[str] = []

    # ----------------------------------------------------------------- words

    def shape(self, look: Look, x: float, y: float, w: float, h: float, about: str = "") -> None:
        """The outline of a word, with its sentence as a tooltip."""
        tip = f"<title>{escape(about)}</title>" if about else ""
        style = f'fill="{look.fill}" stroke="{look.stroke}" stroke-width="{look.weight}"'
        left, top, right, bottom = x - w / 2, y - h / 2, x + w / 2, y + h / 2
        if look.key == "lever":
            # A label that points where it acts.
            points = [
                (left, top), (right - 8, top), (right, y), (right - 8, bottom), (left, bottom),
            ]  # fmt: skip
            mark = _polygon(points, style, tip)
        elif look.key == "event":
            points = [
                (left + 8, top), (right - 8, top), (right, y), (right - 8, bottom),
                (left + 8, bottom), (left, y),
            ]  # fmt: skip
            mark = _polygon(points, style, tip)
        else:
            radius = {"trait": h / 2, "draw": h / 2, "state": 6.0, "define": 0.0}.get(look.key, 3.0)
            radius = min(radius, 16.0)
            dash = ' stroke-dasharray="3 2.5"' if look.key == "draw" else ""
            mark = _rect(x, y, w, h, radius, style + dash, tip)
            if look.key == "environment":
                mark += _rect(x, y, w - 6, h - 6, 2, f'fill="none" stroke="{look.stroke}"')
        self._above.append(mark)

    def lines(self, x: float, y: float, lines: list[str], size: float, leading: float) -> None:
        """Centred text."""
        first = y - leading * (len(lines) - 1) / 2 + size * 0.35
        for k, line in enumerate(lines):
            self.text(x, first + k * leading, line, size)

    def text(
        self, x: float, y: float, text: str, size: float, anchor: str = "middle", ink: str = INK
    ) -> None:
        """One line of text on its base line."""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._above.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{ink}"{place}>'
            f"{escape(text)}</text>"
        )

    def carry(self, x: float, y: float, number: str) -> None:
        """The share kept, behind a small turning arrow."""
        width = text_width(number, 10) + 13
        left = x - width / 2
        self._above.append(_turn(left + 4, y - 0.5))
        self.text(left + 12, y + 3, number, 10, anchor="start", ink="#1F4E79")

    def circle(self, x: float, y: float, index: str, side: str) -> None:
        """Disturbance: ``i`` drawn once per consumer, ``t`` anew in each period."""
        dash = ' stroke-dasharray="2.5 2"' if index == "t" else ""
        ink = "#00775A" if index == "i" else "#555555"
        says = "differs between consumers" if index == "i" else "chance in each period"
        if side == "left":
            tip = (
                f'<path d="M{x - 7:.1f},{y:.1f} h-7.5" stroke="{ink}" stroke-width="1.1"/>'
                f'<path d="M{x - 16:.1f},{y:.1f} l5,-2.6 v5.2 z" fill="{ink}"/>'
            )
        else:
            tip = (
                f'<path d="M{x:.1f},{y + 7:.1f} v7.5" stroke="{ink}" stroke-width="1.1"/>'
                f'<path d="M{x:.1f},{y + 16:.1f} l-2.6,-5 h5.2 z" fill="{ink}"/>'
            )
        self._above.append(
            f'{tip if side != "none" else ""}<circle cx="{x:.1f}" cy="{y:.1f}" r="7" '
            f'fill="#FFFFFF" stroke="{ink}" stroke-width="1.1"{dash}><title>{says}</title></circle>'
            f'<text x="{x:.1f}" y="{y + 3.2:.1f}" font-size="10" font-style="italic" '
            f'text-anchor="middle" fill="{ink}">{index}</text>'
        )

    def container(self, x: float, y: float, w: float, h: float, about: str) -> None:
        """Frame around the stages."""
        look = LOOKS[Stage]
        frame = f'fill="{look.fill}" stroke="{look.stroke}" stroke-width="1.1"'
        self._frames.append(_rect(x, y, w, h, 9, frame, f"<title>{escape(about)}</title>"))

    def chip(self, x: float, y: float, w: float, h: float, label: str, *, ends: bool) -> None:
        """A stage; a double frame says that it ends a life."""
        self._above.append(_rect(x, y, w, h, 5, 'fill="#FFFFFF" stroke="#444444"'))
        if ends:
            inner = 'fill="none" stroke="#444444" stroke-width="0.8"'
            self._above.append(_rect(x, y, w - 6, h - 6, 3, inner))
        self.text(x, y + 4.2, label, 12)

    # ---------------------------------------------------------------- arrows

    def arrow(
        self, d: str, sign: int | None, *, dashed: bool, glyph: tuple[float, float] | None
    ) -> None:
        """A curve with head, on a white halo so that crossings stay legible; the sign at ``glyph``."""
        colour, head = {1: (BLUE, "plus"), -1: (VERMILLION, "minus")}.get(
            sign or 0, (GREY, "other")
        )
        dash = ' stroke-dasharray="5 3.5"' if dashed else ""
        self._below.append(f'<path d="{d}" fill="none" stroke="#FFFFFF" stroke-width="4"/>')
        self._below.append(
            f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="1.4"{dash} '
            f'marker-end="url(#head-{head})"/>'
        )
        if sign and glyph is not None:
            self._glyphs.append(_sign(*glyph, sign, colour))

    def estimate(self, x: float, y: float, text: str, sign: int, anchor: str) -> None:
        """What is known of an arrow, written over it where it arrives."""
        colour = {1: BLUE, -1: VERMILLION}.get(sign, GREY)
        width = text_width(text, 10) + 6
        left = x - width if anchor == "end" else x
        self._glyphs.append(
            f'<rect x="{left:.1f}" y="{y - 6:.1f}" width="{width:.1f}" height="12" fill="#FFFFFF"/>'
            f'<text x="{left + 3:.1f}" y="{y + 3.5:.1f}" font-size="10" fill="{colour}">'
            f"{escape(text)}</text>"
        )

    def move(self, d: str) -> None:
        """A way from one stage to another, inside their frame."""
        self._below.append(
            f'<path d="{d}" fill="none" stroke="{GREY}" stroke-width="1.1" '
            f'marker-end="url(#head-other)"/>'
        )

    # ---------------------------------------------------------------- legend

    def legend(self, x: float, y: float, width: float, entries: list[tuple[str, str]]) -> float:
        """Key of shapes and arrows, in rows; returns the lower edge."""
        at, row = x, y
        for key, says in entries:
            mark = 20.0 if key.startswith(("circle", "carry")) else 34.0
            need = mark + text_width(says, _LEGEND) + 14
            if at + need > x + width and at > x:
                at, row = x, row + 20
            self._key(key, at, row)
            self.text(at + mark, row + 3.8, says, _LEGEND, anchor="start", ink="#333333")
            at += need
        return row + 10

    def _key(self, key: str, x: float, y: float) -> None:
        if key.startswith("circle:"):
            self.circle(x + 8, y, key[-1], "none")
        elif key == "carry":
            self._above.append(_turn(x + 8, y))
        elif key.startswith("edge:"):
            sign = {"1": 1, "-1": -1}.get(key[5:], 0)
            line = f"M{x:.1f},{y:.1f} h28"
            self.arrow(line, sign, dashed=key == "edge:lag", glyph=(x + 12, y))
        else:
            look = next(k for k in LOOKS.values() if k.key == key)
            if key == "stage":
                self.chip(x + 14, y, 26, 14, "", ends=True)
            else:
                self.shape(look, x + 14, y, 26, 14)

    # -------------------------------------------------------------- document

    def document(
        self, box: tuple[float, float, float, float], title: str, description: str, name: str
    ) -> str:
        """The SVG text; ``box`` is left, top, width, height."""
        x, y, w, h = box
        heads = "".join(
            f'<marker id="head-{key}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            f'markerHeight="7" markerUnits="userSpaceOnUse" orient="auto">'
            f'<path d="M0,0.6 L8,4 L0,7.4 z" fill="{colour}"/></marker>'
            for key, colour in (("plus", BLUE), ("minus", VERMILLION), ("other", GREY))
        )
        body = "\n".join([*self._frames, *self._below, *self._above, *self._glyphs])
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{x:.1f} {y:.1f} {w:.1f} {h:.1f}" '
            f'width="{w:.0f}" height="{h:.0f}" role="img" '
            f'aria-labelledby="title-{name} desc-{name}" font-family="{_FACES}" '
            f'style="max-width:100%;height:auto;background:#FFFFFF">\n'
            f'<title id="title-{name}">{escape(title)}</title>\n'
            f'<desc id="desc-{name}">{escape(description)}</desc>\n'
            f"<defs>{heads}</defs>\n"
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="#FFFFFF"/>\n'
            f"{body}\n</svg>\n"
        )


def _sign(x: float, y: float, sign: int, colour: str) -> str:
    stroke = f'stroke="{colour}" stroke-width="1.5"'
    upright = f'<path d="M{x:.1f},{y - 2.8:.1f} v5.6" {stroke}/>' if sign > 0 else ""
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#FFFFFF" stroke="{colour}"/>'
        f'<path d="M{x - 2.8:.1f},{y:.1f} h5.6" {stroke}/>{upright}'
    )


def _turn(x: float, y: float) -> str:
    return (
        f'<path d="M{x + 3.4:.1f},{y - 1.6:.1f} a3.8,3.8 0 1 0 0.2,3" fill="none" '
        f'stroke="#1F4E79" stroke-width="1.2"/>'
        f'<path d="M{x + 4.9:.1f},{y - 4.4:.1f} v4.4 h-4.4 z" fill="#1F4E79"/>'
    )


def _rect(
    x: float, y: float, w: float, h: float, radius: float, style: str, inner: str = ""
) -> str:
    """A rectangle by its centre."""
    place = f'x="{x - w / 2:.1f}" y="{y - h / 2:.1f}" width="{w:.1f}" height="{h:.1f}"'
    return f'<rect {place} rx="{radius:g}" {style}>{inner}</rect>'


def _polygon(points: list[tuple[float, float]], style: str, inner: str) -> str:
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polygon points="{corners}" {style} stroke-linejoin="round">{inner}</polygon>'
