"""Pareto-smoothed importance sampling of many respondents is ArviZ's of each."""

from __future__ import annotations

import numpy as np
import pytest

from pycore.estimation.leave_one_out import leave_one_out


@pytest.mark.parametrize("draws", [100, 1000])
def test_it_is_what_arviz_gives(draws: int) -> None:
    from arviz_stats.base import array_stats

    rng = np.random.default_rng(1)
    # Respondents from well inside to far outside: light tails and heavy ones.
    likelihood = -np.linspace(0.05, 3, 40) * rng.standard_normal((draws, 40)) ** 2
    density, shape = leave_one_out(likelihood)
    theirs = [array_stats.loo(column[None]) for column in likelihood.T]
    np.testing.assert_allclose(density, [float(one[0]) for one in theirs], rtol=1e-9)
    np.testing.assert_allclose(shape, [float(one[1]) for one in theirs], rtol=1e-9)
    assert shape.min() < 0.5 < 0.7 < shape.max()


def test_leaving_out_one_of_a_normal_sample_is_its_predictive() -> None:
    """A mean with a flat prior: the others' predictive is a normal of known mean and variance."""
    rng = np.random.default_rng(2)
    y = rng.standard_normal(200)
    mean = y.mean() + rng.standard_normal(4000) / np.sqrt(200)
    likelihood = -0.5 * (y - mean[:, None]) ** 2 - 0.5 * np.log(2 * np.pi)
    density, _ = leave_one_out(likelihood)
    others, variance = (y.sum() - y) / 199, 1 + 1 / 199
    exact = -0.5 * ((y - others) ** 2 / variance + np.log(2 * np.pi * variance))
    np.testing.assert_allclose(density, exact, atol=0.02)
