"""What is computed from a posterior: reliability, prediction, checks, sensitivity."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import pycore as pc
from pycore.errors import InputError
from pycore.estimation import EstimateWarning
from pycore.estimation.fitted import fitted
from pycore.estimation.predict import _line
from pycore.estimation.sample import answer_line
from tests.estimation import designs


@functools.cache
def survey(points: int = 0) -> tuple[pc.Model, pd.DataFrame, xr.DataTree]:
    m = designs.mediation(points)
    data = (
        designs.respondents(m, 400, 5)
        if points == 0
        else pc.answers(m, respondents=400, seed=5, burn_in=20, recall=40)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)  # 400 draws suffice here
        fit = pc.estimate(m, data, seed=1, draws=200, tune=300, chains=2, priors={"shield": 0.3})
    return m, data, fit


def test_reliability_is_that_of_the_items() -> None:
    _, data, fit = survey()
    table = pc.reliability(fit).set_index(["state", "measure"])
    for state, letter in (("service_failure", "f"), ("strain", "s"), ("leaving", "l")):
        items = data[[f"{letter}{k}" for k in (1, 2, 3)]]
        spread = np.cov(items.T)
        alpha = 1.5 * (1 - np.trace(spread) / spread.sum())
        row = table.loc[(state, "alpha")]
        assert row["low"] < alpha < row["high"]
        # Loadings .8 to 1.1 are nearly equal, so α is just below ω; AVE is a single item's share.
        assert 0 < table.loc[(state, "omega"), "mean"] - row["mean"] < 0.02
        assert table.loc[(state, "ave"), "mean"] < row["mean"]
    assert len(table) == 9


def test_htmt_is_the_correlation_of_states_where_the_model_holds() -> None:
    _, data, fit = survey()
    table = pc.htmt(fit).set_index(["state", "other"])
    f = fitted(fit)
    sd = np.sqrt(np.diagonal(f.latent, axis1=1, axis2=2))
    for (one, other), row in table.iterrows():
        i, j = f.latents.index(one), f.latents.index(other)
        latent = np.abs(f.latent[:, i, j] / sd[:, i] / sd[:, j]).mean()
        assert row["mean"] == pytest.approx(latent, abs=0.02)
    # The same ratio from the table itself.
    size = data.corr().abs().to_numpy()
    across = size[3:6, 6:9].mean()
    inside = [size[k : k + 3, k : k + 3][np.triu_indices(3, 1)].mean() for k in (3, 6)]
    seen = across / np.sqrt(np.prod(inside))
    row = table.loc[("strain", "leaving")]
    assert row["low"] < seen < row["high"]


def test_explained_shares_agree_with_the_fit() -> None:
    _, _, fit = survey()
    table = pc.r_squared(fit).set_index("state")
    expected = fit["fit_measures"]["r2"]
    for state in table.index:
        assert table.loc[state, "mean"] == pytest.approx(float(expected.sel(state=state)), rel=1e-6)


def test_predicted_states_are_the_regression_of_factor_scores() -> None:
    """Against brute force: condition the joint normal of one draw by hand."""
    _, data, fit = survey()
    rows = data.head(4).copy()
    rows.loc[rows.index[1], ["s1", "s2"]] = np.nan
    found = pc.predict(fit, rows, draws=200, seed=1)
    f = fitted(fit, None, np.linspace(0, 399, 200).round().astype(int))
    assert f.level is not None
    centres, spreads = [], []
    for d in range(200):
        joint = np.block([
            [f.latent[d], f.latent[d] @ f.loading[d].T],
            [f.loading[d] @ f.latent[d], f.covariance[d]],
        ])  # fmt: skip
        seen = 3 + np.flatnonzero(rows.iloc[1].notna())
        gain = joint[:3, seen] @ np.linalg.inv(joint[np.ix_(seen, seen)])
        centres.append(gain @ (rows.iloc[1].to_numpy()[seen - 3] - f.level[d, seen - 3]))
        spreads.append(np.diag(joint[:3, :3] - gain @ joint[seen, :3]))
    expected = np.mean(centres, axis=0)
    sd = np.sqrt(np.mean(spreads, axis=0) + np.var(centres, axis=0))
    got = found["score_mean"].isel(respondent=1).values
    np.testing.assert_allclose((got - expected) / sd, 0, atol=4 / np.sqrt(200))
    np.testing.assert_allclose(
        found["score_sd"].isel(respondent=1).values / sd, 1, atol=4 / np.sqrt(400)
    )
    drawn = found["answer"].isel(respondent=1).notnull().all("draw")
    assert [str(i) for i in found["item"].values[drawn.values]] == ["s1", "s2"]


@pytest.mark.parametrize("points", [0, 7])
def test_held_out_answers_fall_into_their_intervals(points: int) -> None:
    m, _, fit = survey(points)
    new = (
        designs.respondents(m, 300, 77)
        if points == 0
        else pc.answers(m, respondents=300, seed=77, burn_in=20, recall=40)
    )
    hidden = ["l1", "l2", "l3"]
    told = new[[c for c in m.items if c not in hidden]]
    found = pc.predict(fit, told, draws=200, seed=2)["answer"].sel(item=hidden)
    low, high = found.quantile([0.05, 0.95], dim="draw").values
    real = new[hidden].to_numpy()
    inside = ((low <= real) & (real <= high)).mean()
    # 300 respondents, three items that go together: sd about 1.4%; categories only widen.
    assert 0.90 - 0.045 < inside < (0.945 if points == 0 else 0.99)
    # And they say something: the error is smaller than that of saying the mean to everybody.
    miss = np.square(found.mean("draw").values - real).mean()
    assert miss < 0.75 * real.var(axis=0).mean()


def test_the_line_of_the_answers_is_found_again_from_what_a_fit_keeps() -> None:
    m, data, _ = survey(7)
    for name in ("f1", "l2"):
        answers = data[name].to_numpy(dtype=float)
        intercept, slope = answer_line(m.items[name], answers.mean(), answers.std())
        kept = _line(m.items[name], intercept + slope * answers.mean(), slope * answers.std())
        np.testing.assert_allclose(kept, (intercept, slope), rtol=1e-5)


def test_an_item_that_the_model_gets_wrong_stands_out() -> None:
    m, data, fit = survey()
    good = pc.item_check(fit, seed=1)
    assert ((good["p"] > 0.005) & (good["p"] < 0.995)).all()
    spoiled = data.copy()
    shared = np.random.default_rng(1).normal(0, 0.8, len(data))
    spoiled["f3"] += shared
    spoiled["l3"] += shared  # what no state of the model can say
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        fit = pc.estimate(m, spoiled, seed=1, draws=200, tune=300, chains=2, priors={"shield": 0.3})
    table = pc.item_check(fit, seed=1)
    pairs = table[table["statistic"] == "correlation"].set_index(["item", "other"])
    assert pairs["p"].idxmin() == ("f3", "l3")
    assert pairs.loc[("f3", "l3"), "p"] < 0.005


def test_sensitivity_is_that_of_a_conjugate_normal() -> None:
    """Posterior normal(m, s²), prior normal(0, t²): to the power a the precision gains (a − 1)/t²."""
    rng = np.random.default_rng(1)
    centre, sd, tau = 0.8, 0.3, 0.5
    m = pc.Model("one")
    met = m.trait("met", pc.Normal(0, 1))
    m.survey(met, ["MET"], points=0, error=0)
    own = m.trait("own", pc.Normal(0, 1))
    b = m.parameter("b", 0, pc.Normal(0, tau))
    m.survey(m.state("liked", carry=0, target=b * met + own), ["LIKED"], points=0, error=0)
    draws = rng.normal(centre, sd, (4, 1000))
    wide = {"chain": 4, "draw": 1000}

    def constant(name: str, value: Any, *dims: str) -> tuple[tuple[str, ...], np.ndarray]:
        array = np.asarray(value, dtype=float)
        return (*wide, *dims), np.broadcast_to(array, (4, 1000, *array.shape)).copy()

    path = np.zeros((4, 1000, 1, 2))
    path[..., 0, 1] = draws
    posterior = xr.Dataset(
        {
            "b": (("chain", "draw"), draws),
            "path": ((*wide, "effect", "cause"), path),
            "loading": constant("loading", [[0, 1], [1, 0]], "item", "state"),
            "state_covariance": constant("state_covariance", np.eye(2), "state", "state_"),
            "item_covariance": constant("item_covariance", np.zeros((2, 2)), "item", "item_"),
        },
        coords={"effect": ["liked"], "cause": ["liked", "met"], "state": ["liked", "met"],
                "state_": ["liked", "met"], "item": ["MET", "LIKED"], "item_": ["MET", "LIKED"]},
        attrs={"parameters": ["b"]},
    )  # fmt: skip
    n = 1 / sd**2 - 1 / tau**2  # one unit of precision per respondent
    cov = np.array([[1, centre * n / (n + 1 / tau**2)], [0, 1.0]])
    cov[1, 0] = cov[0, 1]
    data = xr.Dataset(
        {"n": ("unit", [n]), "group": ("unit", ["all"]), "mean": (("unit", "item"), np.zeros((1, 2))),
         "covariance": (("unit", "item", "item_"), cov[None]),
         "observed": (("unit", "item"), np.ones((1, 2), bool))},
        coords={"item": ["MET", "LIKED"], "item_": ["MET", "LIKED"]},
    )  # fmt: skip
    prior = xr.Dataset({"log_prior": (("chain", "draw"), -0.5 * (draws / tau) ** 2)})
    fit = xr.DataTree.from_dict(
        {"posterior": posterior, "constant_data": data, "sample_stats": prior}
    )
    fit.attrs = {"model_json": m.to_json()}
    table = pc.prior_sensitivity(fit)
    for word, power in (("weaker", 0.5), ("stronger", 2.0)):
        precision = 1 / sd**2 + (power - 1) / tau**2
        expected = centre / sd**2 / precision
        assert table.loc["b", f"mean_{word}"] == pytest.approx(expected, abs=0.03)
        assert table.attrs[f"pareto_k_{word}"] < 0.7
    # A prior as strong as a third of the posterior's precision, two sds away: it is felt.
    assert table.loc["b", "prior"] > 0.05
    assert table.loc["b", "diagnosis"] == "prior and data disagree"


def test_a_weak_prior_is_not_felt_and_a_strong_one_is() -> None:
    m, data, fit = survey()
    weak = pc.prior_sensitivity(fit)
    assert (weak["prior"] < 0.05).all()
    assert (weak["diagnosis"] == "").all()
    tight = {"shield": 0.3, "a": pc.Normal(0, 0.05)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        narrow = pc.estimate(m, data, seed=1, draws=200, tune=300, chains=2, priors=tight)
    table = pc.prior_sensitivity(narrow)
    assert table["prior"].idxmax() == "a"
    assert table.loc["a", "diagnosis"] == "prior and data disagree"


def test_groups_are_reported_one_by_one() -> None:
    m = designs.mediation()
    data = designs.two_reputations(m, 200, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        fit = pc.estimate(m, data, group="reputation", seed=1, draws=150, tune=250, chains=2)
    assert set(pc.reliability(fit)["group"]) == {-1.0, 1.0}
    assert len(pc.r_squared(fit)) == 4
    assert set(pc.item_check(fit, seed=1)["group"]) == {-1.0, 1.0}
    found = pc.predict(fit, data.iloc[[0, 250]][["reputation", "f1", "f2"]], draws=50, seed=1)
    assert found["score"].notnull().all()
    names = {"sd_strain", "sd_leaving", "shield", "a", "b", "c"}
    assert set(pc.prior_sensitivity(fit).index) == names
    with pytest.raises(InputError, match="table"):
        pc.predict(fit, data[["f1"]], seed=1)


def test_what_cannot_be_reported_is_refused() -> None:
    _, data, fit = survey()
    older = fit.copy()
    older["sample_stats"] = fit["sample_stats"].to_dataset().drop_vars("log_prior")
    for call, message in (
        (lambda: pc.prior_sensitivity(older), "fit: received .* this version"),
        (lambda: pc.predict(fit, data.assign(x=1), seed=1), "table"),
        (lambda: pc.predict(fit, pd.DataFrame(index=[0]), seed=1), "table"),
        (lambda: pc.predict(fit, data.assign(f1=np.inf), seed=1), "infinite"),
        (lambda: pc.predict(fit, data, draws=10_000, seed=1), "draws"),
        (lambda: pc.predict(survey(7)[2], data.abs() + 9.5, seed=1), "whole answers from 1 to 7"),
        (lambda: pc.reliability(fit, probability=1), "probability"),
        (lambda: pc.reliability({}), "fit"),
        (lambda: pc.prior_sensitivity(fit, powers=(0.5, 0.9)), "powers"),
        (lambda: pc.item_check(fit, draws=1, seed=1), "draws"),
        (lambda: fitted(fit, "a"), "group"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            call()


def test_states_with_means_are_predicted_around_them() -> None:
    """Equal intercepts, so the second group's trait has a mean of its own."""
    rng = np.random.default_rng(8)
    shop = np.repeat(["old", "new"], 500)
    joy = rng.standard_normal(1000) + np.where(shop == "new", 1.0, 0.0)
    answers = joy[:, None] * [1, 0.8, 1.2] + rng.standard_normal((1000, 3)) * 0.5 + [3, 2, 4]
    data = pd.DataFrame(answers, columns=["a", "b", "c"]).assign(shop=shop)
    m = pc.Model.from_lavaan("joy =~ a + b + c")
    fit = pc.estimate(m, data, group="shop", equal=("loadings", "intercepts"), method="laplace",
                      draws=200, chains=2, seed=1)  # fmt: skip
    level = fitted(fit, "new").level
    assert level is not None
    np.testing.assert_allclose(level.mean(axis=0), answers[500:].mean(axis=0), atol=0.1)
    scores = pc.predict(fit, data, draws=50, seed=1)["score_mean"].sel(state="joy").values
    assert np.corrcoef(scores, joy)[0, 1] > 0.9
    assert scores[500:].mean() - scores[:500].mean() == pytest.approx(1, abs=0.2)
    checked = pc.item_check(fit, seed=1).set_index("statistic").loc["mean"]
    assert checked["p"].between(0.02, 0.98).all()
    assert (pc.prior_sensitivity(fit)["diagnosis"] != "prior and data disagree").all()
