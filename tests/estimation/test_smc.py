"""Sequential Monte Carlo against posteriors that are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pycore.estimation import smc

F64 = NDArray[np.float64]

# Three figures, each a sum of two parameters with standard normal priors: everything is normal.
DESIGN = np.array([[1.0, 0.0], [1.0, 1.0], [0.5, -2.0]])
SEEN = np.array([1.2, -0.4, 2.0])
ERROR = np.array([0.2, 0.3, 0.5])


def linear(u: F64) -> tuple[F64, F64]:
    away = (SEEN - u @ DESIGN.T) / ERROR
    log = -0.5 * (away**2).sum(axis=1) - np.log(ERROR).sum() - 1.5 * np.log(2 * np.pi)
    return log, u @ DESIGN.T


def test_a_normal_posterior_and_its_evidence_are_found() -> None:
    made, interrupted = smc.sample(linear, 2, particles=500, populations=4, seed=1)
    precision = np.eye(2) + (DESIGN.T / ERROR**2) @ DESIGN
    covariance = np.linalg.inv(precision)
    centre = covariance @ (DESIGN.T @ (SEEN / ERROR**2))
    marginal = DESIGN @ DESIGN.T + np.diag(ERROR**2)
    evidence = -0.5 * (
        SEEN @ np.linalg.solve(marginal, SEEN) + np.linalg.slogdet(2 * np.pi * marginal)[1]
    )
    u = np.concatenate([p.u for p in made])
    sd = np.sqrt(np.diag(covariance))
    assert not interrupted
    # 2000 draws, 4 standard errors.
    np.testing.assert_allclose((u.mean(axis=0) - centre) / sd, 0, atol=4 / np.sqrt(2000))
    np.testing.assert_allclose(u.std(axis=0) / sd, 1, atol=4 / np.sqrt(2 * 2000))
    assert np.corrcoef(u.T)[0, 1] == pytest.approx(
        covariance[0, 1] / sd.prod(), abs=4 / np.sqrt(2000)
    )
    found = [p.log_evidence for p in made]
    assert np.mean(found) == pytest.approx(evidence, abs=4 * np.std(found, ddof=1) / 2)
    assert np.std(found) < 0.3
    for p in made:
        np.testing.assert_allclose(p.carried, p.u @ DESIGN.T)
        np.testing.assert_allclose(p.log_likelihood, linear(p.u)[0])
        assert [s.temperature for s in p.stages] == sorted(s.temperature for s in p.stages)
        assert p.stages[-1].temperature == p.temperature == 1


def test_the_effective_number_is_that_of_repeated_runs() -> None:
    """The scatter of means over 60 populations is what each population says of itself."""
    made, _ = smc.sample(linear, 2, particles=200, populations=60, seed=2)
    means = np.array([p.u[:, 0].mean() for p in made])
    own = np.array([p.effective(p.u[:, 0]) for p in made])
    within = np.mean([p.u[:, 0].var() for p in made])
    truth = within / means.var(ddof=1)
    # A variance from 60 means is known to 18 %, each of the own estimates to about 30 %.
    assert np.mean(1 / own) * truth == pytest.approx(1, abs=0.6)


def test_two_distant_peaks_keep_their_shares() -> None:
    def likelihood(u: F64) -> tuple[F64, F64]:
        left = -0.5 * ((u[:, 0] + 1) / 0.1) ** 2
        right = -0.5 * ((u[:, 0] - 1) / 0.1) ** 2 + np.log(3)
        return np.logaddexp(left, right), u

    made, _ = smc.sample(likelihood, 1, particles=500, populations=4, seed=3)
    share = np.mean([(p.u[:, 0] > 0).mean() for p in made])
    assert share == pytest.approx(0.75, abs=0.08)


def test_impossible_points_are_left_behind() -> None:
    def likelihood(u: F64) -> tuple[F64, F64]:
        log, carried = linear(u)
        return np.where(u[:, 1] > -0.5, -np.inf, log), carried

    made, _ = smc.sample(likelihood, 2, particles=300, populations=2, seed=4)
    u = np.concatenate([p.u for p in made])
    assert (u[:, 1] <= -0.5).all()
    assert np.isfinite([p.log_evidence for p in made]).all()


def test_the_seed_decides_and_ctrl_c_keeps_the_last_whole_stage() -> None:
    once, _ = smc.sample(linear, 2, particles=100, populations=2, seed=5)
    again, _ = smc.sample(linear, 2, particles=100, populations=2, seed=5)
    np.testing.assert_array_equal(once[1].u, again[1].u)
    assert not np.array_equal(once[0].u, once[1].u)

    calls = 0

    def interrupted(u: F64) -> tuple[F64, F64]:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise KeyboardInterrupt
        return linear(u)

    made, partial = smc.sample(interrupted, 2, particles=100, populations=2, seed=5)
    assert partial
    assert all(0 < p.temperature < 1 and p.stages[-1].moves > 0 for p in made)
    calls = 4
    with pytest.raises(KeyboardInterrupt):
        smc.sample(interrupted, 2, particles=100, populations=2, seed=5)
