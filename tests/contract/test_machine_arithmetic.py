"""exp, log, logistic, uniform and normal: stated errors, and the same bits on both sides."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit, ndtri

from pycore import _core
from pycore.program import arithmetic

ISAS = _core.isas()
ROOT = Path(__file__).parents[2]
F32 = npt.NDArray[np.float32]
U32 = npt.NDArray[np.uint32]

SPECIAL = np.array(
    [0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1e-45, -1e-45, 1.1754942e-38, 1.1754944e-38,
     3.4028235e38, -3.4028235e38, 86, -86, np.nextafter(np.float32(86), np.float32(87)), 87, -1000],
    dtype=np.float32,
)  # fmt: skip


def dense() -> F32:
    """A grid over all float32 bit patterns, a grid over the useful range, and special values."""
    patterns = np.arange(0, 2**32, 8191, dtype=np.uint64).astype(np.uint32).view(np.float32)
    return np.concatenate([patterns, np.linspace(-100, 100, 400_001, dtype=np.float32), SPECIAL])


def words() -> U32:
    """Words at both ends of every octave, and a grid over the rest."""
    powers = np.uint64(1) << np.arange(32, dtype=np.uint64)
    edges = np.concatenate([powers + np.uint64(k) for k in (0, 1, 2)] + [powers - np.uint64(1)])
    grid = np.arange(0, 2**32, 8191, dtype=np.uint64)
    return np.concatenate([edges, np.uint64(2**32 - 1) - edges, grid]).astype(np.uint32)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", ["exp", "log", "logistic"])
def test_functions_have_the_same_bits_on_both_sides(name: str, isa: str) -> None:
    x = dense()
    with np.errstate(all="ignore"):
        expected = getattr(arithmetic, name)(x)
    got = getattr(_core, name)(x, isa=isa)
    np.testing.assert_array_equal(got.view(np.uint32), expected.view(np.uint32))


def test_an_event_compares_integers_as_the_oracle_compares_floats() -> None:
    """The machine turns a threshold into the last half of a word that is below it, exactly."""
    random = np.random.default_rng(20_261_122)
    powers = np.float32(2) ** np.arange(-149, 33, dtype=np.float32)
    near = [np.nextafter(powers, np.float32(x)) for x in (0, np.inf)]
    thresholds = np.concatenate(
        [powers, *near, SPECIAL, np.arange(2**24 - 5, 2**24 + 90, dtype=np.float32),
         random.uniform(0, 2**31, 100_000).astype(np.float32),
         np.exp2(random.uniform(-4, 31, 100_000)).astype(np.float32)]
    )  # fmt: skip
    last = _core.last_event(thresholds).astype(np.int64)

    def happens(half: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        below: npt.NDArray[np.bool_] = (
            arithmetic.event_threshold_value((2 * half).astype(np.uint32)) < thresholds
        )
        return below

    assert ((last == -1) | happens(np.maximum(last, 0))).all()
    assert ((last == 2**31 - 1) | ~happens(np.minimum(last + 1, 2**31 - 1))).all()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", ["uniform", "normal"])
def test_numbers_of_words_have_the_same_bits_on_both_sides(name: str, isa: str) -> None:
    w = words()
    got = getattr(_core, name)(w, isa=isa)
    np.testing.assert_array_equal(got.view(np.uint32), getattr(arithmetic, name)(w).view(np.uint32))


def relative_error(f: Callable[..., F32], exact: Callable[..., npt.NDArray[np.float64]]) -> float:
    x = np.linspace(-80, 80, 2_000_003, dtype=np.float32)
    return float(np.max(np.abs(f(x) / exact(x.astype(np.float64)) - 1)))


def test_exp_is_within_5e_7() -> None:
    assert relative_error(_core.exp, np.exp) < 5e-7


def test_logistic_is_within_5e_7() -> None:
    assert relative_error(_core.logistic, expit) < 5e-7


def test_log_is_within_5e_7_relative_or_2e_7_absolute() -> None:
    near_one = np.linspace(0.5, 2, 2_000_003, dtype=np.float32)
    wide = np.geomspace(2.0**-126, 3.4e38, 2_000_003).astype(np.float32)
    for x in (near_one, wide):
        exact = np.log(x.astype(np.float64))
        error = np.abs(_core.log(x) - exact)
        assert (error <= np.maximum(5e-7 * np.abs(exact), 2e-7)).all()


def test_exp_of_zero_is_one_and_logistic_of_zero_is_one_half() -> None:
    zeros = np.zeros(1, dtype=np.float32)
    assert _core.exp(zeros)[0] == 1
    assert _core.logistic(zeros)[0] == 0.5
    assert _core.log(np.ones(1, dtype=np.float32))[0] == 0


def test_uniform_is_never_zero_or_one() -> None:
    u = _core.uniform(np.array([0, 1, 2**32 - 1], dtype=np.uint32))
    assert u[0] == 2.0**-32
    assert u[2] == 1 - 2.0**-24


def normal_exact(w: U32) -> npt.NDArray[np.float64]:
    tail = (np.minimum((w & np.uint32(0x7FFFFFFF)) + 0.5, 2147483520.0)) / 2**32
    exact: npt.NDArray[np.float64] = np.where(w >> np.uint32(31), ndtri(tail), -ndtri(tail))
    return exact


def test_normal_is_within_3_2e_5_of_the_quantile() -> None:
    w = words()
    assert np.max(np.abs(_core.normal(w) - normal_exact(w))) < 3.2e-5


def representative_magnitudes(exponent: int) -> U32:
    """One word for each float32 magnitude with this exponent: every value the normal can take."""
    if exponent < 24:
        low = 2**exponent if exponent else 0
        return np.arange(low, 2 ** (exponent + 1), dtype=np.uint32)
    return np.arange(2**23, 2**24, dtype=np.uint32) << np.uint32(exponent - 23)


def test_normal_is_monotone_in_the_word_for_every_word() -> None:
    previous = np.float32(np.inf)
    for exponent in range(31):
        z = _core.normal(representative_magnitudes(exponent))
        assert z[0] <= previous
        assert (np.diff(z) <= 0).all()
        previous = z[-1]
    assert previous > 0


def test_normal_has_the_moments_and_the_tails_of_a_normal() -> None:
    """Every magnitude below 2^19 and the middles of equal steps above: no Monte Carlo error."""
    total = mean_square = fourth = beyond_4 = 0.0
    for exponent in range(31):
        step = 2 ** max(0, min(exponent, 23) - 18)
        w = representative_magnitudes(exponent)[step // 2 :: step]
        z = _core.normal(w).astype(np.float64)
        weight = (2**exponent if exponent else 2) / len(w)
        total += weight * len(w)
        mean_square += weight * float((z**2).sum())
        fourth += weight * float((z**4).sum())
        beyond_4 += weight * np.count_nonzero(z > 4)
    assert total == 2**31
    # The fit is within δ = 3.2e-5: E z² is within 2 δ E|z| and E z⁴ within 4 δ E|z|³.
    assert abs(mean_square / total - 1) < 2 * 3.2e-5 * 0.8
    assert abs(fourth / total - 3) < 4 * 3.2e-5 * 1.6
    # P(|Z| > 4) changes by its density, 2 · 1.34e-4, times the fit error.
    assert abs(beyond_4 / total - 6.334e-5) < 2 * 1.34e-4 * 3.2e-5 + 1e-8


@pytest.mark.slow
def test_tables_can_be_fitted_again_to_the_same_digits() -> None:
    script = ROOT / "cpp" / "tools" / "fit_tables.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
