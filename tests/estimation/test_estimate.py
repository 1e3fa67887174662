"""Posteriors are where theory puts them, carry the promised names, and own up to bad draws."""

from __future__ import annotations

import _thread
import ctypes
import signal
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import pycore as pc
from pycore.errors import InputError
from pycore.estimation import (
    EstimateWarning,
    parameter_draws,
    summarise,
)
from pycore.estimation.sampling import _most, nuts
from tests.estimation import designs

CORR = [[1, 0.6], [0.6, 1]]


def regression() -> pc.Model:
    """One observed cause, one observed effect."""
    m = pc.Model("regression")
    cause = m.trait("cause", pc.Normal(0, 1))
    own = m.trait("own", pc.Normal(0, m.parameter("spread", 0.7)))
    effect = m.state("effect", carry=0.8, target=m.parameter("beta", 0.5) * cause + own)
    m.survey(cause, ["x"], points=0, error=0)
    m.survey(effect, ["y"], points=0, error=0)
    return m


@pytest.fixture(scope="module")
def fit() -> Any:
    data = pc.SummaryData(corr=CORR, mean=[1.0, 2.0], sd=[1.0, 2.0], n=400, names=["x", "y"])
    return pc.estimate(regression(), data, seed=1, chains=2)


def test_a_regression_has_the_posterior_of_the_textbook(fit: Any) -> None:
    beta = fit.posterior["beta"].values.ravel()
    # Slope 0.6·2/1, standard error 2·sqrt((1 − 0.36)/(400 − 2)); prior N(0, 0.7) shrinks it.
    error = 2 * np.sqrt(0.64 / 398)
    shrink = 0.7**2 / (0.7**2 + error**2)
    # Effective sample above 400: Monte Carlo sd of the mean below error/20; bound 4 sd.
    assert beta.mean() == pytest.approx(1.2 * shrink, abs=error / 5)
    assert beta.std() == pytest.approx(error * np.sqrt(shrink), rel=0.15)
    assert fit.posterior["intercept"].mean(("chain", "draw")).values == pytest.approx(
        [1.0, 2.0], abs=0.05
    )
    assert fit.posterior["std_path"].mean().values == pytest.approx(0.6 / 2, abs=0.02)
    assert float(fit.fit_measures["r2"].sel(state="effect")) == pytest.approx(0.36, abs=0.03)


def test_a_saturated_model_fits(fit: Any) -> None:
    assert float(fit.fit_measures["srmr"]) < 0.02
    # Saturated: observed and replicated misfit are alike, up to 500 replicates and the prior.
    assert 0.3 < float(fit.fit_measures["ppp"]) < 0.7


def test_results_have_the_promised_names(fit: Any) -> None:
    dims = {
        "path": ("effect", "cause"), "loading": ("item", "state"), "intercept": ("item",),
        "item_variance": ("item",), "item_covariance": ("item", "item_"),
        "state_covariance": ("state", "state_"),
    }  # fmt: skip
    for name, rest in dims.items():
        assert fit.posterior[name].dims == ("chain", "draw", *rest)
        assert fit.posterior[f"std_{name}"].dims == ("chain", "draw", *rest)
    assert fit.posterior["beta"].dims == ("chain", "draw")
    path = fit.posterior["path"].sel(effect="effect", cause="cause")
    np.testing.assert_array_equal(path.values, fit.posterior["beta"].values)
    assert (fit.posterior["item_variance"] == 0).all()
    assert fit.attrs["gates_passed"] == 1
    assert fit.attrs["ess_bulk"] >= 400
    psi = fit.posterior["state_covariance"].sel(state="effect", state_="effect")
    np.testing.assert_allclose(psi.values, fit.posterior["spread"].values ** 2, rtol=1e-12)


def test_the_same_seed_gives_the_same_draws() -> None:
    data = pc.SummaryData(corr=CORR, n=100, names=["x", "y"])
    options: dict[str, Any] = {"draws": 300, "tune": 200, "chains": 2, "seed": 3}
    with warnings.catch_warnings():
        # 600 draws may miss the gate of 400 effective ones; this test is about something else.
        warnings.simplefilter("ignore", EstimateWarning)
        one, two = (pc.estimate(regression(), data, **options) for _ in range(2))
    np.testing.assert_array_equal(one.posterior["beta"].values, two.posterior["beta"].values)
    assert "intercept" not in one.posterior


@pytest.mark.parametrize(
    ("options", "message", "kind"),
    [
        ({"method": "guess"}, "method: received 'guess'", InputError),
        ({"seed": None}, "seed: received None", InputError),
        ({"seed": None, "method": "laplace"}, "seed: received None", InputError),
        ({"equal": ("slopes",)}, "equal: received 'slopes'", InputError),
        ({"method": "ml", "priors": "blavaan"}, "priors: received 'blavaan'", InputError),
        ({"draws": 0}, "draws: received 0", InputError),
        ({"chains": True}, "chains: received True", InputError),
        ({"seed": -1}, "seed: received -1", InputError),
        ({"progress": "bar"}, "progress: received 'bar'", InputError),
        ({"priors": {"gamma": 1.0}}, "priors: received 'gamma'", InputError),
        ({"priors": {"beta": "wide"}}, "priors.'beta'.: received 'wide'", InputError),
        ({"priors": "stan"}, "priors: received 'stan'", InputError),
        ({"group": "country"}, "group: received 'country'", InputError),
    ],
)
def test_impossible_requests_are_refused_before_work(
    options: dict[str, Any], message: str, kind: type[Exception]
) -> None:
    data = pc.SummaryData(corr=CORR, n=100, names=["x", "y"])
    with pytest.raises(kind, match=message):
        pc.estimate(regression(), data, **{"seed": 1, **options})


