"""Simulation-based calibration: truths from the prior, answers from the machine, ranks in the fit.

The models of the library are calibrated in :mod:`tests.calibration`.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pycore as pc
from pycore.errors import InputError
from pycore.estimation import EstimateWarning, importance_draws, sbc
from pycore.estimation.truths import Truths
from tests.estimation import designs


def taste() -> pc.Model:
    """A regression between scores: nothing in its estimate is approximate."""
    m = pc.Model("taste")
    met = m.trait("met", pc.Normal(0, 1))
    m.survey(met, ["MET"], points=0, error=0)
    own = m.trait("own", pc.Normal(0, m.parameter("spread", 1, pc.HalfNormal(1))))
    b = m.parameter("b", 0, pc.Normal(0, 0.5))
    m.survey(m.state("liked", carry=0, target=b * met + own), ["LIKED"], points=0, error=0)
    return m


SMALL: dict[str, Any] = {"respondents": 60, "burn_in": 1, "recall": 1, "draws": 150, "tune": 200}


def test_a_regression_is_calibrated() -> None:
    check = pc.calibration_check(taste(), replicates=20, seed=1, **SMALL)
    assert check["rank"].sizes["replicate"] == 20
    assert set(check["parameter"].values) == {"b", "spread"}
    assert float(check["p_value"].min()) > 1e-3
    z = (check["mean"] - check["truth"]) / check["sd"]
    assert float(z.std()) == pytest.approx(1, abs=0.5)
    assert bool((check["low"] <= check["high"]).all())
    assert bool((check["ess"] >= 50).all())
    assert bool((check["rhat"] < 1.1).all())


def test_what_is_ranked_are_the_draws_of_an_estimate() -> None:
    m = taste()
    data = pc.answers(m, respondents=60, seed=5, burn_in=1, recall=1)
    truths = Truths(m, None, "prior")
    fit = sbc._fitted(
        m, truths, data, method="nuts", draws=150, tune=200, chains=2, thinned=99, seed=7
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        known = pc.estimate(m, data, draws=150, tune=200, chains=2, seed=7, progress=False)
    for name, draws in fit.parameters.items():
        np.testing.assert_array_equal(draws, known["posterior"][name].values)


def test_weighted_draws_are_of_the_same_posterior() -> None:
    m = taste()
    few = SMALL | {"respondents": 30, "draws": 1000}
    weighted = pc.calibration_check(m, replicates=3, seed=1, method="importance", **few)
    chains = pc.calibration_check(m, replicates=3, seed=1, **few)
    np.testing.assert_array_equal(weighted["truth"], chains["truth"])
    assert bool(np.isnan(weighted["rhat"]).all())
    assert bool((weighted["ess"] > 600).all())
    apart = (weighted["mean"] - chains["mean"]) / chains["sd"]
    assert float(abs(apart).max()) < 4 * (2 / 600) ** 0.5
    assert float(abs(weighted["sd"] / chains["sd"] - 1).max()) < 0.15


def test_uneven_weights_leave_it_to_the_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance_draws, "_MOST_K", -10.0)
    check = pc.calibration_check(taste(), replicates=1, seed=1, method="importance", **SMALL)
    assert float(check["rhat"].item()) < 1.1


def test_recovery_stands_at_one_truth() -> None:
    check = pc.calibration_check(taste(), replicates=3, seed=1, truth="declared", **SMALL)
    assert check["truth"].sel(parameter="spread").values.tolist() == [1.0, 1.0, 1.0]
    assert len(set(check["mean"].sel(parameter="spread").values)) == 3


def test_lavaans_parameters_are_drawn_from_the_default_priors() -> None:
    """In units of the model: those of the data are not known before there are data."""
    m = pc.Model.from_lavaan("joy =~ x1 + x2 + x3\njoy ~ a*income\nx1 ~~ x2")
    check = pc.calibration_check(
        m, replicates=8, seed=3, method="importance", **(SMALL | {"respondents": 100})
    )
    assert {"a", "loading_x2", "variance_x1", "covariance_x1_x2"} <= set(check["parameter"].values)
    assert float(check["p_value"].min()) * check.sizes["parameter"] > 0.01
    assert float(check["truth"].sel(parameter="variance_x1").min()) > 0


def test_traits_that_covary_have_no_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    m = pc.Model.from_lavaan("one =~ x1 + x2 + x3\ntwo =~ y1 + y2 + y3")
    with pytest.raises(InputError, match=r"covariance of one and two.*independently"):
        pc.calibration_check(m, seed=1)
    monkeypatch.setattr(sbc, "_fitted", fitted)  # what is drawn and answered is asked here
    check = pc.calibration_check(
        m, replicates=1, seed=1, priors={"covariance_one_two": 0.0}, **SMALL
    )
    assert "covariance_one_two" not in check["parameter"].values


def fitted(model: pc.Model, truths: Truths, *_: object, **__: object) -> sbc._Fit:
    """In place of a fit that takes long."""
    return sbc._Fit({n: np.ones((2, 50)) for n in truths.names}, 0, 1.0, 100.0)


def test_what_cannot_be_checked_is_refused() -> None:
    m = designs.mediation()
    for arguments, message in (
        ({"replicates": 0}, "replicates"), ({"thinned": 1000}, "thinned"), ({"seed": -1}, "seed"),
        ({"priors": {"aa": 1.0}}, "priors"), ({"draws": 3}, "draws"), ({"progress": 2}, "progress"),
        ({"priors": dict.fromkeys(m.parameters.index, 0.5)}, "not held"), ({"tune": 1}, "tune"),
        ({"truth": "posterior"}, "truth"), ({"method": "laplace"}, "method"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            pc.calibration_check(m, **{"seed": 1, **arguments})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="survey items"):
        pc.calibration_check(pc.Model("bare"), seed=1)


def test_ctrl_c_keeps_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    done = 0

    def interrupted(model: pc.Model, truths: Truths, *rest: object, **named: object) -> sbc._Fit:
        nonlocal done
        done += 1
        if done > 11:
            raise KeyboardInterrupt
        return fitted(model, truths, *rest, **named)

    monkeypatch.setattr(sbc, "_fitted", interrupted)
    check = pc.calibration_check(
        designs.mediation(), replicates=20, respondents=30, seed=1, burn_in=1, recall=1,
        priors={"shield": 0.0},
    )  # fmt: skip
    assert check.attrs["partial"] == 1
    assert check["rank"].sizes["replicate"] == 11
