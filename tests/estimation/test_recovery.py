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