def test_a_parameter_may_not_be_named_like_a_result() -> None:
    m = pc.Model("clash")
    cause = m.trait("cause", pc.Normal(0, 1))
    effect = m.state("effect", target=m.parameter("path", 0.5) * cause, noise=0.5)
    m.survey(cause, ["x"], points=0, error=0)
    m.survey(effect, ["y"], points=0, error=0)
    with pytest.raises(InputError, match="parameter: received 'path'"):
        pc.estimate(m, pc.SummaryData(corr=CORR, n=100, names=["x", "y"]), seed=1)


def test_parameters_that_data_cannot_tell_apart_are_named_and_can_be_held() -> None:
    m = pc.Model("product")
    cause = m.trait("cause", pc.Normal(0, 1))
    strength = m.parameter("strength", 0.5) * m.parameter("context", 1.0, pc.Normal(1, 0.2))
    own = m.trait("own", pc.Normal(0, m.parameter("spread", 0.7)))
    effect = m.state("effect", carry=0.8, target=strength * cause + own)
    m.survey(cause, ["x"], points=0, error=0)
    m.survey(effect, ["y"], points=0, error=0)
    data = pc.SummaryData(corr=CORR, n=200, names=["x", "y"])
    with pytest.warns(EstimateWarning) as caught:
        loose = pc.estimate(m, data, seed=1, chains=2, draws=200, tune=200)
    assert "cannot tell apart strength, context" in str(caught[0].message)
    assert loose.attrs["unidentified"] == ["strength", "context"]
    held = pc.estimate(m, data, seed=1, chains=2, priors={"context": 2.0})
    assert float(held.posterior["strength"].mean()) == pytest.approx(0.3, abs=0.02)
    assert "context" not in held.posterior


def test_bad_draws_say_so() -> None:
    data = pc.SummaryData(corr=CORR, n=100, names=["x", "y"])
    with pytest.warns(EstimateWarning, match="do not meet the gates: .*effective sample"):
        short = pc.estimate(regression(), data, seed=1, draws=60, tune=100, chains=2)
    text = str(summarise(short))
    assert "GATES NOT MET" in text.splitlines()[1]
    assert short.attrs["gates_passed"] == 0


def test_an_interrupted_run_keeps_what_it_has_and_says_so() -> None:
    # A shell without job control starts its background jobs with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    data = pc.SummaryData(corr=CORR, n=100, names=["x", "y"])
    sent: list[int] = []

    def watch(done: int, total: int) -> None:
        if done > 1500 and not sent:
            sent.append(done)
            _thread.interrupt_main()

    try:
        with pytest.warns(EstimateWarning, match="interrupted before the last draw"):
            part = pc.estimate(
                regression(), data, seed=1, draws=200_000, tune=100, chains=1, progress=watch
            )
    finally:
        signal.signal(signal.SIGINT, before)
    assert part.attrs["partial"] == 1
    assert 50 <= part.posterior.sizes["draw"] < 200_000
    assert np.isfinite(part.posterior["beta"].values).all()


@pytest.mark.parametrize(
    ("lengths", "chains", "draws"),
    [
        ([900, 0, 0, 0], [0], 900), ([0, 900, 300, 500], [1, 3], 500), ([49, 12], [0], 0),
        ([70, 60, 49, 80], [0, 1, 3], 60), ([900, 900], [0, 1], 900),
    ],
)  # fmt: skip
def test_an_interrupted_run_keeps_the_chains_that_make_most_draws(
    lengths: list[int], chains: list[int], draws: int
) -> None:
    steps = (np.arange(900) < np.array(lengths)[:, None]).astype(np.uint64) * 7
    kept, count = _most(steps)
    assert count == draws
    assert not draws or kept.tolist() == chains


def thread_states() -> int:
    """How many threads Python holds a state of."""
    api = ctypes.pythonapi
    head, following = api.PyInterpreterState_ThreadHead, api.PyThreadState_Next
    api.PyInterpreterState_Get.restype = head.restype = following.restype = ctypes.c_void_p
    head.argtypes = following.argtypes = [ctypes.c_void_p]
    state, count = head(api.PyInterpreterState_Get()), 0
    while state is not None:
        state, count = following(state), count + 1
    return count


def test_threads_of_the_sampler_leave_nothing_behind() -> None:
    before = thread_states()
    during: list[int] = []

    def density(z: Any) -> tuple[float, Any]:
        during.append(thread_states())
        return -0.5 * float(z @ z), -z

    def start(seed: int) -> Any:
        return np.random.default_rng(seed).normal(size=3)

    nuts(density, start, 3, draws=100, tune=100, chains=2, seed=1, progress=False)
    assert max(during) > before
    give_up = time.monotonic() + 10
    while thread_states() > before and time.monotonic() < give_up:
        time.sleep(0.01)
    assert thread_states() == before


