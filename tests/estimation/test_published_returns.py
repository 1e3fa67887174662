"""The returns of a shop from three printed figures, and a fourth that was not used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import pycore as pc
from pycore.facts import get

DAYS = 10
# The study prints the share returned on the first day as 3.47% of orders and as 51.06% of returns,
# which is 3.59%: figures for one quantity differ by 3.4%, so each is taken to be known to 1.7%.
RELATIVE = 0.017


def delay(run: xr.Dataset, moment: int) -> Any:
    count = run["regret_count"].isel(scenario=0, segment=0)
    return (count * run["period"] ** moment).sum("period") / count.sum("period")


def mean_delay(run: xr.Dataset) -> Any:
    return delay(run, 1)


def printed() -> dict[str, tuple[float, str]]:
    """Figures read in the full text, with their citations."""
    count, orders = get("gong2022_returns_count"), get("gong2022_regret_return_rate_10d")
    first, part = get("gong2022_day1_return_rate"), get("gong2022_day1_share_of_returns")
    mean = get("gong2022_mean_return_delay")
    for fact in (count, orders, first, part, mean):
        assert fact.confidence == "seen_full_text"
    returned = count.value / orders.n
    return {
        "returned": (returned, count.cite(short=True)),
        "first day": ((first.value + part.value * returned) / 2, first.cite(short=True)),
        "delay": (mean.value, mean.cite(short=True)),
    }


def targets() -> dict[str, pc.Target]:
    measure: dict[str, dict[str, Any]] = {
        "returned": {"measure": "share", "stage": "returned", "period": DAYS},
        "first day": {"measure": "share", "stage": "returned", "period": 1},
        "delay": {"measure": mean_delay},
    }
    return {
        name: pc.Target(**measure[name], value=value, error=RELATIVE * value, source=source)
        for name, (value, source) in printed().items()
    }


def test_the_figures_are_those_of_the_store() -> None:
    assert get("gong2022_regret_return_rate_10d").value == pytest.approx(
        printed()["returned"][0], abs=0.0005
    )
    assert printed()["first day"][0] == pytest.approx(0.0353, abs=5e-5)


@pytest.mark.long
@pytest.mark.reference
def test_three_figures_give_three_parameters_and_nearly_the_fourth_figure() -> None:
    m = pc.library.regret_returns()
    fit = pc.calibrate(m, targets(), consumers=120_000, periods=DAYS, particles=120, seed=1)
    assert fit.attrs["gates_passed"], fit.attrs["gates_failed"]
    assert (np.abs(fit["targets"]["z"]) < 1).all()
    assert (fit["learned"]["contraction"] > 0.9).all()
    # What the equations say without simulation: hazards that give the figures exactly.
    draws = {n: fit.posterior[n].values.ravel() for n in m.parameters.index}
    for name, exact in (("second_day", -4.757), ("first_day", 1.449), ("fading", 0.2246)):
        assert draws[name].mean() == pytest.approx(exact, abs=1.5 * draws[name].std()), name
    # Regret is keenest on the first day and fades: signs with near certainty.
    assert (draws["first_day"] > 0).mean() > 0.999
    assert (draws["fading"] > 0).mean() > 0.999
    # Not used: the sd of the delay, printed as 2.514 days.  The straight line gives a little less.
    run = pc.simulate(m, consumers=100_000, periods=DAYS, seed=1, posterior=fit, draws=100)
    sd = np.sqrt(delay(run, 2) - delay(run, 1) ** 2)
    seen = get("gong2022_mean_return_delay").uncertainty
    assert seen is not None
    assert float(sd.mean()) == pytest.approx(seen["sd"], rel=0.05)
