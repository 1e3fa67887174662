"""The path diagram shows the model's influences and stays readable."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sympy as sp

import pycore as pc
from pycore.errors import InputError
from pycore.model.diagram import Diagram, Direction, diagram
from pycore.model.influences import influences
from pycore.model.layout import Box, Edge, place
from pycore.model.lettering import text_width
from pycore.model.model import Model

SVG = "{http://www.w3.org/2000/svg}"


def queue() -> Model:
    m = pc.Model("queue_fatigue", period="day")
    wait = m.draw("waiting_minutes", pc.LogNormal(mean=m.parameter("mean_wait", 6), sigma=0.8))
    cross = m.state("annoyance", carry=0.7, target=m.parameter("per_minute", 0.1) * wait)
    leave = m.event("leave", logit=m.parameter("base", -5) + 1.2 * cross)
    m.stage("customer", {"active": {"left": leave}}, absorbing="left")
    return m


def habit() -> Model:
    """Feedback over one column, over several, and within one; two living stages; environment."""
    m = pc.Model("habit")
    mood, routine, calm = m.state("mood"), m.state("routine"), m.state("calm")
    visit = m.event("visit", logit=routine + mood - calm)
    buy = m.event("buy", logit=2 * visit + m.lever("coupons"))
    m.update(routine, carry=0.9, target=2 * buy - mood)
    m.update(mood, carry=0.3, target=buy - 0.2 * routine, noise=0.2)
    m.update(calm, carry=0.5, target=-buy)
    away = m.event("fall_asleep", logit=-3 - mood)
    back = m.event("come_back", probability=0.1)
    m.stage("life", {"active": {"asleep": away}, "asleep": {"active": back, "gone": away}},
            absorbing="gone")  # fmt: skip
    m.environment("crowd", target=pc.average(buy), carry=0.5)
    return m


MODELS: dict[str, Callable[[], Model]] = {
    "queue": queue,
    "habit": habit,
    "library": pc.library.disengagement,
    "five": lambda: pc.library.disengagement("five"),
}


@cache
def picture(name: str, *, defines: bool = True, direction: Direction | None = None) -> Diagram:
    return diagram(MODELS[name](), defines=defines, direction=direction)


def signs(model: Model, **options: bool) -> dict[tuple[str, str], int]:
    return {(i.source, i.target): i.sign for i in influences(model, **options)}


# ------------------------------------------------------------------ influences


def test_direction_follows_the_coefficient_at_the_parameters_value() -> None:
    for value, sign in ((0.4, 1), (-0.4, -1), (0.0, 0)):
        m = pc.Model("one")
        x = m.state("x", carry=0.5, target=1)
        m.state("y", carry=0.5, target=m.parameter("b", value) * x)
        assert signs(m)["x", "y"] == sign


def test_a_rectified_shortfall_has_the_direction_of_its_slope() -> None:
    m = pc.Model("shortfall")
    x = m.state("x", carry=0.5, target=1)
    m.state("y", carry=0.5, target=sp.Max(0, -x))
    m.state("z", carry=0.5, target=sp.Abs(x))
    assert signs(m)["x", "y"] == -1
    assert signs(m)["x", "z"] == 0, "nearness to zero has no direction"


def test_a_moderator_of_a_path_that_changes_sign_has_no_direction() -> None:
    m = pc.Model("moderation")
    x, r = m.state("x", carry=0.5, target=m.draw("e", pc.Normal(0, 1))), m.trait("r", 0.0)
    m.state("y", carry=0.5, target=x * (1 - 0.3 * r))
    assert signs(m)["r", "y"] == 0
    assert signs(m)["x", "y"] == 1


def test_what_is_read_before_its_update_acts_with_a_lag() -> None:
    lagged = {(i.source, i.target) for i in influences(habit()) if i.lagged}
    assert lagged == {
        ("mood", "visit"), ("routine", "visit"), ("calm", "visit"), ("mood", "routine"),
    }  # fmt: skip


def test_without_definitions_their_causes_act_directly() -> None:
    m = pc.Model("chain")
    x = m.state("x", carry=0.5, target=1)
    gap = m.define("gap", 1 - x)
    m.state("y", carry=0.5, target=gap)
    assert signs(m) == {("x", "gap"): -1, ("gap", "y"): 1}
    assert signs(m, defines=False) == {("x", "y"): -1}


def test_every_symbol_of_an_equation_is_an_influence() -> None:
    model = pc.library.disengagement()
    found = {(i.source, i.target) for i in influences(model)}
    for event in model.of_kind(pc.model.elements.Event).values():
        assert event.logit is not None
        for symbol in event.logit.free_symbols:
            if symbol.name not in model.of_kind(pc.model.elements.Parameter):
                assert (symbol.name, event.name) in found


# ---------------------------------------------------------------------- layout


def test_forward_edges_run_forward_and_boxes_do_not_overlap() -> None:
    names = "abcdefgh"
    boxes = [Box(n, 40, 20 + 3 * k) for k, n in enumerate(names)]
    edges = [Edge(a, b) for a, b in itertools.combinations(names, 2) if (ord(a) * ord(b)) % 3]
    made = place(boxes, edges)
    for edge in edges:
        assert made.column[edge.source] < made.column[edge.target]
    height = {b.name: b.height for b in boxes}
    for column in made.columns:
        for a, b in itertools.pairwise(sorted(column, key=made.y.__getitem__)):
            assert made.y[b] - made.y[a] >= (height[a] + height[b]) / 2


def test_crossings_that_can_be_avoided_are() -> None:
    boxes = [Box(n, 10, 10) for n in ("a", "b", "c", "x", "y", "z")]
    made = place(boxes, [Edge("a", "z"), Edge("b", "y"), Edge("c", "x")])
    left = sorted("abc", key=made.y.__getitem__)
    right = sorted("xyz", key=made.y.__getitem__)
    assert [dict(zip("abc", "zyx", strict=True))[n] for n in left] == right


# --------------------------------------------------------------------- drawing


def parts(
    name: str, *, defines: bool = True, direction: Direction | None = None
) -> ElementTree.Element:
    return ElementTree.fromstring(picture(name, defines=defines, direction=direction).svg)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("defines", [True, False])
@pytest.mark.parametrize("direction", ["right", "down"])
def test_every_text_stays_inside_the_picture(
    name: str, defines: bool, direction: Direction
) -> None:
    root = parts(name, defines=defines, direction=direction)
    x, y, w, h = map(float, root.attrib["viewBox"].split())
    for text in root.iter(f"{SVG}text"):
        size = float(text.attrib["font-size"])
        width = text_width(text.text or "", size)
        left = float(text.attrib["x"]) - (width / 2 if "text-anchor" in text.attrib else 0)
        assert x <= left
        assert left + width <= x + w
        assert y < float(text.attrib["y"]) < y + h


def outlines(root: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    """Left, top, right, bottom of the words (marks that carry a title)."""
    found = []
    for mark in root:
        if mark.find(f"{SVG}title") is None or mark.tag == f"{SVG}circle":
            continue
        if mark.tag == f"{SVG}rect":
            x, y = float(mark.attrib["x"]), float(mark.attrib["y"])
            right, bottom = x + float(mark.attrib["width"]), y + float(mark.attrib["height"])
            found.append((x, y, right, bottom))
        else:
            corners = [tuple(map(float, p.split(","))) for p in mark.attrib["points"].split()]
            xs, ys = zip(*corners, strict=True)
            found.append((min(xs), min(ys), max(xs), max(ys)))
    return found


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("direction", ["right", "down"])
def test_words_do_not_overlap(name: str, direction: Direction) -> None:
    boxes = outlines(parts(name, direction=direction))
    assert len(boxes) > 2
    for a, b in itertools.combinations(boxes, 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, (a, b)


@pytest.mark.parametrize("name", MODELS)
def test_signs_do_not_cover_each_other(name: str) -> None:
    root = parts(name)
    centres = [
        (float(c.attrib["cx"]), float(c.attrib["cy"]))
        for c in root.iter(f"{SVG}circle") if c.attrib["r"] == "5"
    ]  # fmt: skip
    assert centres
    for (x0, y0), (x1, y1) in itertools.combinations(centres, 2):
        assert (x0 - x1) ** 2 + (y0 - y1) ** 2 >= 10**2


def test_a_small_model_reads_to_the_right_and_a_deep_one_downwards() -> None:
    small, deep = picture("queue"), picture("library")
    assert small.width > small.height
    assert deep.height > deep.width
    assert deep.width <= 900


def test_the_same_model_gives_the_same_picture() -> None:
    assert diagram(habit()).svg == diagram(habit()).svg


def test_the_picture_is_told_in_words() -> None:
    shown = queue().diagram()
    assert shown.description == (
        "Annoyance is raised by waiting minutes; it keeps 0.7 of its previous value. "
        "Leave is raised by annoyance. Stage customer: from active to left by leave."
    )
    root = ElementTree.fromstring(shown.svg)
    assert root.attrib["role"] == "img"
    assert root.find(f"{SVG}desc").text == shown.description  # type: ignore[union-attr]


def test_names_are_escaped_and_nothing_is_fetched() -> None:
    m = pc.Model("plain", title="a < b & c")
    m.state("x", carry=0.5, target=m.lever("u", doc='say "<now>"'))
    svg = m.diagram().svg
    ElementTree.fromstring(svg)
    assert set(re.findall(r"https?://[^\"' ]+", svg)) == {"http://www.w3.org/2000/svg"}


def test_definitions_that_nothing_reads_are_left_out() -> None:
    m = pc.Model("idle")
    x = m.state("x", carry=0.5, target=1)
    m.define("doubled", 2 * x)
    assert "doubled" not in m.diagram().svg


def test_a_part_shows_its_words_and_the_arrows_between_them() -> None:
    part = diagram(pc.library.disengagement(), only=["disappointment", "emotional_exhaustion"])
    assert part.description == (
        "Disappointment keeps 0.6 of its previous value. "
        "Emotional exhaustion is raised by disappointment; it keeps 0.9 of its previous value."
    )
    assert "customer" not in part.svg
    with pytest.raises(InputError, match="did you mean 'disappointment'"):
        diagram(pc.library.disengagement(), only=["dissapointment"])


def test_saving_needs_an_svg_name(tmp_path: Path) -> None:
    shown = picture("queue")
    assert shown.save(tmp_path / "queue.svg").read_text(encoding="utf-8") == shown.svg
    with pytest.raises(InputError, match=r"ending in \.svg"):
        shown.save(tmp_path / "queue.png")
    with pytest.raises(InputError, match="direction"):
        diagram(queue(), direction="up")  # type: ignore[arg-type]
