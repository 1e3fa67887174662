"""Stages of consumers whom the C++ machine lived, recovered from what they were seen to do.

One test of both implementations: the machine moves consumers by the events of a model; the forward
algorithm, which shares no code with it, estimates the logits of those events from purchases alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pycore as pc

pytestmark = pytest.mark.statistical

# Logits of the events and their slopes by the failure of the period; chance to buy by stage.
INTERCEPT = {
    "engaged → disappointed": -2.2,
    "disappointed → exhausted": -1.8,
    "exhausted → gone": -1.6,
}
SLOPE = {"engaged → disappointed": 1.2, "disappointed → exhausted": 0.9, "exhausted → gone": 0.5}
BUY = (0.85, 0.45, 0.12)


def disengaging() -> pc.Model:
    """Three steps down, each pushed by failure; who is how far down buys less."""
    m = pc.Model("disengaging")
    failure = m.draw("failure", pc.Normal(0, 1))
    step = m.state("step")  # how far down, at the beginning of the period
    bought = m.event("bought", probability=pc.table(step, [0, 1, 2], list(BUY)))
    events = [
        m.event(name, logit=INTERCEPT[move] + SLOPE[move] * failure)
        for name, move in zip(("lets_down", "wears_out", "leaves"), INTERCEPT, strict=True)
    ]
    down = pc.where(step < 0.5, events[0], pc.where(step < 1.5, events[1], 0))
    m.update(step, carry=1, increment=down)
    stages = ("engaged", "disappointed", "exhausted")
    goals = (*stages[1:], "gone")
    m.stage(
        "customer",
        {a: {b: e} for a, b, e in zip(stages, goals, events, strict=True)},
        absorbing="gone",
    )
    m.record(bought)
    return m


def test_the_machine_and_the_forward_algorithm_mean_the_same() -> None:
    model, consumers, periods = disengaging(), 2500, 30
    lives = pc.trajectories(model, ids=range(consumers), periods=periods, seed=5).isel(scenario=0)
    bought, failure = lives["bought"].values, lives["failure"].values
    # Service goes on failing those who have left: a covariate that ended with them would tell.
    gone = np.random.default_rng(1).standard_normal(failure.shape)
    data = pd.DataFrame({
        "consumer": np.repeat(np.arange(consumers), periods),
        "period": np.tile(np.arange(periods), consumers),
        # Who has left is not seen to leave: she just buys no more.
        "bought": np.nan_to_num(bought).ravel().astype(int),
        "failure": np.where(np.isnan(failure), gone, failure).ravel(),
    })  # fmt: skip
    fit = pc.histories.stages(
        data, model, outcomes={"bought": "bernoulli"}, covariates=["failure"], method="ml", seed=1
    )
    assert fit.attrs["gates_passed"]
    est, se = (fit.estimates.sel(statistic=s) for s in ("est", "se"))
    assert list(est["move"].values) == list(INTERCEPT)
    mean = data["failure"].mean()  # intercepts are at the average covariate
    away = []
    for move, slope in SLOPE.items():
        at = {"move": move}
        away.append((est["slope"].sel(at).item() - slope) / se["slope"].sel(at).item())
        truth = INTERCEPT[move] + slope * mean
        away.append((est["intercept"].sel(at).item() - truth) / se["intercept"].sel(at).item())
    away += list((est["bought"].values[:3] - BUY) / se["bought"].values[:3])
    # Nine numbers within four standard errors: by chance missed once in 1 800 runs.
    assert np.abs(away).max() < 4, away
    # And who was where: the machine's own stage is the one at the end of the period.
    path = pc.histories.most_likely_path(fit, data).to_numpy().reshape(consumers, periods)
    ends = lives["customer"].values
    assert (path[:, 1:] == ends[:, :-1]).mean() > 0.75
