"""Simulation-based calibration: truths from the prior, answers from the machine, ranks in the fit.

The models are asked for observed scores (nothing is estimated between state and item) of lives that
are remembered for long, so that what the population lives by and what is estimated are one model.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

import pycore as pc
from pycore.errors import InputError
from pycore.model.serialize import from_json
from tests.estimation import designs


def observed(model: pc.Model) -> pc.Model:
    """The model with one exact score per state in place of its items."""
    data = json.loads(model.to_json())
    first = {i["measures"]: i for i in reversed(data["items"])}
    data["items"] = [
        {**first[name], "points": 0, "error": 0.0, "loading": 1.0, "intercept": 0.0,
         "thresholds": []}
        for name in dict.fromkeys(i["measures"] for i in data["items"])
    ]  # fmt: skip
    return from_json(json.dumps(data))


def require_calibrated(check: xr.Dataset, replicates: int) -> None:
    assert check["rank"].sizes["replicate"] == replicates
    p = check["p_value"]
    low = {
        str(n): float(v) for n, v in zip(p["parameter"].values, p.values, strict=True) if v < 1e-3
    }
    assert not low, f"posteriors that are not calibrated: {low}"


def test_a_regression_is_calibrated() -> None:
    """Nothing in it is approximate."""
    m = pc.Model("taste")
    met = m.trait("met", pc.Normal(0, 1))
    m.survey(met, ["MET"], points=0, error=0)
    own = m.trait("own", pc.Normal(0, m.parameter("spread", 1, pc.HalfNormal(1))))
    b = m.parameter("b", 0, pc.Normal(0, 0.5))
    m.survey(m.state("liked", carry=0, target=b * met + own), ["LIKED"], points=0, error=0)
    check = pc.calibration_check(
        m, replicates=20, respondents=60, seed=1, burn_in=1, recall=1, draws=150, tune=200
    )
    require_calibrated(check, 20)
    assert set(check["parameter"].values) == {"b", "spread"}
    z = (check["mean"] - check["truth"]) / check["sd"]
    assert float(z.std()) == pytest.approx(1, abs=0.5)
    assert bool((check["low"] <= check["high"]).all())


@pytest.mark.slow
@pytest.mark.statistical
def test_expectation_and_confirmation_is_calibrated() -> None:
    check = pc.calibration_check(
        pc.library.expectation_confirmation(), replicates=20, respondents=150, seed=2,
        burn_in=80, recall=20, draws=150, tune=250,
    )  # fmt: skip
    require_calibrated(check, 20)


DESIGNS: dict[str, Callable[[], tuple[pc.Model, dict[str, float]]]] = {
    "expectation_confirmation": lambda: (pc.library.expectation_confirmation(), {}),
    "live_streaming_drivers": lambda: (pc.library.live_streaming_drivers(), {}),
    "mediation": lambda: (observed(designs.mediation()), {"shield": 0.0}),
    "disengagement": lambda: (observed(pc.library.disengagement()), held()),
    "disengagement_five": lambda: (observed(pc.library.disengagement("five")), held("five")),
}


def held(taxonomy: str = "three") -> dict[str, float]:
    """What chance within a life and linearised terms hang on, and what answers do not tell apart."""
    m = pc.library.disengagement(taxonomy)  # type: ignore[arg-type]
    values = m.parameters["value"]
    loose = ("severity_", "spread_", "logit_", "loss_", "ai_", "inflation", "asymmetry", "context",
             "support_", "prevention_")  # fmt: skip
    return {n: float(values[n]) for n in values.index if n.startswith(loose)}


@pytest.mark.long
@pytest.mark.statistical
@pytest.mark.parametrize("name", DESIGNS)
def test_every_model_of_the_library_is_calibrated(name: str) -> None:
    model, priors = DESIGNS[name]()
    check = pc.calibration_check(
        model, replicates=100, respondents=250, seed=3, priors=priors, burn_in=200, recall=400,
        draws=200, tune=300,
    )  # fmt: skip
    require_calibrated(check, 100)
    inside = check["coverage"].values
    # 90% intervals over 100 replicates: sd 3%, and the worst of a handful.
    assert inside.min() > 0.90 - 4.5 * 0.03


def test_what_cannot_be_checked_is_refused() -> None:
    m = designs.mediation()
    for arguments, message in (
        ({"replicates": 0}, "replicates"), ({"thinned": 1000}, "thinned"), ({"seed": -1}, "seed"),
        ({"priors": {"aa": 1.0}}, "priors"), ({"draws": 3}, "draws"), ({"progress": 2}, "progress"),
        ({"priors": dict.fromkeys(m.parameters.index, 0.5)}, "not held"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            pc.calibration_check(m, **{"seed": 1, **arguments})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="survey items"):
        pc.calibration_check(pc.Model("bare"), seed=1)


def test_ctrl_c_keeps_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    from pycore.estimation import sbc

    done = 0

    def ranked(fit: object, truth: dict[str, float], chosen: np.ndarray) -> dict[str, object]:
        nonlocal done
        done += 1
        if done > 11:
            raise KeyboardInterrupt
        return {"rhat": 1.0, "divergences": 0, **{n: (done, v, v, 1.0) for n, v in truth.items()}}

    monkeypatch.setattr(sbc, "_ranked", ranked)
    monkeypatch.setattr(sbc, "estimate", lambda *_, **__: None)
    check = pc.calibration_check(
        designs.mediation(), replicates=20, respondents=30, seed=1, burn_in=1, recall=1,
        priors={"shield": 0.0},
    )  # fmt: skip
    assert check.attrs["partial"] == 1
    assert check["rank"].sizes["replicate"] == 11
