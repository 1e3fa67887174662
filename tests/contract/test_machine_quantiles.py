"""Counts and gamma numbers by inversion: stated errors, and the same bits on both sides.

Errors are differences of probabilities: the largest standard number at which the machine still
gives k, found by bisection over all float32 numbers, is compared with P(N ≥ k).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import bdtrc, gammainccinv, gammaincinv, ndtr, pdtrc

from pycore import _core
from pycore.program import arithmetic, interpret
from pycore.program.instructions import Op
from pycore.program.program import Program
from tests.contract.programs import row
from tests.contract.test_machine_bits import ISAS, same_bits

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
RESOLVED = 2.0**-31  # a standard number is at least 2^-32


def survival(count: Callable[[F32], F32], ks: npt.NDArray[np.int64]) -> F64:
    """The machine's P(N ≥ k): counts fall as u grows, so one u divides those that reach k."""
    low = np.full(len(ks), np.float32(2.0**-32)).view(np.uint32).astype(np.int64)
    high = np.full(len(ks), np.float32(1)).view(np.uint32).astype(np.int64)
    for _ in range(31):
        middle = (low + high + 1) // 2
        with np.errstate(all="ignore"):
            reached = count(middle.astype(np.uint32).view(np.float32)) >= ks
        low, high = np.where(reached, middle, low), np.where(reached, high, middle - 1)
    return low.astype(np.uint32).view(np.float32).astype(float)


def places(mean: float, sd: float, most: float = np.inf) -> npt.NDArray[np.int64]:
    ks = np.linspace(max(1, mean - 6 * sd), mean + 6 * sd + 8, 200).round()
    return np.unique(np.clip(ks, 1, most)).astype(np.int64)


RATES = [1e-4, 0.01, 0.3, 1, 3, 10, 20, 31.9, 32, 50, 100, 1000, 10_000, 1e5, 1e6]


@pytest.mark.parametrize("rate", RATES)
def test_poisson_chances_are_within_the_stated_errors(rate: float) -> None:
    rate = float(np.float32(rate))
    ks = places(rate, rate**0.5)
    exact = pdtrc(ks - 1, rate)
    got = survival(lambda u: arithmetic.poisson(u, np.float32(rate)), ks)
    error = np.abs(got - exact)[exact > RESOLVED]
    bound = 1e-6 if rate < 32 else 2e-5 if rate <= 1e5 else 4e-5
    assert error.max() < bound * min(1, rate)


@pytest.mark.parametrize(
    ("trials", "chance"),
    [(1, 0.3), (5, 1e-4), (10, 0.7), (40, 0.5), (60, 0.5), (63, 0.499), (64, 0.5), (100, 0.3),
     (100, 0.9), (1000, 0.03), (1000, 0.05), (10_000, 0.003), (10_000, 0.5), (10**6, 0.2)],
)  # fmt: skip
def test_binomial_chances_are_within_the_stated_errors(trials: int, chance: float) -> None:
    chance = float(np.float32(chance))
    mean = trials * chance
    ks = places(mean, (mean * (1 - chance)) ** 0.5, trials)
    got = survival(lambda u: arithmetic.binomial(u, np.float32(trials), np.float32(chance)), ks)
    exact = bdtrc(ks - 1, trials, chance)
    error = np.abs(got - exact)[exact > RESOLVED]
    rare = min(mean, trials - mean)
    assert error.max() < (5e-6 if rare < 32 else 2e-5) * min(1, rare)


def test_a_binomial_count_of_certain_trials_is_certain() -> None:
    u = np.array([2.0**-32, 0.3, 1 - 2.0**-24], dtype=np.float32)
    with np.errstate(all="ignore"):
        for n, p, expected in ((7, 0, 0), (7, 1, 7), (0, 0.4, 0), (-3, 0.4, 0), (4, 2, 4)):
            got = arithmetic.binomial(u, np.float32(n), np.float32(p))
            np.testing.assert_array_equal(got, np.full(3, expected, np.float32))
        np.testing.assert_array_equal(arithmetic.poisson(u, np.float32(0)), np.zeros(3))


