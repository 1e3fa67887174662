"""Sources joined in one posterior, held against posteriors in closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import pycore as pc
from pycore.errors import InputError
from pycore.estimation import EstimateWarning

F64 = NDArray[np.float64]
Source = Callable[[dict[str, F64]], F64]


def measured(name: str, value: float, error: float) -> Source:
    return lambda x: -0.5 * ((x[name] - value) / error) ** 2


def test_normal_sources_give_the_normal_posterior() -> None:
    priors = {"a": pc.Normal(1, 2), "b": pc.Normal(0, 1)}

    def of_sum(x: dict[str, F64]) -> F64:
        return -0.5 * ((x["a"] + x["b"] - 3) / 0.01) ** 2

    found = pc.fuse(priors, {"one": measured("a", 2, 0.5), "sum": of_sum}, draws=4000, seed=1)
    information = np.diag([1 / 4 + 4, 1.0]) + np.full((2, 2), 1e4)
    mean = np.linalg.solve(information, [1 / 4 + 8 + 3e4, 3e4])
    cov = np.linalg.inv(information)
    draws = np.column_stack([found["a"], found["b"]])
    error = np.sqrt(np.diag(cov) / found.attrs["effective"])
    assert np.abs(draws.mean(axis=0) - mean) == pytest.approx(0, abs=4 * error.max())
    assert np.cov(draws.T) == pytest.approx(cov, rel=0.1)
    assert found.attrs["pareto_k"] < 0.5
    assert found.attrs["effective"] > 2000


def test_a_bounded_unknown_keeps_its_law() -> None:
    def log(x: dict[str, F64]) -> F64:
        return np.asarray(2 * np.log(x["p"]) + 50 * np.log1p(-x["p"]))

    found = pc.fuse({"p": pc.Beta(1, 1)}, {"log": log}, draws=4000, seed=2)["p"].to_numpy()
    assert stats.kstest(found[::4], stats.beta(3, 51).cdf).pvalue > 0.01


def test_without_sources_it_is_the_prior() -> None:
    found = pc.fuse({"rate": pc.LogNormal(2, 0.5), "p": pc.Uniform(0, 2)}, {}, seed=3)
    log_rate = stats.norm(np.log(2) - 0.125, 0.5)
    assert stats.kstest(np.log(found["rate"][::4]), log_rate.cdf).pvalue > 0.01
    assert stats.kstest(found["p"][::4], stats.uniform(0, 2).cdf).pvalue > 0.01


def test_an_unknown_sign_stays_unknown_until_a_source_knows_it() -> None:
    priors = {"effect": pc.Normal(0, 0.5)}
    size: Source = lambda x: -0.5 * ((x["effect"] ** 2 - 0.16) / 0.01) ** 2  # noqa: E731
    alone = pc.fuse(priors, {"size": size}, seed=4)
    assert alone.attrs["modes"] == 2
    assert float((alone["effect"] > 0).mean()) == pytest.approx(0.5, abs=0.06)
    joined = pc.fuse(priors, {"size": size, "sign": measured("effect", 0.3, 0.1)}, seed=4)
    assert float(joined["effect"].min()) > 0
    assert float(joined["effect"].mean()) == pytest.approx(0.4, abs=0.01)


def test_same_seed_same_draws() -> None:
    once, again, other = (
        pc.fuse({"a": pc.Normal(0, 1)}, {"one": measured("a", 1, 1)}, draws=200, seed=seed)
        for seed in (1, 1, 2)
    )
    assert once.identical(again)
    assert not np.isin(once["a"], other["a"]).any()


def test_a_shape_out_of_reach_is_said() -> None:
    def crescent(x: dict[str, F64]) -> F64:
        return -0.5 * (((x["a"] - 4 * x["b"] ** 2) ** 2 + (x["c"] - 4 * x["b"] ** 2) ** 2) / 1e-6)

    priors = {"a": pc.Normal(0, 9), "b": pc.Normal(0, 1), "c": pc.Normal(0, 9)}
    with pytest.warns(EstimateWarning, match="Pareto shape"):
        pc.fuse(priors, {"one": crescent}, seed=5)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda x: x["a"].sum(), r"sources\['one'\]: received a result of shape \(\)"),
        (lambda x: np.log(x["a"] * 0), "not finite near"),
        (measured("a", 50, 0.1), "seven standard deviations"),
    ],
)
def test_sources_that_cannot_be_used_are_refused(source: Source, message: str) -> None:
    with np.errstate(divide="ignore"), pytest.raises(InputError, match=message):
        pc.fuse({"a": pc.Normal(0, 1)}, {"one": source}, seed=1)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="draws"):
        pc.fuse({"a": pc.Normal(0, 1)}, {}, draws=10, seed=1)
    with pytest.raises(InputError, match="priors: received"):
        pc.fuse({}, {}, seed=1)
    with pytest.raises(InputError, match=r"priors\['a'\]"):
        pc.fuse({"a": 3}, {}, seed=1)  # type: ignore[dict-item]
