"""Answers of a simulated population, estimated, give the parameters back.

The answers come from the simulation (seven-point items of states averaged over 26 weeks), the
estimate goes through the long-run form: agreement tests the bridge between the two.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import pycore as pc
from pycore.estimation import EstimateWarning, summarise
from tests.estimation import designs

pytestmark = [pytest.mark.slow, pytest.mark.statistical]


def test_intervals_hold_the_truth_at_their_rate() -> None:
    m = designs.mediation()
    held = {"shield": 0.0}
    names = ["a", "b", "c", "sd_strain", "sd_leaving"]
    inside = []
    for seed in range(10):
        data = designs.respondents(m, 300, 100 + seed, shield=0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EstimateWarning)  # 500 draws suffice for an interval
            fit = pc.estimate(
                m, data, seed=seed, draws=250, tune=300, chains=2, priors=held, progress=False
            )
        table = summarise(fit).table.loc[names]
        truth = m.parameters.loc[names, "value"]
        inside.append(((table.low < truth) & (truth < table.high)).to_numpy())
    # 50 intervals at 90%: sd of the share 4.2% if independent; correlation within a fit (a and c,
    # b and c) at most doubles the variance.  Bound 3 sd.
    assert np.mean(inside) > 0.90 - 3 * 0.042 * np.sqrt(2)


@pytest.mark.long
def test_the_disengagement_model_is_recovered_from_its_own_answers() -> None:
    m = pc.library.disengagement()
    values = m.parameters["value"]
    # Sub-kinds of a failure share one perceived failure, and the context and the support lever do
    # not vary in the survey: their parameters are held, not estimated.
    held = {n: float(values[n]) for n in values.index if n.startswith("severity_")}
    held |= {n: float(values[n]) for n in ("context_shift", "support_relief", "support_softening")}
    data = pc.answers(m, respondents=1500, seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)  # 600 draws suffice for an interval
        fit = pc.estimate(
            m, data, group="segment", seed=1, draws=300, tune=350, chains=2, priors=held,
            progress=False,
        )  # fmt: skip
    table = summarise(fit).table
    truth = values[table.index]
    inside = (table.low < truth) & (truth < table.high)
    assert len(table) == 20
    # 20 intervals at 90%: fewer than 14 inside has probability 0.2%.
    assert int(inside.sum()) >= 14
    away = ((table["mean"] - truth) / table["sd"]).abs()
    assert away.max() < 4
    # What the chapter rests on has the right sign with near certainty.
    for name in ("exhaustion_by_disappointment", "intention_by_exhaustion", "reputation_shield"):
        assert table.loc[name, "low"] > 0
    effects = pc.effects(fit, effect="discontinuance_intention", cause="disappointment")
    assert {"direct", "indirect", "total"} <= set(effects["kind"])
    assert fit.attrs["unidentified"] == []
