"""Published correlation tables, estimated: the printed paths come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pycore as pc
from pycore import facts

STUDIES: dict[str, tuple[Callable[[], pc.Model], Callable[[], Any], float]] = {
    # model, table, tolerance: the tables print three decimals (live streaming) and four
    # (expectation–confirmation), and the printed paths come from partial least squares.
    "live streaming": (pc.library.live_streaming_drivers, facts.gao2023, 0.01),
    "expectation confirmation": (pc.library.expectation_confirmation, facts.zhang2017_ecm, 0.005),
}


@pytest.fixture(scope="module", params=STUDIES, ids=lambda name: name.replace(" ", "_"))
def study(request: pytest.FixtureRequest) -> tuple[Any, Any, float]:
    build, table, tolerance = STUDIES[request.param]
    printed = table()
    data = pc.SummaryData(corr=printed.correlation, n=printed.n, names=printed.names)
    fit = pc.estimate(build(), data, draws=1000, chains=4, seed=1, progress=False)
    return printed, fit, tolerance


@pytest.mark.slow
def test_every_printed_path_comes_back(study: tuple[Any, Any, float]) -> None:
    printed, fit, tolerance = study
    mean = fit["posterior"]["path"].mean(("chain", "draw"))
    effects = set(mean.coords["effect"].values)
    checked = 0
    for (effect, cause), value in printed.paths.items():
        if effect not in effects or cause not in set(mean.coords["cause"].values):
            continue
        found = float(mean.sel(effect=effect, cause=cause))
        assert abs(found - value) <= tolerance, f"{cause} → {effect}: {found:.4f}, printed {value}"
        checked += 1
    assert checked == {"gao2023": 11, "zhang2017_ecm": 4}[printed.key]


@pytest.mark.slow
def test_the_estimate_passes_its_gates(study: tuple[Any, Any, float]) -> None:
    _, fit, _ = study
    assert fit.attrs["gates_passed"], fit.attrs["gates_failed"]
    assert fit.attrs["rhat"] < 1.01
    assert fit.attrs["divergences"] == 0
