"""Figures say what they show, fit their page and are the same every time."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from functools import cache
from itertools import combinations
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from numpy.testing import assert_allclose

import pycore as pc
from pycore import plot
from pycore.errors import InputError
from pycore.estimation.uniformity import of_ranks
from pycore.model.model import Model
from pycore.plot.direct_labels import spread
from pycore.plot.series import Z90

Drawn = tuple[Figure, Axes]


@cache
def model() -> Model:
    m = pc.Model("shop", period="week")
    m.segment("strong")
    m.segment("weak", 2)
    help_ = m.lever("customer_support")
    shock = m.draw("shock", pc.Normal(0, 1))
    rate = m.parameter("rate", 0.3, pc.Beta(3, 7), symbol="π", doc="rate of failures")
    long = "a sentence that is far too long to stand in a single row of any table of a book"
    m.parameter(
        "slope",
        0.5,
        pc.LogNormal(0.5, 0.4),
        symbol=r"\beta_{X}",
        unit="CNY per consumer-week",
        doc=long,
    )
    laws = (pc.Gamma(2, 1), pc.HalfNormal(1), pc.Exponential(2), pc.Uniform(0, 1))
    for k, law in enumerate(laws):
        m.parameter(f"other_{k}", 0.5, law, source="doi:10.1000/x")
    fail = m.event("failure", probability=rate)
    strain = m.state("emotional_exhaustion", unit="z", carry=0.8,
                     target=m["slope"] * (fail + shock) - help_)  # fmt: skip
    leave = m.event("leave", logit=strain - 4)
    m.stage("customer", {"engaged": {"gone": leave}}, absorbing="gone")
    m.record(fail, strain, leave)
    return m


SCENARIOS: dict[str, dict[str, float]] = {"base": {}, "support": {"customer_support": 1.0}}


@cache
def run() -> xr.Dataset:
    return pc.simulate(model(), consumers=2000, periods=12, seed=1, scenarios=SCENARIOS)


@cache
def drawn_run() -> xr.Dataset:
    return pc.simulate(model(), consumers=500, periods=12, seed=1, scenarios=SCENARIOS,
                       posterior={"rate": [0.1, 0.3, 0.5]})  # fmt: skip


@cache
def lived() -> xr.Dataset:
    return pc.trajectories(model(), ids=range(60), periods=12, seed=1)


@cache
def ranks() -> xr.Dataset:
    """Ranks of three posteriors, one of them too narrow."""
    rng = np.random.default_rng(1)
    truth = rng.normal(0, [1.0, 1.0, 2.0], (100, 3))
    found = (rng.standard_normal((100, 3, 99)) < truth[:, :, None]).sum(axis=2)
    return of_ranks(found, ["path_a", "path_b", "too_narrow"], 99)


def last(panels: tuple[Figure, list[Axes]]) -> Drawn:
    figure, axes = panels
    return figure, axes[-1]


@cache
def calibrated() -> xr.DataTree:
    target = {"leavers in three months": pc.Target(
        measure="share", stage="gone", value=0.3, error=0.03
    )}  # fmt: skip
    return pc.calibrate(model(), target, parameters=["rate"], consumers=1000, periods=12,
                        particles=150, seed=1)  # fmt: skip


SLOPES = pd.DataFrame(
    {"level": ["-1", "+0", "+1"], "mean": [0.7, 0.5, 0.48], "low": [0.6, 0.4, 0.3],
     "high": [0.8, 0.6, 0.6]}
)  # fmt: skip
IMPORTANCE = pd.DataFrame(
    [
        (cause, x, x - 0.05, x + 0.05, y, y - 1.5, y + 1.5)
        for cause, x, y in (("response_speed", 0.3, 41.0), ("openness", 0.29, 42.0),
                            ("brand_image", 0.28, 46.0), ("care", 0.45, 47.0),
                            ("user_experience", 0.33, 47.5), ("price_fairness", 0.2, 56.0))
    ],
    columns=["cause", *(f"{what}{end}" for what in ("importance", "performance")
                        for end in ("", "_low", "_high"))],
)  # fmt: skip
SENSITIVITY = pd.DataFrame(
    {"prior": [0.01, 0.2], "likelihood": [0.12, 0.03]}, index=["path_a", "path_b"]
)
NOT_A_RUN: Any = None
EFFECTS = pd.DataFrame(
    [
        ("direct", "failure → intention", 0.10, 0.02, 0.19),
        ("direct", "failure → exhaustion", 0.55, 0.48, 0.63),
        ("direct", "exhaustion → intention", -0.60, -0.68, -0.53),
        ("indirect", "failure → exhaustion → intention", -0.33, -0.40, -0.27),
        ("total", "failure → intention", -0.23, -0.33, -0.12),
    ],
    columns=["kind", "path", "mean", "low", "high"],
)
LEVERS = pd.DataFrame(
    {"lever": ["infrastructure", "customer_support"], "value": [1.2, 240.0],
     "low": [0.8, 150.0], "high": [1.7, 330.0]}
)  # fmt: skip
DOSES = pd.DataFrame(
    {"failures": [0, 4, 8] * 2, "left": [0.1, 0.2, 0.3, 0.1, 0.19, 0.29],
     "low": [0.08, 0.18, 0.28] * 2, "high": [0.12, 0.22, 0.32] * 2,
     "kind": ["technical"] * 3 + ["customer_service"] * 3}
)  # fmt: skip

FIGURES: dict[str, Callable[[], Drawn]] = {
    "share": lambda: plot.trajectory_fan(run(), "share", stage="gone", title="失敗 and leaving"),
    "mean": lambda: plot.trajectory_fan(
        run(),
        "emotional_exhaustion",
        title="Support lowers exhaustion week by week, and a title as long as this one is broken "
        "into lines that end where the page ends",
    ),
    "draws": lambda: plot.trajectory_fan(drawn_run(), "leave_rate"),
    "difference": lambda: plot.difference(pc.compare(run(), "support"), "share", stage="gone"),
    "pooled": lambda: plot.difference(
        pc.compare(pc.pool(drawn_run()), "support"), "emotional_exhaustion"
    ),
    "forest": lambda: plot.forest(EFFECTS, truth={"failure → exhaustion": 0.5}),
    "mediation": lambda: plot.mediation_bars(EFFECTS),
    "ranking": lambda: plot.ranking(LEVERS, unit="consumers kept per 1000 CNY"),
    "dose": lambda: plot.dose_response(DOSES, dose="failures", response="left", group="kind"),
    "lives": lambda: plot.lives(
        lived(), "emotional_exhaustion", events=["failure"], consumers=range(15)
    ),
    "priors": lambda: plot.priors(model()),
    "variance": lambda: plot.variance_split(drawn_run(), "share", stage="gone"),
    "variances": lambda: plot.variance_over_time(
        pc.variance_parts(drawn_run(), "share", stage="gone", population=200)
    ),
    "ranks": lambda: plot.rank_ecdf(ranks()),
    "rank panels": lambda: last(plot.rank_panels({f"model_{k}": ranks() for k in range(3)})),
    "published": lambda: plot.published_figures(calibrated()),
    "sensitivity": lambda: plot.sensitivity(SENSITIVITY),
    "slopes": lambda: plot.simple_slopes(SLOPES, cause="price", labels={"-1": "little habit"}),
    "importance": lambda: plot.importance_performance(IMPORTANCE, outcome="loyalty"),
}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def texts(figure: Figure) -> list[Text]:
    return [
        t for t in figure.findobj(Text)
        if isinstance(t, Text) and t.get_visible() and t.get_text().strip()
    ]  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_title_labels_numbers_and_words(name: str) -> None:
    figure, axes = FIGURES[name]()
    assert axes.get_title(loc="left")
    if name != "priors":
        assert axes.get_xlabel()
    if name in ("share", "mean", "draws", "difference", "pooled", "dose", "lives"):
        assert axes.get_ylabel()
    assert len(plot.table(figure)) > 0
    assert plot.alt_text(figure).endswith(".")
    assert axes.get_legend() is None or name == "lives", "lines are labelled directly"


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_leaves_the_page_and_no_labels_overlap(name: str) -> None:
    figure, axes = FIGURES[name]()
    figure.set_dpi(100)
    figure.canvas.draw()
    page = figure.bbox
    assert page.width == pytest.approx(740)
    placed = []
    for text in texts(figure):
        box = text.get_window_extent()
        tick = text in axes.get_xticklabels() + axes.get_yticklabels()
        if tick and (not axes.axison or not axes.bbox.expanded(1.02, 1.02).overlaps(
                box.expanded(1.3, 1.3))):  # fmt: skip
            continue  # ticks beyond the limits are not drawn
        assert page.x0 - 1 <= box.x0, text.get_text()
        assert box.x1 <= page.x1 + 1, text.get_text()
        assert page.y0 - 1 <= box.y0, text.get_text()
        assert box.y1 <= page.y1 + 1, text.get_text()
        if isinstance(text, Annotation) or text in axes.texts:
            placed.append((text, box))
    for (a, left), (b, right) in combinations(placed, 2):
        # The boxes of lines include ascenders and descenders: their inner part must stay free.
        overlap = left.expanded(0.98, 0.7).overlaps(right.expanded(0.98, 0.7))
        assert not overlap, (a.get_text(), b.get_text())


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_data_give_the_same_file(name: str) -> None:
    files = []
    for _ in range(2):
        figure, _ = FIGURES[name]()
        with plot.use(), io.BytesIO() as file:
            figure.savefig(file, format="svg", metadata={"Date": None})
            files.append(file.getvalue())
    assert files[0] == files[1]


def test_every_character_has_a_glyph(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="matplotlib"):
        figure, axes = FIGURES["mean"]()
        axes.set_title("直播電商的服務失敗 · Skuffelse og udmattelse: β ≤ −1%")
        figure.draw_without_rendering()
    assert caplog.messages == []


def test_the_style_ends_with_its_block() -> None:
    before = mpl.rcParams["font.family"], mpl.rcParams["svg.fonttype"]
    FIGURES["dose"]()
    assert (mpl.rcParams["font.family"], mpl.rcParams["svg.fonttype"]) == before


def test_bands_are_ninety_percent_monte_carlo_intervals() -> None:
    figure, axes = FIGURES["share"]()
    line, band = axes.lines[1], axes.collections[1]
    pooled = pc.pool(run()).sel(scenario="support", stage="gone", segment="all").isel(draw=0)
    assert_allclose(np.asarray(line.get_ydata()), pooled["share"])
    heights = np.asarray(band.get_paths()[0].vertices)[:, 1]
    assert heights.max() == pytest.approx(
        float((pooled["share"] + Z90 * pooled["share_mcse"]).max()), rel=1e-6
    )
    table = plot.table(figure)
    assert_allclose(table.loc[table["scenario"] == "support"].iloc[:, 2], pooled["share"])


def test_uncertainty_is_split_as_the_parts_of_the_variance() -> None:
    figure, _ = FIGURES["variance"]()
    row = plot.table(figure).set_index("scenario").loc["base"]
    end = pc.pool(drawn_run()).isel(period=-1, segment=0).sel(scenario="base", stage="gone")
    parts = pc.variance_parts(pc.pool(drawn_run()), "share", stage="gone")
    known = float(parts["parameter"].sel(scenario="base", segment="all").isel(period=-1))
    chance = float((end["share_mcse"] ** 2).mean())
    parameters, noise = row["parameters, sd (percentage points)"], row.iloc[1]
    assert parameters == pytest.approx(100 * np.sqrt(known))
    assert noise == pytest.approx(100 * np.sqrt(chance))


def test_labels_of_lines_follow_the_limits_of_the_axis() -> None:
    figure, axes = FIGURES["mean"]()
    axes.set_ylim(-100, 100)
    figure.canvas.draw()
    low, high = sorted(t.get_window_extent().y0 for t in axes.texts)
    assert (high - low) * 72 / figure.dpi == pytest.approx(12.5, abs=0.5)


def test_ranking_puts_the_best_first() -> None:
    figure, axes = FIGURES["ranking"]()
    assert plot.table(figure)["lever"].tolist() == ["customer_support", "infrastructure"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["customer support", "infrastructure"]


def test_lives_end_where_consumers_leave() -> None:
    _, axes = FIGURES["lives"]()
    stages = lived()["customer"].isel(scenario=0, period=-1, consumer=slice(0, 15)).values
    assert (stages == "gone").any(), "the example must contain one who leaves"
    said = [t.get_text() for t in axes.texts]
    assert said.count("gone") == int((stages == "gone").sum())


def test_labels_keep_order_and_distance_and_stay_where_they_can() -> None:
    assert spread([3.0, 1.0], 1.0) == [3.0, 1.0]
    got = spread([1.0, 1.0, 1.0], 2.0)
    assert got == [-1.0, 1.0, 3.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.trajectory_fan(run(), "share"), "stage"),
        (lambda: plot.trajectory_fan(run(), "shares"), "did you mean 'share'"),
        (lambda: plot.trajectory_fan(run(), "leave", stage="gone"), "not kept by stage"),
        (lambda: plot.trajectory_fan(run(), "leave", scenarios=["bse"]), "scenarios"),
        (lambda: plot.trajectory_fan(NOT_A_RUN, "leave"), "run"),
        (lambda: plot.difference(run(), "leave"), "pc.compare"),
        (lambda: plot.forest(EFFECTS, kind="indirekt"), "kind"),
        (lambda: plot.forest(EFFECTS, truth={"a → b": 1}), "path"),
        (lambda: plot.forest(EFFECTS.drop(columns="low")), "low"),
        (lambda: plot.mediation_bars(EFFECTS[EFFECTS["kind"] == "direct"]), "indirect"),
        (lambda: plot.ranking(LEVERS, value="worth"), "table"),
        (lambda: plot.dose_response(DOSES, dose="failures"), "response"),
        (lambda: plot.lives(lived(), "mood"), "state"),
        (lambda: plot.lives(lived(), "emotional_exhaustion", consumers=[1, 1]), "consumers"),
        (lambda: plot.priors(pc.Model("empty")), "parameters"),
        (lambda: plot.variance_split(run(), "share", stage="gone"), "draws"),
        (lambda: plot.variance_split(drawn_run(), "leave", period=99), "period"),
        (lambda: plot.rank_ecdf(NOT_A_RUN), "check"),
        (lambda: plot.rank_panels({"model": NOT_A_RUN}), "check"),
        (lambda: plot.rank_panels({}), "checks"),
        (lambda: plot.published_figures(NOT_A_RUN), "fit"),
        (lambda: plot.sensitivity(EFFECTS), "table"),
        (lambda: plot.importance_performance(EFFECTS), "table"),
        (lambda: plot.simple_slopes(SLOPES, reach=0), "reach"),
        (lambda: plot.simple_slopes(EFFECTS), "table"),
        (lambda: plot.variance_over_time(run()), "parts"),
        (lambda: plot.table(plt.figure()), "figure"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_gates_not_met_stand_under_every_figure_of_a_fit() -> None:
    """They go with the draws into tables of effects, simulations and what is made from these."""
    doubt = "R-hat 1.20 (allowed: below 1.01)"
    fit = xr.DataTree.from_dict({"posterior": xr.Dataset(
        {"rate": (("chain", "draw"), [[0.1, 0.3, 0.5]])})})  # fmt: skip
    fit.attrs["gates_failed"] = [doubt]
    made = pc.simulate(
        model(), consumers=500, periods=12, seed=1, scenarios=SCENARIOS, posterior=fit
    )
    effects = EFFECTS.copy()
    effects.attrs["gates_failed"] = [doubt]
    figures = [
        plot.forest(effects),
        plot.mediation_bars(effects),
        plot.trajectory_fan(pc.pool(made), "share", stage="gone"),
        plot.difference(pc.compare(made, "support"), "leave_rate"),
        plot.variance_split(made, "leave_rate"),
        plot.variance_over_time(pc.variance_parts(made, "leave_rate")),
    ]
    for figure, axes in figures:
        assert f"GATES NOT MET: {doubt}" in axes.get_xlabel().replace("\n", " ")
        assert plot.alt_text(figure).endswith(f"Gates not met: {doubt}.")
    figure, axes = plot.variance_split(drawn_run(), "leave_rate")
    assert "GATES" not in axes.get_xlabel() + plot.alt_text(figure)


def test_panels_share_a_figure_and_its_table() -> None:
    figure, (left, right) = plt.subplots(1, 2)
    plot.trajectory_fan(run(), "leave_rate", ax=left)
    plot.trajectory_fan(run(), "failure_rate", ax=right)
    assert len(plot.table(figure)) == 2 * 2 * 12


def test_a_table_of_effects_is_drawn_as_it_comes() -> None:
    """The columns of `pc.effects`: routes for single ways, ends for totals."""
    table = pd.DataFrame(
        {
            "cause": ["a", "a", "a", "a"],
            "effect": ["c", "c", "c", "c"],
            "kind": ["direct", "indirect", "all indirect", "total"],
            "route": ["a → c", "a → b → c", "", ""],
            "mean": [0.1, 0.3, 0.3, 0.4],
            "low": [0.0, 0.2, 0.2, 0.3],
            "high": [0.2, 0.4, 0.4, 0.5],
        }
    )
    _, axes = plot.mediation_bars(table)
    words = [t.get_text() for t in axes.get_yticklabels()]
    assert words == ["total", "direct", "by way of b"]
