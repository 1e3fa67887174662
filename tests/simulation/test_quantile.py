"""Quantiles from histograms hold their bound, and their Monte Carlo error is the scatter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pycore as pc
from pycore.errors import InputError
from pycore.program import interpret
from pycore.program.compile import compile_model
from tests.models import two_platforms

SHARES = [0.0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0]


def waiting(spacing: Any, bins: tuple[float, float, int]) -> pc.Model:
    """A log-normal wait, zero for a third of the consumers."""
    m = pc.Model("waiting")
    busy = m.event("busy", probability=0.7)
    wait = m.define("wait", busy * m.draw("service", pc.LogNormal(mean=20, sigma=1.2), unit="min"))
    m.record(wait, bins=bins, spacing=spacing, resolution=2.0**-8)
    return m


@pytest.mark.parametrize(
    ("spacing", "bins"),
    [("equal", (-1.0, 2000.0, 4096)), ("equal", (0.0, 3000.0, 7)), ("log", (0.01, 1e4, 700)),
     ("log", (0.3, 1e5, 11))],
)  # fmt: skip
def test_the_quantile_of_the_lives_is_within_the_bound(
    spacing: str, bins: tuple[float, float, int]
) -> None:
    model = waiting(spacing, bins)
    run = pc.simulate(model, consumers=3000, periods=3, seed=2)
    lives = pc.trajectories(model, ids=range(3000), periods=3, seed=2)["wait"].values[0]
    found = pc.quantile(run, "wait", SHARES).squeeze(["scenario", "draw", "segment"])
    for period in range(3):
        # NumPy's "inverted_cdf" is the definition that the docstring gives.
        true = np.quantile(lives[:, period].astype(float), SHARES, method="inverted_cdf")
        at = found.isel(period=period)
        value, bound = at["value"].values, at["bound"].values
        finite = np.isfinite(value)
        assert (np.abs(value - true)[finite] <= bound[finite]).all()
        assert (true[value == -np.inf] < bins[0] * (1 + 1e-6)).all()
        assert finite[4:].all()
        if spacing == "log":
            assert (bound[finite] / value[finite] < np.log(bins[1] / bins[0]) / bins[2]).all()
    assert finite.all() == (spacing == "equal")


def test_log_bins_are_the_oracles_bit_for_bit() -> None:
    model = waiting("log", (0.01, 1e4, 700))
    program = compile_model(model)
    table = np.zeros((1, 0), dtype=np.float32)
    counts, segments = np.asarray([5000], np.uint64), np.asarray([0], np.uint32)
    from pycore import _core

    expected = interpret.run(program, [table], counts, segments, 4, 5, 9)
    for isa in _core.isas():
        got = _core.run(program.to_core(), [table], counts, segments, 4, 5, 9, isa=isa)
        np.testing.assert_array_equal(got, expected)
    cells = expected[..., program.offsets["wait:histogram"] :].sum(axis=(0, 1, 2))
    assert cells.sum() == 25_000
    assert 0.2 < cells[0] / 25_000 < 0.4  # nobody waits, which is below every bin
    assert cells[-1] == 0


def test_spacing_survives_json_and_leaves_other_models_alone() -> None:
    model = waiting("log", (0.01, 1e4, 700))
    again = pc.Model.from_json(model.to_json())
    assert again.records["wait"].spacing == "log"
    assert compile_model(again).digest == compile_model(model).digest
    assert "spacing" not in two_platforms().to_json()


def test_the_error_is_the_scatter_over_seeds() -> None:
    model = waiting("log", (0.01, 1e4, 200))
    found = [
        pc.quantile(pc.simulate(model, consumers=8000, periods=1, seed=s), "wait", [0.5, 0.9])
        for s in range(60)
    ]
    for k in range(2):
        values = np.array([f["value"].values.ravel()[k] for f in found])
        stated = np.mean([f["mcse"].values.ravel()[k] for f in found])
        # Bins 7 % wide add the variance of a uniform of that width.
        width = 2 * np.mean([f["bound"].values.ravel()[k] for f in found])
        expected = np.hypot(stated, width / np.sqrt(12))
        assert 0.6 < np.std(values, ddof=1) / expected < 1.5


def test_stages_segments_and_scenarios_have_quantiles_of_their_own() -> None:
    run = pc.simulate(
        two_platforms(), consumers=4000, periods=6, seed=3,
        scenarios={"base": {}, "support": {"support": 2.0}},
    )  # fmt: skip
    found = pc.quantile(run, "anger", 0.5)
    assert set(found["value"].dims) == {
        "scenario", "draw", "segment", "period", "stage", "quantile",
    }  # fmt: skip
    last = found["value"].sel(stage="active").isel(period=-1)
    assert (last.sel(scenario="support") <= last.sel(scenario="base")).all()
    pooled = pc.quantile(pc.pool(run), "anger", 0.5)
    assert pooled["segment"].values.tolist() == ["all"]
    # Nobody has left before the first period is over, in a model where nobody can.
    assert not found["value"].sel(stage="active").isnull().any()


def test_no_consumers_have_no_quantile() -> None:
    run = pc.simulate(two_platforms(), consumers=3, periods=2, seed=3)
    found = pc.quantile(run, "anger", 0.5)
    empty = run["anger_histogram"].sum("anger_bin") == 0
    assert bool(empty.any())
    np.testing.assert_array_equal(
        found["value"].isnull().squeeze("quantile").transpose(*empty.dims), empty
    )


@pytest.mark.parametrize(
    ("quantity", "q", "message"),
    [
        ("angr", 0.5, r"quantity: received 'angr'.*did you mean 'anger'"),
        ("fails", 0.5, r"quantity: received 'fails'"),
        ("anger", 1.5, r"q: received 1.5"),
        ("anger", [0.5, float("nan")], r"q: received"),
    ],
)
def test_unusable_questions_are_named(quantity: str, q: Any, message: str) -> None:
    run = pc.simulate(two_platforms(), consumers=10, periods=1, seed=3)
    with pytest.raises(InputError, match=message):
        pc.quantile(run, quantity, q)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bins": (0.0, 1.0, 5), "spacing": "log"}, r"bins: received \(0.0.*low of at least"),
        ({"spacing": "log"}, r"bins: received None"),
        ({"bins": (1.0, 2.0, 5), "spacing": "ln"}, r"spacing: received 'ln'"),
    ],
)
def test_unusable_bins_are_named(arguments: dict[str, Any], message: str) -> None:
    m = pc.Model("wait")
    x = m.draw("x", pc.Normal(0, 1))
    with pytest.raises(InputError, match=message):
        m.record(x, **arguments)