@pytest.mark.parametrize("shape", [2, 2.1, 2.5, 3, 4, 6, 10, 30, 100, 1e3, 1e4, 1e6])
def test_gamma_quantiles_are_within_1e_4_and_in_the_body_2e_5(shape: float) -> None:
    """The quantile of shape a + 2, without what brings it down to shape a."""
    z = np.linspace(-6.34, 6.34, 20_001, dtype=np.float32)
    tail = ndtr(-np.abs(z.astype(float)))
    exact = np.log(np.where(z < 0, gammaincinv(shape, tail), gammainccinv(shape, tail)))
    one = np.float32(1)
    error = np.abs(arithmetic.gamma_log(z, one, one, np.float32(shape - 2)) - exact)
    assert error.max() < 1e-4
    assert error[np.abs(z) < 3.5].max() < 2e-5


@pytest.mark.parametrize("rate", [0.2, 5, 31.99, 32, 200])
def test_counts_fall_as_the_standard_number_grows(rate: float) -> None:
    """So two scenarios that share their luck keep the order of their rates, too.

    Below 1e-6 the search may end at another count for another rate.
    """
    u = np.concatenate([np.geomspace(1e-6, 0.01, 20_000), np.linspace(0.01, 1, 80_000)])
    u = np.minimum(u, 1 - 2.0**-24).astype(np.float32)
    with np.errstate(all="ignore"):
        few = arithmetic.poisson(u, np.float32(rate))
        more = arithmetic.poisson(u, np.float32(1.01 * rate))
    assert (np.diff(few) <= 0).all()
    assert (more >= few).all()


@pytest.mark.parametrize("isa", ISAS)
def test_counts_and_gamma_numbers_have_the_oracles_bits(isa: str) -> None:
    """Rates over nine orders of magnitude, chances from rare to sure, shapes from 2 up."""
    rate, trials, chance, u, z, shape, poisson, binomial, gamma = range(9)
    streams = 5
    code = (
        row(Op.NORMAL, rate, stream=0),
        row(Op.AFFINE1, rate, (rate,), (1, 2)),
        row(Op.EXP, rate, (rate,)),
        row(Op.NORMAL, trials, stream=1),
        row(Op.AFFINE1, trials, (trials,), (1, 2)),
        row(Op.EXP, trials, (trials,)),
        row(Op.NORMAL, chance, stream=2),
        row(Op.AFFINE1, chance, (chance,), (0, 3)),
        row(Op.LOGISTIC, chance, (chance,)),
        row(Op.UNIFORM, u, stream=3),
        row(Op.NORMAL, z, stream=4),
        row(Op.ADD, shape, (rate, trials)),
        row(Op.POISSON, poisson, (u, rate)),
        row(Op.BINOMIAL, binomial, (u, trials, chance)),
        row(Op.GAMMA_LOG, gamma, (z, u, chance, shape)),
    )
    program = Program(
        name="quantiles", inputs=(), constants=(0.0, 2.0, 2.5, 4.0), n_scalars=4, n_registers=9,
        n_states=9, scalar_code=(), start_code=(), step_code=code, start_streams=(),
        step_streams=tuple(range(streams)),
    )  # fmt: skip
    ids = np.arange(20_011, dtype=np.uint64)
    registers = [rate, poisson, binomial, gamma]
    inputs = np.zeros((1, 0), np.float32)
    expected = interpret.trace(program, inputs, ids, registers, 2, 5)
    got = _core.trace(
        program.to_core(), [inputs], np.zeros(1, np.uint32), ids,
        np.array(registers, np.int32), 2, 5, isa=isa,
    )  # fmt: skip
    assert same_bits(got, expected)
    assert (expected[..., 0] > 1000).any()
    assert (expected[..., 0] < 0.01).any()
    assert len(np.unique(expected[..., 1])) > 100
