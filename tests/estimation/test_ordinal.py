"""Ordinal items through their polychoric correlations, and what is refused of answers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pycore as pc
from pycore.errors import InputError
from pycore.estimation import EstimateWarning, summarise
from pycore.estimation.limited_information import fit_limited, limited_density
from pycore.estimation.specification import make_plan
from pycore.estimation.survey import anchors, read_survey
from tests.estimation import surveys


@pytest.fixture(scope="module")
def answered() -> tuple[pc.Model, pd.DataFrame]:
    m = surveys.short()
    return m, surveys.drawn(m, 2000, 4)


def test_least_squares_give_the_parameters_back(answered: Any) -> None:
    m, data = answered
    fit = pc.estimate(m, data, ordinal=True, method="ml")
    for name in ("pull", "spread"):
        est, se = fit.estimates[name].sel(statistic=["est", "se"]).values
        assert abs(est - m.parameters.loc[name, "value"]) < 4 * se, name
    assert fit.fit_measures["pvalue_scaled"] > 0.001
    assert "limited information" in str(summarise(fit))
    total = fit.estimates["std_loading"].sel(statistic="est").values ** 2
    error = fit.estimates["std_item_variance"].sel(statistic="est").values
    np.testing.assert_allclose(total.sum(axis=1) + error, 1, atol=1e-9)


@pytest.mark.long
def test_errors_are_those_of_repeated_surveys() -> None:
    m = surveys.short()
    everybody = surveys.drawn(m, 9000, 9)
    standardised, raw = [], []
    for k in range(30):
        fit = pc.estimate(m, everybody[k * 300 : (k + 1) * 300].reset_index(drop=True),
                          ordinal=True, method="ml")  # fmt: skip
        at = {"effect": "strain", "cause": "failure"}
        standardised.append(fit.estimates["std_path"].sel(at).values[:2])
        raw.append(fit.estimates["spread"].values[:2])
    for pairs in (standardised, raw):
        found, errors = np.array(pairs).T
        # The standard deviation of 30 has a relative error of 13%: 3.5 of that.
        assert found.std() / errors.mean() == pytest.approx(1, abs=0.45)


def test_the_posterior_has_the_robust_covariance_at_the_estimate(answered: Any) -> None:
    m, data = answered
    survey = read_survey(m, data, ordinal=tuple(m.items))
    fit = fit_limited(make_plan(m, survey.sample, None, likelihood=True), survey)
    ml = pc.estimate(m, data, ordinal=True, method="ml").estimates["std_loading"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        draws = pc.estimate(
            m, data, ordinal=True, method="laplace", latents="integrated", seed=1, draws=1000
        ).posterior["std_loading"]
    assert fit.covariance is not None
    for item, state in (("f2", "failure"), ("s2", "strain")):
        est, se = ml.sel(item=item, state=state).values[:2]
        chosen = draws.sel(item=item, state=state).values
        # 4000 independent draws; priors of a loading and an error move little beside 2000 answers.
        assert chosen.mean() == pytest.approx(est, abs=0.5 * se)
        assert chosen.std() == pytest.approx(se, rel=0.1)


def test_the_gradient_of_the_pseudo_likelihood_is_its_derivative(answered: Any) -> None:
    m, data = answered
    survey = read_survey(m, data[:300], ordinal=tuple(m.items))
    fit = fit_limited(make_plan(m, survey.sample, None, likelihood=True), survey)
    _, density = limited_density(make_plan(m, survey.sample, None), survey, fit)
    z = density.initial(1)
    gradient = density(z)[1]
    numeric = np.array([
        (density(z + 1e-5 * e)[0] - density(z - 1e-5 * e)[0]) / 2e-5 for e in np.eye(density.size)
    ])  # fmt: skip
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-6 * abs(numeric).max())


def test_groups_have_thresholds_of_their_own_and_share_what_is_equal(answered: Any) -> None:
    m, data = answered
    halves = data.assign(country=np.where(np.arange(len(data)) % 2, "north", "south"))
    fit = pc.estimate(m, halves, ordinal=True, method="ml", group="country",
                      equal=("loadings", "regressions"))  # fmt: skip
    assert fit["polychoric"]["std_threshold"].sizes["group"] == 2
    loading = fit.estimates["loading"].sel(statistic="est", item="f2", state="failure").values
    assert loading[0] == pytest.approx(loading[1], rel=1e-9)
    # Halves of one population: 30 correlations, 9 parameters shared or not.
    assert fit.fit_measures["pvalue_scaled"] > 0.001


def test_a_scale_stands_where_the_model_puts_its_ends() -> None:
    m = pc.Model("scales")
    x = m.trait("x", pc.Normal(0, 1))
    m.survey(x, ["seven"])
    m.survey(x, ["two"], points=2)
    m.survey(x, ["own"], points=4, thresholds=(-2, 0.5, 1))
    m.survey(x, ["any"], points=0)
    assert anchors(m.items["seven"]) == pytest.approx((-4.5 / 7 * 2.5, 4.5 / 7 * 2.5))
    assert [len(anchors(m.items[n])) for n in ("two", "own", "any")] == [1, 2, 0]


def test_a_reversed_item_starts_on_its_own_side() -> None:
    m = pc.Model("reversed")
    x = m.trait("x", pc.Normal(0, 1))
    m.survey(x, ["a", "b", "c"], points=5, loading=(1.0, -0.9, 1.1))
    survey = read_survey(m, surveys.drawn(m, 300, 2), ordinal=tuple(m.items))
    fit = fit_limited(make_plan(m, survey.sample, None, likelihood=True), survey)
    _, density = limited_density(make_plan(m, survey.sample, None), survey, fit)
    start = density.start[density.places["free_loading"]]
    assert start[0] < 0 < start[1]


def refused(change: Any, match: str, **options: Any) -> None:
    m = surveys.short()
    data = surveys.drawn(m, 200, 1)
    changed = change(data)
    with pytest.raises(InputError, match=match):
        pc.estimate(m, changed, **{"seed": 1, "ordinal": True, **options})


def merge(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(f1=data["f1"].replace(3, 2))


@pytest.mark.parametrize(
    ("change", "match", "options"),
    [
        (merge, "item 'f1': received 'nobody in category 3'", {}),
        (lambda d: d.assign(f2=4), "item 'f2': received 'the same answer from everybody'", {}),
        (lambda d: d.assign(s1=d["s1"] + 1), r"item 's1'.*whole answers from 1 to 5", {}),
        (lambda d: d[:6], r"6 usable respondents", {}),
        (lambda d: d, "ordinal: received 'f9'", {"ordinal": ["f9"]}),
        (lambda d: d, "ordinal: received 'f9'", {"ordinal": "f9"}),
        (lambda d: d, "ordinal: received 3, allowed is True, False or names", {"ordinal": 3}),
        (lambda d: d, "ordinal: received 'all but", {"ordinal": ["f1"], "latents": "integrated"}),
        (lambda d: d, "method: received 'ml'", {"latents": "explicit", "method": "ml"}),
        (lambda d: d, "latents: received 'some'", {"latents": "some"}),
        (lambda d: d.drop(columns="s3"), "no column s3", {}),
    ],
)
def test_answers_that_cannot_be_used_are_refused_by_name(
    change: Any, match: str, options: dict[str, Any]
) -> None:
    refused(change, match, **options)


def test_statistics_have_no_categories() -> None:
    m = surveys.short()
    data = pc.SummaryData(cov=np.eye(6), n=100, names=list(m.items))
    for latents in ("explicit", "integrated", None):
        with pytest.raises(InputError, match="a table of respondents"):
            pc.estimate(m, data, seed=1, ordinal=True, latents=latents)


def test_left_out_respondents_are_said_and_reports_on_numbers_are_refused(answered: Any) -> None:
    m, data = answered
    gaps = data.astype(float)
    gaps.loc[:9, "f1"] = np.nan
    with pytest.warns(EstimateWarning, match="10 respondents with gaps are left out"):
        fit = pc.estimate(m, gaps, ordinal=True, method="laplace", seed=1, draws=200, chains=2)
    assert fit.attrs["respondents"] == len(data) - 10
    assert len(pc.reliability(fit)) == 6
    for report in (pc.prior_sensitivity, lambda f: pc.item_check(f, seed=1),
                   lambda f: pc.predict(f, data, seed=1)):  # fmt: skip
        with pytest.raises(InputError, match="fit: received 'limited information'"):
            report(fit)


def outcomes() -> tuple[pc.Model, pd.DataFrame]:
    m = surveys.short()
    m.outcome("leaves", m.parameter("base", -0.5) + m.parameter("hold", 0.8) * m["strain"])
    m.outcome("stars", -m.parameter("fall", 0.7) * m["strain"], "ordered", points=4)
    return m, surveys.drawn(m, 200, 3)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            lambda d: d.assign(leaves=2.0),
            "outcome 'leaves': received 2.0, allowed is whole numbers",
        ),
        (lambda d: d.assign(leaves=1), "outcome 'leaves': received 'the same from everybody'"),
        (lambda d: d.assign(stars=d["stars"].replace(1, 2)), "'stars'.*nobody in categories 1"),
        (lambda d: d.drop(columns="stars"), "no column stars"),
    ],
)
def test_outcomes_that_cannot_be_are_refused_by_name(change: Any, match: str) -> None:
    m, data = outcomes()
    with pytest.raises(InputError, match=match):
        pc.estimate(m, change(data), seed=1)
