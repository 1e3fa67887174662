"""Published results of buy-till-you-die models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln

import pycore as pc
from tests.reference.data import table

HERE = Path(__file__).parent
EXACT = json.loads((HERE / "btyd_cdnow.json").read_text(encoding="utf-8"))


def cdnow() -> pd.DataFrame:
    """The sample of Fader, Hardie and Lee (2005)."""
    return table("cdnow_customers_summary")


@pytest.mark.parametrize("model", ["BG/NBD", "Pareto/NBD"])
def test_cdnow_gives_the_exact_maximum(model: Literal["BG/NBD", "Pareto/NBD"]) -> None:
    fit = pc.histories.purchases(cdnow(), model, method="ml")
    exact = EXACT[model]
    assert float(fit["fit_measures"]["logl"]) == pytest.approx(exact["logl"], abs=1e-3)
    for name, variable in fit["estimates"].data_vars.items():
        found = float(variable.sel(statistic="est"))
        assert found == pytest.approx(exact[str(name)], rel=1e-3), name


def test_a_customer_of_the_article_is_expected_to_buy_as_often() -> None:
    # Fader, Hardie and Lee (2005): x = 2, last in week 30.43 of 38.86, the next 39 weeks: 1.226.
    fit = pc.histories.purchases(cdnow(), "BG/NBD", method="ml")
    one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    # Around the maximum the expectation is curved: its mean is 1 % away at most.
    assert pc.histories.expected_purchases(fit, one, periods=39)["mean"].item() == pytest.approx(
        1.226, rel=0.01
    )


def test_retention_of_a_published_cohort_is_the_maximum() -> None:
    """The high-end customers of Fader and Hardie (2007), doi:10.1002/dir.20074; SciPy's maximum."""
    remaining = np.array([1000, 869, 743, 653, 593, 551, 517, 491])

    def minus_logl(theta: NDArray[np.float64]) -> float:
        alpha, beta = np.exp(theta)
        year = np.arange(1, remaining.size)
        left = betaln(alpha + 1, beta + year - 1) - betaln(alpha, beta)
        stayed = betaln(alpha, beta + year[-1]) - betaln(alpha, beta)
        return -float(-np.diff(remaining) @ left + remaining[-1] * stayed)

    best = np.exp(minimize(minus_logl, [0.0, 1.0], method="BFGS").x)
    found = pc.histories.retention(remaining.tolist(), method="ml").estimates.sel(statistic="est")
    assert [float(found["alpha"]), float(found["beta"])] == pytest.approx(list(best), rel=1e-3)
