"""Published results of buy-till-you-die models."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Literal

import pandas as pd
import pytest

import pycore as pc

HERE = Path(__file__).parent
EXACT = json.loads((HERE / "btyd_cdnow.json").read_text(encoding="utf-8"))
SHARED = HERE.parents[2] / "shared" / "data" / "cdnow_customers_summary.csv"


def cdnow() -> pd.DataFrame:
    """The sample as the package lifetimes ships it (its table is read, the package not imported)."""
    spec = importlib.util.find_spec("lifetimes")
    if spec is not None and spec.origin is not None:
        shipped = Path(spec.origin).parent / "datasets" / "cdnow_customers_summary.csv"
        if shipped.exists():
            return pd.read_csv(shipped)
    if SHARED.exists():
        return pd.read_csv(SHARED)
    pytest.skip("the CDNOW sample is not here: neither the package lifetimes nor ../shared/data")


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


@pytest.mark.parametrize(
    ("remaining", "alpha", "beta"),
    [
        ([1000, 631, 468, 382, 326, 289, 262, 241], 0.704, 1.182),
        ([1000, 869, 743, 653, 593, 551, 517, 491], 0.668, 3.806),
    ],
    ids=["regular", "high end"],
)
def test_retention_of_two_published_cohorts(
    remaining: list[float], alpha: float, beta: float
) -> None:
    """Fader and Hardie (2007), How to project customer retention, doi:10.1002/dir.20074."""
    found = pc.histories.retention(remaining, method="ml").estimates.sel(statistic="est")
    assert float(found["alpha"]) == pytest.approx(alpha, abs=5.1e-4)
    assert float(found["beta"]) == pytest.approx(beta, abs=5.1e-4)
