"""Correlations of the normal numbers behind answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from pycore.estimation.polychoric import bivariate_normal, polychoric


@pytest.mark.parametrize("rho", [-0.99, -0.3, 0.0, 0.6, 0.95, 0.995])
def test_two_normal_numbers_are_below_two_bounds_as_often_as_scipy_says(rho: float) -> None:
    for h in (-2.0, -0.3, 1.0):
        for k in (-1.5, 0.2, 2.2):
            found = bivariate_normal(np.array(h), np.array(k), np.array(rho))
            exact = multivariate_normal.cdf([h, k], cov=[[1, rho], [rho, 1]])
            assert float(found) == pytest.approx(exact, abs=1e-12)


def cut(n: int, seed: int, correlation: np.ndarray, cuts: list[list[float]]) -> np.ndarray:
    z = np.random.default_rng(seed).multivariate_normal(np.zeros(len(cuts)), correlation, n)
    return np.column_stack([np.digitize(z[:, i], c) for i, c in enumerate(cuts)])


CORRELATION = np.array([[1.0, 0.6, -0.4], [0.6, 1.0, -0.2], [-0.4, -0.2, 1.0]])
CUTS = [[-1.0, 0.0, 1.0], [0.3], [-0.5, 0.8]]


def test_what_was_cut_is_found_and_the_errors_are_those_of_repetition() -> None:
    truth = np.concatenate([*CUTS, CORRELATION[np.tril_indices(3, -1)]])
    found, errors = [], []
    for seed in range(200):
        made = polychoric(cut(500, seed, CORRELATION, CUTS), (4, 2, 3))
        found.append(np.concatenate([*made.thresholds, made.correlation[made.pairs]]))
        errors.append(np.sqrt(np.diag(made.gamma) / made.n))
    away = np.array(found) - truth
    spread = away.std(axis=0)
    # The mean of 200 is known to spread/√200: 4.5 of that.  A two-step estimate is biased by O(1/n).
    assert (np.abs(away.mean(axis=0)) < 4.5 * spread / np.sqrt(200) + 0.005).all()
    # The standard deviation of 200 has a relative error of 5%: 4 of that.
    np.testing.assert_allclose(np.mean(errors, axis=0), spread, rtol=0.2)
    repeated = np.corrcoef(np.array(found).T)
    scale = np.sqrt(np.diag(made.gamma))
    # A correlation of 200 repetitions has an error of at most 0.071: 4.5 of that.
    assert np.abs(made.gamma / np.outer(scale, scale) - repeated).max() < 0.32


def test_order_of_items_does_not_matter() -> None:
    codes = cut(300, 1, CORRELATION, CUTS)
    one, other = polychoric(codes, (4, 2, 3)), polychoric(codes[:, ::-1], (3, 2, 4))
    np.testing.assert_allclose(one.correlation, other.correlation[::-1, ::-1], atol=1e-9)
