"""Fits of event histories from a table to named results: recovery, refusals, what is said."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import pycore as pc
from pycore.estimation import EstimateWarning
from tests.histories import designs

h = pc.histories
# θ of the disengagement graph with one covariate: intercepts and slopes of the moves engaged →
# disappointed, disappointed → engaged, → exhausted, exhausted → gone; log rates of three stages.
TRUTH = np.array([-1.5, -1.0, -1.2, -1.8, 0.8, -0.5, 0.6, 0.4, 1.4, 0.3, -1.2])
OUTCOMES: dict[str, Any] = {"visits": "poisson"}


def template() -> Any:
    made = pd.DataFrame(
        {"consumer": [1, 1], "period": [1, 2], "visits": [1, 0], "failure": [-1.0, 1.0]}
    )
    return designs.design(made, designs.DISENGAGEMENT, OUTCOMES, ("failure",))


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return designs.simulated_panel(template(), TRUTH, 400, 25, 11)


@pytest.fixture(scope="module")
def maximum(panel: pd.DataFrame) -> xr.DataTree:
    return h.stages(
        panel, designs.DISENGAGEMENT, outcomes=OUTCOMES, covariates=["failure"], method="ml"
    )


def test_stages_are_recovered_from_their_own_panel(maximum: xr.DataTree) -> None:
    assert maximum.attrs["gates_passed"]
    found = maximum.estimates
    d = template()
    # Intercepts are at the panel's mean of a covariate that is standard normal but for chance.
    away = (found["slope"].sel(statistic="est").values.ravel() - TRUTH[4:8]) / found["slope"].sel(
        statistic="se").values.ravel()  # fmt: skip
    rates = np.exp(TRUTH[8:])
    level = found["visits"].sel(statistic="est").values
    z = (level[:3] - rates) / found["visits"].sel(statistic="se").values[:3]
    # Seven numbers within four standard errors: by chance missed once in 2 000 panels.
    assert np.abs([*away, *z]).max() < 4
    assert level[3] == 0
    assert list(found["move"].values) == d.move_labels
    # The shares that the truth itself would give, from which sampling error keeps estimates away.
    np.testing.assert_allclose(found["transition"].sel(statistic="est").sum("goal"), 1.0)


def test_recovery_of_states_beats_guessing(maximum: xr.DataTree, panel: pd.DataFrame) -> None:
    path = h.most_likely_path(maximum, panel)
    truth = panel.set_index(["consumer", "period"])["truth"].map(dict(enumerate(path_labels())))
    hit = (path == truth.reindex(path.index)).mean()
    smoothed = h.stage_probabilities(maximum, panel, draws=20)
    chance = smoothed["mean"].unstack("stage")[path_labels()]
    np.testing.assert_allclose(chance.sum(axis=1), 1.0)
    # Probabilities that mean what they say: the truth is hit as often as they promise.
    promised = chance.to_numpy().max(axis=1)
    best = np.array(path_labels())[chance.to_numpy().argmax(axis=1)]
    right = best == truth.reindex(chance.index).to_numpy()
    se = right.std() / np.sqrt(400)  # consumers are independent, their periods are not
    assert right.mean() == pytest.approx(promised.mean(), abs=4 * se)
    assert hit > 0.7
    assert ((smoothed["low"] <= smoothed["mean"]) & (smoothed["mean"] <= smoothed["high"])).all()


def path_labels() -> list[str]:
    return list(designs.DISENGAGEMENT)


def test_a_forecast_is_what_then_happens(maximum: xr.DataTree, panel: pd.DataFrame) -> None:
    early = panel[panel["period"] < 15]
    ahead = h.forecast(maximum, early, periods=10, covariates={"failure": 0.0}, draws=20)
    assert ahead["probability"].shape == (3, 400, 10, 4)
    np.testing.assert_allclose(ahead["probability"].sel(value="mean").sum("stage"), 1.0)
    # One step ahead the covariates are known.
    seen = panel[panel["period"] == 15].set_index("consumer")["visits"]
    expected = ahead["visits"].sel(value="mean", ahead=1).values
    se = np.std(seen.to_numpy() - expected) / np.sqrt(400)
    assert seen.mean() == pytest.approx(expected.mean(), abs=4 * se)
    gone = ahead["share"].sel(value="mean", stage="gone").values
    assert (np.diff(gone) > 0).all()


def test_platforms_are_pooled() -> None:
    data = designs.simulated_panel(template(), TRUTH, 120, 20, 3)
    data["platform"] = data["consumer"].map(lambda who: ("dou", "kuai", "red")[who % 3])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)  # few draws suffice here
        fit = h.stages(
            data, {"engaged": ["gone"], "gone": []}, outcomes=OUTCOMES, platform="platform",
            draws=200, tune=300, chains=2, seed=2, progress=False,
        )  # fmt: skip
    posterior = fit["posterior"]
    assert posterior["intercept"].dims == ("chain", "draw", "platform", "move")
    assert posterior["platform"].to_numpy().tolist() == ["dou", "kuai", "red"]
    assert fit.attrs["rhat"] < 1.1
    assert "looic" in fit["fit_measures"]
    text = str(h.summary(fit))
    assert "intercept_sd[engaged → gone]" in text
    assert ("GATES NOT MET" in text) == (not fit.attrs["gates_passed"])


def test_the_same_seed_gives_the_same_draws_and_a_file_keeps_them(tmp_path: Path) -> None:
    left = [1000, 631, 468, 382]

    def draw() -> xr.DataTree:
        return h.retention(left, seed=4, draws=500, chains=2, progress=False)

    one, two = draw(), draw()
    np.testing.assert_array_equal(one.posterior["alpha"], two.posterior["alpha"])
    one.to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    with xr.open_datatree(tmp_path / "fit.nc", engine="h5netcdf") as kept:
        assert str(h.summary(kept)) == str(h.summary(one))
        curve = h.retention_curve(kept, renewals=6)
    assert curve["mean"].is_monotonic_decreasing
    assert curve.loc[3, "mean"] == pytest.approx(0.382, abs=0.03)


def test_too_few_draws_are_called_so() -> None:
    with pytest.warns(EstimateWarning, match="effective sample"):
        fit = h.retention([100, 60, 50], seed=1, draws=50, tune=50, chains=1, progress=False)
    assert "GATES NOT MET" in str(h.summary(fit))


def test_a_hazard_is_events_over_time_and_a_slope_that_of_poisson_regression() -> None:
    from scipy.optimize import root

    rng = np.random.default_rng(6)
    x = rng.integers(0, 2, 300).astype(float)
    life = rng.exponential(4 / np.exp(0.7 * x))
    data = pd.DataFrame({
        "weeks": np.minimum(life, 6), "left": (life < 6).astype(int), "failure": x,
    })  # fmt: skip
    fit = h.survival(
        data, duration="weeks", event="left", cuts=[2, 4], covariates=["failure"], method="ml"
    )
    low, high = np.array([0, 2, 4]), np.array([2, 4, np.inf])
    exposed = np.clip(np.minimum(data["weeks"].to_numpy()[:, None], high) - low, 0, None)
    last = (data["weeks"].to_numpy()[:, None] > low) & (data["weeks"].to_numpy()[:, None] <= high)
    events = last * data["left"].to_numpy()[:, None]

    def score(p: Any) -> Any:
        rate = np.exp(p[:3] + p[3] * x[:, None]) * exposed
        return [*(events - rate).sum(axis=0), ((events - rate) * x[:, None]).sum()]

    exact = root(score, [-1.0, -1.0, -1.0, 0.0], tol=1e-12).x
    found = fit.estimates.sel(statistic="est")
    assert float(found["slope"][0]) == pytest.approx(exact[3], abs=1e-6)
    base = found["hazard"].values * np.exp(-exact[3] * x.mean())
    np.testing.assert_allclose(base, np.exp(exact[:3]), rtol=1e-6)
    curve = h.survival_curve(fit, [0, 2, 5], covariates={"failure": 1.0})
    assert curve["mean"].is_monotonic_decreasing
    by_hand = np.exp(-2 * np.exp(exact[0] + exact[3]))
    # The mean over draws of a curved function: off by half its curvature times the variance.
    assert curve.loc[2, "mean"] == pytest.approx(by_hand, abs=0.01)


def test_frailty_and_late_entry_are_recovered() -> None:
    rng = np.random.default_rng(9)
    groups, each = 250, 6
    frailty = np.repeat(rng.gamma(2, 0.5, groups), each)  # variance 0.5
    life = rng.exponential(5 / frailty)
    late = rng.random(groups * each) < 0.3
    # Whole groups are kept or not, as the model has it: all members were still there at entry.
    entry = np.where(late, 1.0, 0.0)
    there = np.repeat((life > entry).reshape(groups, each).all(axis=1), each)
    data = pd.DataFrame({
        "room": np.repeat(np.arange(groups), each), "from": entry, "weeks": np.minimum(life, 8),
        "left": (life < 8).astype(int),
    })[there]  # fmt: skip
    fit = h.survival(
        data, duration="weeks", event="left", entry="from", group="room", cuts=[3], method="ml"
    )
    for name, truth in (("frailty_variance", 0.5), ("hazard", 0.2)):
        found = fit.estimates[name]
        z = (found.sel(statistic="est") - truth) / found.sel(statistic="se")
        assert float(np.abs(z).max()) < 4, name
    curve = h.survival_curve(fit, [5.0])
    assert curve.loc[5.0, "mean"] > curve.loc[5.0, "typical"]  # the hardy are over-represented


def test_spells_of_one_life_say_what_the_life_says() -> None:
    rng = np.random.default_rng(10)
    room = np.arange(60) % 7
    life = rng.exponential(4 / rng.gamma(1, 1, 7)[room])
    whole = pd.DataFrame({
        "who": np.arange(60), "from": np.minimum(0.2, life / 2), "to": life,
        "left": (np.arange(60) % 3 > 0).astype(int), "room": room,
    })  # fmt: skip
    middle = (whole["from"] + whole["to"]) / 2
    split = pd.concat([whole.assign(to=middle, left=0), whole.assign(**{"from": middle})])
    made: dict[str, Any] = {
        "duration": "to", "event": "left", "entry": "from", "group": "room", "cuts": [2],
        "method": "ml", "consumer": "who",
    }  # fmt: skip
    one, two = h.survival(whole, **made), h.survival(split, **made)
    np.testing.assert_allclose(one.fit_measures["logl"], two.fit_measures["logl"], rtol=1e-12)


def test_purchases_are_counted_from_a_log() -> None:
    log = pd.DataFrame({"who": ["a", "a", "a", "b"], "day": [1, 4, 4, 2]})
    found = h.purchase_history(log, consumer="who", time="day", end=11)
    assert found.loc["a"].tolist() == [1, 3, 10]
    assert found.loc["b"].tolist() == [0, 0, 9]
    with pytest.raises(pc.InputError, match="end: received 3"):
        h.purchase_history(log, consumer="who", time="day", end=3)


def test_who_bought_lately_is_more_probably_alive() -> None:
    rng = np.random.default_rng(12)
    size = 600
    lasts, rate = rng.exponential(1 / rng.gamma(0.8, 0.1, size)), rng.gamma(0.6, 0.2, size)
    age = rng.uniform(20, 40, size)
    times = [
        np.sort(rng.uniform(0, m, rng.poisson(r * m)))
        for r, m in zip(rate, np.minimum(lasts, age), strict=True)
    ]
    data = pd.DataFrame({
        "frequency": [len(t) for t in times], "recency": [t[-1] if len(t) else 0.0 for t in times],
        "T": age,
    })  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)  # few draws suffice here
        fit = h.purchases(data, "Pareto/NBD", seed=1, draws=200, tune=200, chains=2, progress=False)
    truth = lasts > age
    found = h.alive(fit, data)
    se = np.sqrt((found["mean"] * (1 - found["mean"])).sum()) / size
    assert truth.mean() == pytest.approx(
        found["mean"].mean(), abs=4 * se + found.std()["mean"] * 0.05
    )
    two = pd.DataFrame({"frequency": [3, 3], "recency": [5.0, 29.0], "T": [30.0, 30.0]})
    early, late = h.alive(fit, two)["mean"]
    assert late > early
    more = h.expected_purchases(fit, two, periods=10)
    assert more["mean"].iloc[1] > more["mean"].iloc[0]


GOOD = pd.DataFrame({
    "consumer": [1, 1, 2, 2], "period": [1, 2, 1, 2], "visits": [1, 0, 2, 1],
    "failure": [0.0, 1.0, 0.5, 2.0], "platform": ["a", "a", "b", "b"],
})  # fmt: skip
CHAIN = {"engaged": ["gone"], "gone": []}


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        ({}, {"graph": {"engaged": ["lost"]}}, "received 'lost'"),
        ({}, {"outcomes": {"visit": "poisson"}}, "did you mean 'visits'"),
        ({}, {"outcomes": {"visits": "normal"}}, "allowed is one of bernoulli"),
        ({"visits": [1, 0, 2.5, 1]}, {}, "received .*2.5.*whole numbers"),
        ({"visits": [1, 0, 2, 1]}, {"outcomes": {"visits": "bernoulli"}}, "allowed is 0 and 1"),
        ({"period": [1, 1, 1, 2]}, {}, "consumer 1 twice in period 1"),
        ({"period": [1, 1_000_000, 1, 2]}, {}, "gaps of up to 999999"),
        ({"failure": [0.0, np.nan, 0.5, 2.0]}, {"covariates": ["failure"]}, "may not be missing"),
        ({"failure": [1.0, 1.0, 1.0, 1.0]}, {"covariates": ["failure"]}, "a covariate that varies"),
        ({"platform": list("abbb")}, {"platform": "platform", "method": "nuts"}, "two platforms"),
        ({}, {"platform": "platform"}, "needs a posterior"),
        ({}, {"priors": {"slop": pc.Normal(0, 1)}}, "received 'slop'"),
        ({}, {"priors": {"intercept": 3}}, "a distribution"),
        ({}, {"order": {"visits": "sideways"}}, "falling, rising, free"),
        ({}, {"graph": {"a": ["b"], "b": ["a"]}, "order": {"visits": "free"}}, "could change names"),
        ({}, {"method": "vb"}, "'nuts' or 'ml'"),
        ({}, {"start": "last"}, "'first' or 'free'"),
        ({}, {"threads": 0}, "threads: received 0"),
    ],
)  # fmt: skip
def test_a_panel_that_cannot_be_used_is_refused_by_name(
    change: dict[str, Any], options: dict[str, Any], says: str
) -> None:
    arguments = {"graph": CHAIN, "outcomes": OUTCOMES, "method": "ml", **options}
    with pytest.raises(pc.InputError, match=says):
        h.stages(GOOD.assign(**change), **arguments)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"frequency": [1.5, 2]}, "frequency.*whole numbers"),
        ({"recency": [9.0, 50.0]}, "times from 0 to T"),
        ({"frequency": [0, 2]}, "0 where frequency is 0"),
        ({"T": [np.nan, 30.0]}, "finite times above 0"),
    ],
)
def test_impossible_customers_are_refused(change: dict[str, Any], says: str) -> None:
    data = pd.DataFrame({"frequency": [1, 2], "recency": [9.0, 8.0], "T": [30.0, 30.0]})
    with pytest.raises(pc.InputError, match=says):
        h.purchases(data.assign(**change), method="ml")
    with pytest.raises(pc.InputError, match="a fit by"):
        h.alive(xr.DataTree(), data)


def test_data_that_cannot_tell_say_so() -> None:
    # Nobody ever comes back, so nothing speaks of the chance to leave after a purchase.
    data = pd.DataFrame(
        {"frequency": np.zeros(50), "recency": np.zeros(50), "T": np.linspace(9, 30, 50)}
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = h.purchases(data, "BG/NBD", method="ml")
    assert any(issubclass(w.category, EstimateWarning) for w in caught)
    assert "GATES NOT MET" in str(h.summary(fit))
