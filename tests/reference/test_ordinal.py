"""lavaan's WLSMV on public answers, and the ordered probit on the same."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pycore as pc
from pycore.estimation import EstimateWarning
from tests.reference import data

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "ordinal_bfi.json").read_text())


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return data.table("bfi_AN_500")[list(REFERENCE["loading"])]


@pytest.fixture(scope="module")
def model() -> pc.Model:
    return pc.Model.from_lavaan(REFERENCE["model"], std_lv=True)


def signed(found: Any, reference: dict[str, list[Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Loadings here and there; the sign of a factor is nobody's."""
    mine = np.array([float(found.sel(item=i, state=f)) for i, (f, *_) in reference.items()])
    theirs = np.array([est for _, est, _ in reference.values()])
    for factor in ("A", "N"):
        own = np.array([f == factor for f, *_ in reference.values()])
        mine[own] *= np.sign(mine[own] @ theirs[own])
    return mine, theirs


def test_weighted_least_squares_are_those_of_lavaan(answers: pd.DataFrame, model: Any) -> None:
    fit = pc.estimate(model, answers, ordinal=True, method="ml")
    loading = fit.estimates["std_loading"]
    mine, theirs = signed(loading.sel(statistic="est"), REFERENCE["loading"])
    np.testing.assert_allclose(mine, theirs, atol=1e-5)
    for item, (factor, _, se) in REFERENCE["loading"].items():
        found = loading.sel(statistic="se", item=item, state=factor)
        assert float(found) == pytest.approx(se, rel=1e-3)
    correlation = fit.estimates["std_state_covariance"].sel(state="A", state_="N")
    est, se = REFERENCE["correlation"]
    assert abs(float(correlation.sel(statistic="est"))) == pytest.approx(abs(est), abs=1e-5)
    assert float(correlation.sel(statistic="se")) == pytest.approx(se, rel=1e-3)
    for item, cuts in REFERENCE["threshold"].items():
        own = fit["polychoric"].sel(ordinal=item)
        np.testing.assert_allclose(own["std_threshold"], [t for t, _ in cuts], atol=1e-6)
        np.testing.assert_allclose(own["std_threshold_error"], [e for _, e in cuts], rtol=1e-3)
    for name, value in REFERENCE["fit"].items():
        assert float(fit.fit_measures[name]) == pytest.approx(value, rel=1e-4, abs=1e-4), name


def away(fit: Any) -> np.ndarray:
    """Loadings less lavaan's, in its standard errors."""
    errors = np.array([se for *_, se in REFERENCE["loading"].values()])
    found = fit.posterior["std_loading"].mean(("chain", "draw"))
    mine, theirs = signed(found, REFERENCE["loading"])
    away: np.ndarray = (mine - theirs) / errors
    return away


def test_the_pseudo_posterior_agrees_with_it(answers: pd.DataFrame, model: Any) -> None:
    fit = pc.estimate(model, answers, ordinal=True, method="laplace", latents="integrated", seed=1)
    assert (np.abs(away(fit)) < 0.5).all()
    errors = np.array([se for *_, se in REFERENCE["loading"].values()])
    spread = fit.posterior["std_loading"].std(("chain", "draw"))
    own = np.array([float(spread.sel(item=i, state=f)) for i, (f, *_) in
                    REFERENCE["loading"].items()])  # fmt: skip
    np.testing.assert_allclose(own, errors, rtol=0.15)


@pytest.mark.long
def test_the_ordered_probit_agrees_with_it(answers: pd.DataFrame, model: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)  # so few draws may miss a gate
        fit = pc.estimate(
            model, answers, ordinal=True, seed=1, draws=300, tune=300, chains=2, progress=False
        )
    # The model does not hold (χ² 189 on 34): full and limited information differ by more than
    # sampling, the more so for items that do not fit.
    assert (np.abs(away(fit)) < 2.5).all()
