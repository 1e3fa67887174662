"""The test of uniform ranks against ranks whose law is known."""

from __future__ import annotations

import numpy as np
import pytest

from pycore.errors import InputError
from pycore.estimation.uniformity import band, p_value


def test_uniform_ranks_have_uniform_p_values_and_stay_in_the_band() -> None:
    rng = np.random.default_rng(1)
    ranks = rng.integers(0, 100, (400, 50))
    p = np.array([p_value(r, 99) for r in ranks])
    # Discrete, so a little conservative: shares below a level with 3 standard errors.
    for level in (0.05, 0.2, 0.5):
        assert (p <= level).mean() == pytest.approx(level, abs=3 * np.sqrt(level / 400))
    points, low, high = band(50, 99)
    below = (ranks[:, :, None] < np.arange(1, 100)).mean(axis=1)
    outside = ((below < low - 1e-9) | (below > high + 1e-9)).any(axis=1)
    assert outside.mean() == pytest.approx(0.05, abs=3 * np.sqrt(0.05 / 400))
    # A p value above 5% and a curve inside the band are the same statement, but for ties.
    assert np.mean(outside == (p < 0.05)) > 0.97
    assert np.all(np.diff(points) > 0)


@pytest.mark.parametrize(
    ("name", "mean", "sd"),
    [("posterior too narrow", 0.0, 2.0), ("too wide", 0.0, 0.4), ("off to one side", 0.6, 1.0)],
)
def test_wrong_posteriors_are_caught(name: str, mean: float, sd: float) -> None:
    """The truth is normal with ``mean`` and ``sd``; the posterior says standard normal."""
    rng = np.random.default_rng(2)
    truth = rng.normal(mean, sd, 100)
    draws = rng.standard_normal((100, 99))
    ranks = (draws < truth[:, None]).sum(axis=1)
    assert p_value(ranks, 99) < 0.001


def test_ranks_that_cannot_be_are_refused() -> None:
    for ranks in (np.array([], dtype=int), np.array([-1, 3]), np.array([3, 100])):
        with pytest.raises(InputError, match="ranks"):
            p_value(ranks, 99)
