"""A fit as a path diagram: its estimates, what it leaves open, the same file every time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from pycore import plot
from pycore.errors import InputError

STATES, TRAITS = ["loyalty", "trust"], ["loyalty", "trust", "service", "price"]


def fit(failures: list[str] | None = None, *, circle: bool = False) -> xr.DataTree:
    """A fit whose draws are known."""
    path = np.zeros((2, 50, 2, 4))
    spread = np.linspace(-0.1, 0.1, 50)
    path[..., 0, 1] = 0.5 + spread
    path[..., 1, 2] = 0.3 + spread
    path[..., 0, 3] = -0.4 + spread
    path[..., 1, 3] = 0.02 + spread
    if circle:
        path[..., 1, 0] = 0.2 + spread
    posterior = xr.Dataset(
        dict.fromkeys(("path", "std_path"), (("chain", "draw", "effect", "cause"), path)),
        coords={"effect": STATES, "cause": TRAITS},
    )
    measures = xr.Dataset({"r2": ("state", [0.6, 0.25])}, coords={"state": STATES})
    tree = xr.DataTree.from_dict({"posterior": posterior, "fit_measures": measures})
    tree.attrs["gates_failed"] = failures or []
    return tree


def words(svg: str) -> list[str]:
    return [e.text or "" for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_every_path_stands_with_its_interval_and_every_state_with_its_share() -> None:
    found = words(plot.path_diagram(fit()).svg)
    for estimate in ("0.50 [0.41, 0.59]", "0.30 [0.21, 0.39]", "−0.40 [−0.49, −0.31]",
                     "0.02 [−0.07, 0.11]", "R² 0.60", "R² 0.25"):  # fmt: skip
        assert estimate in found, estimate


def test_an_interval_that_holds_zero_is_neither_a_rise_nor_a_fall() -> None:
    svg = plot.path_diagram(fit()).svg
    assert svg.count("url(#head-plus)") == 3  # two paths and the key
    assert svg.count("url(#head-minus)") == 2
    assert svg.count("url(#head-other)") == 2


@pytest.mark.parametrize("circle", [False, True])
def test_causes_stand_before_effects(circle: bool) -> None:
    places = {}
    for x, text in re.findall(
        r'<text x="([-\d.]+)"[^>]*>(\w+)</text>', plot.path_diagram(fit(circle=circle)).svg
    ):
        places[text] = float(x)
    assert places["service"] < places["trust"] < places["loyalty"] or circle


def test_gates_not_met_stand_in_the_drawing_and_in_its_words() -> None:
    made = plot.path_diagram(fit(["R-hat 1.20 (allowed: below 1.01)"]))
    assert "GATE NOT MET: R-hat 1.20 (allowed: below 1.01)" in words(made.svg)
    assert "Gates not met: R-hat 1.20" in made.description


def test_a_part_is_drawn_alone() -> None:
    made = plot.path_diagram(fit(), only=["service", "trust"], labels={"trust": "confidence"})
    assert made.description == "Paths with 90% intervals: service → confidence 0.30 [0.21, 0.39]."


def test_the_same_fit_gives_the_same_file() -> None:
    assert plot.path_diagram(fit()).svg == plot.path_diagram(fit()).svg


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.path_diagram({}), "fit: received"),
        (lambda: plot.path_diagram(fit(), group="women"), "group: received 'women'"),
        (lambda: plot.path_diagram(fit(), only=["servce"]), "did you mean 'service'"),
        (lambda: plot.path_diagram(fit(), only=["service", "price"]), "only: received"),
        (lambda: plot.path_diagram(fit(), labels={"mood": "m"}), "labels"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
