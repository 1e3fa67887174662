"""Maximum likelihood and the normal approximation have known answers, and say what is wrong."""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pycore as pc
from pycore.errors import InputError
from pycore.estimation import EstimateWarning, summarise
from pycore.estimation.density import Density
from pycore.estimation.sample import read
from pycore.estimation.specification import make_plan
from tests.estimation import designs


def regression_data(size: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x, z = rng.normal(2, 1.5, size), rng.normal(size=size)
    return pd.DataFrame({"x": x, "z": z, "y": 1 + 0.7 * x - 0.4 * z + rng.normal(0, 0.9, size)})


def test_a_path_model_is_least_squares() -> None:
    data = regression_data()
    fit = pc.estimate(pc.Model.from_lavaan("y ~ x + z"), data, method="ml")
    design = np.column_stack([np.ones(len(data)), data.x, data.z])
    slopes = np.linalg.lstsq(design, data.y, rcond=None)[0]
    left = data.y - design @ slopes
    variance = float((left**2).mean())
    errors = np.sqrt(np.diag(variance * np.linalg.inv(design.T @ design)))
    found = fit.estimates
    path = found["path"].sel(effect="y", cause=["x", "z"])
    np.testing.assert_allclose(path.sel(statistic="est"), slopes[1:], atol=1e-6)
    np.testing.assert_allclose(path.sel(statistic="se"), errors[1:], rtol=1e-5)
    np.testing.assert_allclose(
        found["intercept"].sel(item="y", statistic=["est", "se"]), [slopes[0], errors[0]], rtol=1e-5
    )
    # The predictors are given: the likelihood is that of y alone.
    logl = -0.5 * len(data) * (np.log(2 * np.pi * variance) + 1)
    assert float(fit.fit_measures["logl"]) == pytest.approx(logl, abs=1e-6)
    assert float(fit.fit_measures["npar"]) == 4
    assert float(fit.fit_measures["df"]) == 0
    free = pc.estimate(pc.Model.from_lavaan("y ~ x + z", fixed_x=False), data, method="ml")
    assert float(free.fit_measures["npar"]) == 9  # means, variances and covariance of x and z
    np.testing.assert_allclose(
        free.estimates["path"].sel(effect="y", cause=["x", "z"], statistic="est"), slopes[1:],
        atol=1e-6,
    )  # fmt: skip


def test_published_covariances_are_data() -> None:
    table = regression_data()
    names = list(table.columns)
    one = pc.estimate(pc.Model.from_lavaan("y ~ x + z"), table, method="ml")
    data = pc.SummaryData(cov=table.cov(), mean=table.mean(), n=len(table), names=names)
    two = pc.estimate(pc.Model.from_lavaan("y ~ x + z"), data, method="ml")
    xr.testing.assert_allclose(one.estimates, two.estimates, rtol=1e-6)
    bare = pc.SummaryData(cov=table.cov(), n=len(table), names=names)
    three = pc.estimate(pc.Model.from_lavaan("y ~ x + z"), bare, method="ml")
    assert "intercept" not in three.estimates
    np.testing.assert_allclose(three.estimates["path"], one.estimates["path"], atol=1e-6)


def test_a_model_of_free_items_has_the_same_maximum_as_its_lavaan_form() -> None:
    m = designs.mediation()
    data = designs.respondents(m, 300, 2, shield=0.0)
    one = pc.estimate(m, data, method="ml", priors={"shield": 0.0})
    text = "cause =~ f1 + f2 + f3; strain =~ s1 + s2 + s3; leaving =~ l1 + l2 + l3"
    two = pc.estimate(
        pc.Model.from_lavaan(text + "; strain ~ cause; leaving ~ strain + cause"), data, method="ml"
    )
    for name in ("logl", "df", "srmr", "cfi", "npar"):
        assert float(one.fit_measures[name]) == pytest.approx(float(two.fit_measures[name]), 1e-6)
    for parameter, effect, cause in (("a", "strain", "cause"), ("b", "leaving", "strain")):
        other = two.estimates["path"].sel(effect=effect, cause=cause)
        np.testing.assert_allclose(one.estimates[parameter], other, rtol=1e-3, atol=1e-6)


def test_groups_with_labels_of_their_own() -> None:
    text = "f =~ x1 + x2 + x3 + x4; f ~ c(one, two)*z; difference := two - one"
    m = pc.Model.from_lavaan(text)
    rng = np.random.default_rng(3)
    parts = []
    for label, slope in (("weak", 0.2), ("strong", 0.9)):
        z = rng.normal(size=300)
        f = slope * z + rng.normal(size=300)
        y = f[:, None] + rng.normal(0, 0.7, (300, 4))
        parts.append(pd.DataFrame(y, columns=["x1", "x2", "x3", "x4"]).assign(z=z, shop=label))
    data = pd.concat(parts)
    fit = pc.estimate(m, data, method="ml", group="shop", equal="loadings")
    path = fit.estimates["path"].sel(effect="f", cause="z", statistic="est")
    assert list(path["group"].values) == ["weak", "strong"]
    np.testing.assert_allclose(path, [0.2, 0.9], atol=0.2)  # sd 0.06 each
    np.testing.assert_allclose(fit.estimates["one"].sel(statistic="est"), path[0])
    difference = fit.estimates["defined"].sel(name="difference")
    assert float(difference.sel(statistic="est")) == pytest.approx(float(path[1] - path[0]))
    loading = fit.estimates["loading"].sel(statistic="est")
    np.testing.assert_allclose(loading.sel(group="weak"), loading.sel(group="strong"))
    with pytest.raises(InputError, match="group: received None, allowed is a column with 2 groups"):
        pc.estimate(m, data, method="ml")


def test_what_cannot_be_told_apart_is_named() -> None:
    m = pc.Model.from_lavaan("f =~ NA*x1 + x2 + x3; f ~~ f")
    rng = np.random.default_rng(4)
    y = rng.normal(size=(200, 1)) + rng.normal(size=(200, 3))
    data = pd.DataFrame(y, columns=["x1", "x2", "x3"])
    with pytest.warns(EstimateWarning, match="cannot tell apart .*loading_x1"):
        fit = pc.estimate(m, data, method="ml")
    assert "GATES NOT MET" in str(summarise(fit))
    assert np.isnan(fit.estimates["loading"].sel(statistic="se")).all()


def test_a_negative_variance_is_named() -> None:
    corr = [[1, 0.9, 0.8], [0.9, 1, 0.5], [0.8, 0.5, 1]]  # 0.9 · 0.8 / 0.5 is above 1; divisor n
    data = pc.SummaryData(corr=corr, n=100, names=["x1", "x2", "x3"])
    with pytest.warns(EstimateWarning, match="negative variances: x1"):
        fit = pc.estimate(pc.Model.from_lavaan("f =~ x1 + x2 + x3"), data, method="ml")
    error = fit.estimates["item_variance"].sel(item="x1", statistic="est")
    assert float(error) == pytest.approx(0.99 * (1 - 0.9 * 0.8 / 0.5), abs=1e-4)


def test_impossible_starts_are_refused() -> None:
    m = pc.Model.from_lavaan("f =~ x1 + x2 + x3; x1 ~~ start(9)*x2")
    data = pc.SummaryData(corr=np.eye(3) * 0.6 + 0.4, n=100, names=["x1", "x2", "x3"])
    with pytest.raises(InputError, match="start values: received some that no covariance"):
        pc.estimate(m, data, method="ml")


def test_a_fit_survives_a_file(tmp_path: Path) -> None:
    fit = pc.estimate(pc.Model.from_lavaan("y ~ x + z"), regression_data(), method="ml")
    fit.to_netcdf(tmp_path / "fit.nc")
    with xr.open_datatree(tmp_path / "fit.nc") as back:
        assert str(summarise(back)) == str(summarise(fit))
    with pytest.raises(InputError, match="fit: received 'maximum likelihood'"):
        pc.effects(fit)


def test_the_normal_approximation_is_near_the_posterior_of_a_large_sample() -> None:
    m = designs.mediation()
    data = designs.respondents(m, 2000, 5, shield=0.0)
    options: dict[str, Any] = {"seed": 1, "priors": {"shield": 0.0}}
    quick = pc.estimate(m, data, method="laplace", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        slow = pc.estimate(m, data, draws=500, tune=400, chains=2, progress=False, **options)
    assert "Laplace" in str(summarise(quick)).splitlines()[0]
    for name in ("a", "b", "c", "sd_strain"):
        one, two = quick.posterior[name].values, slow.posterior[name].values
        assert abs(one.mean() - two.mean()) < 0.25 * two.std()
        assert one.std() == pytest.approx(two.std(), rel=0.2)
    again = pc.estimate(m, data, method="laplace", **options)
    xr.testing.assert_identical(again.posterior, quick.posterior)


@st.composite
def random_models(draw: st.DrawFn) -> str:
    """Factors with cross-loadings, covarying errors, paths among them in any direction."""
    count = draw(st.integers(1, 3))
    lines = [f"f{k} =~ " + " + ".join(f"f{k}i{n}" for n in range(3)) for k in range(count)]
    items = [f"f{k}i{n}" for k in range(count) for n in range(3)]
    for k in range(1, count):
        kind = draw(st.integers(0, 2))
        if kind == 0:
            lines.append(f"f{k} ~ f{k - 1}")
        elif kind == 1:
            lines.append(f"f{k - 1} =~ f{k}i2")
    for one, other in pairwise(items):
        if draw(st.integers(0, 3)) == 0:
            lines.append(f"{one} ~~ {other}")
    return "\n".join(lines)


@given(random_models(), st.booleans(), st.integers(0, 1000))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_gradients_of_random_models(text: str, likelihood: bool, seed: int) -> None:
    m = pc.Model.from_lavaan(text)
    rng = np.random.default_rng(seed)
    size = len(m.items)
    data = pd.DataFrame(
        rng.normal(size=(60, size)) @ rng.normal(size=(size, size)) / 2
        + rng.normal(size=(60, size)),
        columns=list(m.items),
    )
    if rng.random() < 0.5:
        data = designs.with_gaps(data, 0.2, seed)
    sample = read(m, data)
    density = Density(make_plan(m, sample, None, likelihood=likelihood), sample)
    z = density.start + rng.normal(0, 0.05, density.size)
    value, gradient = density(z)
    if not np.isfinite(value):
        return
    step = 1e-5
    numeric = np.array([
        (density(z + step * e)[0] - density(z - step * e)[0]) / (2 * step)
        for e in np.eye(density.size)
    ])  # fmt: skip
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6 * abs(numeric).max())