def test_draws_for_a_simulation_stay_joint(fit: Any) -> None:
    drawn = parameter_draws(fit, 50, seed=2)
    assert set(drawn) == {"beta", "spread"}
    pairs = set(
        zip(fit.posterior["beta"].values.ravel(), fit.posterior["spread"].values.ravel(),
            strict=True)
    )  # fmt: skip
    assert all(p in pairs for p in zip(drawn["beta"], drawn["spread"], strict=True))
    np.testing.assert_array_equal(drawn["beta"], parameter_draws(fit, 50, seed=2)["beta"])
    with pytest.raises(InputError, match="draws: received 0"):
        parameter_draws(fit, 0, seed=1)


def test_priors_are_checked_before_any_data() -> None:
    m = designs.mediation(points=7)
    check = pc.prior_check(m, seed=1, draws=200)
    assert check["answer_share"].shape == (200, 9, 7)
    np.testing.assert_allclose(check["answer_share"].sum("category"), 1.0)
    wide = pc.prior_check(m, seed=1, draws=200, priors="blavaan")
    assert wide.attrs["too_wide"] > check.attrs["too_wide"]
    with pytest.raises(InputError, match="fixed: received 'fame'"):
        pc.prior_check(m, seed=1, traits={"fame": 1.0})


@pytest.mark.parametrize("form", ["netcdf", "zarr"])
def test_a_fit_survives_a_file(fit: Any, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"fit.{form}"
    if form == "netcdf":
        fit.to_netcdf(path)
    else:
        fit.to_zarr(path, consolidated=False)
    options: dict[str, Any] = {"engine": "zarr", "consolidated": False} if form == "zarr" else {}
    with xr.open_datatree(path, **options) as read:
        assert str(summarise(read)) == str(summarise(fit))
        np.testing.assert_array_equal(
            parameter_draws(read, 5, seed=1)["beta"], parameter_draws(fit, 5, seed=1)["beta"]
        )
        pd.testing.assert_frame_equal(pc.effects(read), pc.effects(fit))


@pytest.mark.slow
def test_moderation_is_recovered_from_two_groups() -> None:
    m = designs.mediation()
    data = designs.two_reputations(m, 800, 11)
    made = pc.estimate(
        m, data, group="reputation", seed=1, draws=600, tune=500, chains=2, progress=False
    )
    truth = {n: m.parameters.loc[n, "value"] for n in ("a", "b", "c", "shield")}
    table = summarise(made, probability=0.99).table
    for name, value in truth.items():
        assert table.loc[name, "low"] < value < table.loc[name, "high"], name
    path = made.posterior["path"].sel(effect="strain", cause="service_failure")
    assert path.dims == ("chain", "draw", "group")
    weak, strong = path.mean(("chain", "draw")).values
    assert weak > strong
    effects = pc.effects(made, effect="leaving", cause="service_failure")
    assert set(effects["group"]) == {-1.0, 1.0}


@pytest.mark.slow
def test_gaps_cost_precision_not_truth() -> None:
    m = designs.mediation()
    data = designs.respondents(m, 600, 12)
    options: dict[str, Any] = {"draws": 500, "tune": 500, "chains": 2, "seed": 1,
                               "priors": {"shield": 0.0}}  # fmt: skip
    with warnings.catch_warnings():
        # Sampled intercepts mix more slowly; 1000 draws serve a comparison of means and spreads.
        warnings.simplefilter("ignore", EstimateWarning)
        whole = pc.estimate(m, data, **options)
        gaps = pc.estimate(m, designs.with_gaps(data, 0.4, 13), **options)
    a, b = (f.posterior["a"].values.ravel() for f in (whole, gaps))
    assert b.std() > a.std()
    # Same respondents: the estimates differ by less than the information lost.
    lost = np.sqrt(b.var() - a.var())
    assert abs(a.mean() - b.mean()) < 4 * lost + 0.01
    assert gaps["constant_data"].sizes["unit"] == 4


@pytest.mark.slow
def test_other_groups_have_parameters_of_their_own() -> None:
    m = designs.mediation()
    here = designs.respondents(m, 400, 14, a=0.8).assign(country="here")
    there = designs.respondents(m, 400, 15, a=0.2).assign(country="there")
    data = pd.concat([here, there], ignore_index=True)
    made = pc.estimate(
        m, data, group="country", seed=1, draws=500, tune=500, chains=2, priors={"shield": 0.0},
        equal=("loadings",),
    )  # fmt: skip
    a = made.posterior["a"]
    assert a.dims == ("chain", "draw", "group")
    assert float(a.sel(group="here").mean()) == pytest.approx(0.8, abs=0.2)
    assert float(a.sel(group="there").mean()) == pytest.approx(0.2, abs=0.2)
    with pytest.raises(InputError, match="differs between groups"):
        parameter_draws(made, 10, seed=1)
