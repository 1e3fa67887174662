"""The machine's float32 arithmetic in NumPy: the same bits as in C++, operation by operation.

Only exactly rounded operations (+ − × ÷), compares, conversions and shifts are used, in a fixed
order; no library exponential or logarithm, which differ between systems.  Error bounds, measured
against 64-bit references on dense grids (``tests/contract/test_machine_arithmetic.py``):

===================  =============================================================
``exp``              relative 5e-7 on ±80; arguments are clamped to ±86
``log``              relative 5e-7 or absolute 2e-7, whichever is larger, x ≥ 2^-126
``logistic``         relative 5e-7 on ±80
``normal``           absolute 3.2e-5, monotone in the magnitude of the word
``gamma_log``        absolute 1e-4 (relative error of the quantile); 2e-5 within ±3.5
``poisson``          P(N ≥ k): 1e-6 below a rate of 32, 2e-5 up to 1e5, 4e-5 up to 1e6
``binomial``         P(N ≥ k): 5e-6 below a mean of 32 (of the rarer outcome), 2e-5 up to 1e5
===================  =============================================================

NaN has a value everywhere: ``exp(NaN)`` is that of the lower clamp and ``log(NaN)`` that of the
smallest normal number, as the compares of the contract say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pycore.program import tables

__all__ = [
    "LARGEST_COUNT",
    "binomial",
    "event_threshold_value",
    "exp",
    "gamma_log",
    "log",
    "logistic",
    "normal",
    "poisson",
    "uniform",
]

F32 = npt.NDArray[np.float32]
# A number for every lane, or one for all; NumPy's types make 64 bits of their mixtures, NumPy not.
Number = Any
U32 = npt.NDArray[np.uint32]

_ZERO, _ONE, _TWO, _HALF = np.float32(0), np.float32(1), np.float32(2), np.float32(0.5)
_EXP_CLAMP = np.float32(86)
_ROUND = np.float32(12582912)  # 1.5 · 2^23: adding it rounds to an integer, kept in the low bits
_SMALLEST_NORMAL = np.float32(2.0**-126)
_SQRT_HALF_BITS = np.int32(0x3F3504F3)
_LARGEST_BELOW_2_31 = np.float32(2147483520)
_MANTISSA = np.uint32(0x007FFFFF)
_ONE_BITS = np.uint32(0x3F800000)
_SIGN = np.uint32(0x80000000)
_MAGNITUDE = np.uint32(0x7FFFFFFF)
_SEARCHED_BELOW = np.float32(32)
_LONGEST_SEARCH = 96
_SMALLEST_SHAPE = np.float32(2.0**-20)
LARGEST_COUNT = 4_194_304  # 2^22: a count of this mean is still a whole float32


def _as_float(bits: U32 | npt.NDArray[np.int32]) -> F32:
    value: F32 = bits.view(np.float32)
    return value


def _horner(coefficients: F32, x: Number) -> F32:
    value: F32 = coefficients[-1] * x + coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        value = value * x + coefficient
    return value


def exp(x: F32) -> F32:
    """Exponential; arguments outside ±86 give the value at the bound.

    Examples
    --------
    >>> exp(np.array([0, 1, -1000], dtype=np.float32))
    array([1.0000000e+00, 2.7182820e+00, 4.4737793e-38], dtype=float32)
    """
    x = np.asarray(x, dtype=np.float32)
    x = np.where(x > -_EXP_CLAMP, x, -_EXP_CLAMP)
    x = np.where(x < _EXP_CLAMP, x, _EXP_CLAMP)
    shifted = x * tables.LOG2_E + _ROUND
    n = shifted - _ROUND
    r = (x - n * tables.LN2_HIGH) - n * tables.LN2_LOW
    fraction = _horner(tables.EXP, r) * r + _ONE
    bits: U32 = fraction.view(np.uint32) + (shifted.view(np.uint32) << np.uint32(23))
    return _as_float(bits)


def log(x: F32) -> F32:
    """Natural logarithm; arguments below 2^-126 (and NaN) give the value at 2^-126.

    Examples
    --------
    >>> log(np.array([1, 10, 0], dtype=np.float32))
    array([  0.       ,   2.3025851, -87.33655  ], dtype=float32)
    """
    x = np.asarray(x, dtype=np.float32)
    bits = np.where(x > _SMALLEST_NORMAL, x, _SMALLEST_NORMAL).view(np.int32)
    exponent = (bits - _SQRT_HALF_BITS) >> np.int32(23)
    f = _as_float(bits - (exponent << np.int32(23))) - _ONE
    e = exponent.astype(np.float32)
    square = f * f
    tail = (f * square) * _horner(tables.LOG, f)
    tail = tail + e * tables.LN2_LOW
    tail = tail - _HALF * square
    return (f + tail) + e * tables.LN2_HIGH


def logistic(x: F32) -> F32:
    """Logistic function 1 / (1 + exp(−x)).

    Examples
    --------
    >>> logistic(np.array([0, 2], dtype=np.float32))
    array([0.5       , 0.88079715], dtype=float32)
    """
    return _ONE / (_ONE + exp(np.float32(0) - np.asarray(x, dtype=np.float32)))


def event_threshold_value(words: U32) -> F32:
    """Float v in [0, 2^31) of a word; an event of probability p happens if v < p · 2^31.

    Examples
    --------
    >>> event_threshold_value(np.array([0, 2**32 - 1], dtype=np.uint32))
    array([0.0000000e+00, 2.1474835e+09], dtype=float32)
    """
    v = (words >> np.uint32(1)).astype(np.int32).astype(np.float32)
    return np.where(v < _LARGEST_BELOW_2_31, v, _LARGEST_BELOW_2_31)


def uniform(words: U32) -> F32:
    """Uniform number in [2^-32, 1 − 2^-24]: neither 0 nor 1, so its logarithm is finite.

    Examples
    --------
    >>> uniform(np.array([0, 2**31, 2**32 - 1], dtype=np.uint32))
    array([2.3283064e-10, 5.0000000e-01, 9.9999994e-01], dtype=float32)
    """
    return (event_threshold_value(words) + _HALF) * np.float32(2.0**-31)


def normal(words: U32) -> F32:
    """Give the standard normal number of a word: its quantile, by a table of 32 octaves.

    The sign is the word's first bit; the other 31 bits, as a float, name an octave of the tail
    probability (its exponent) and the place in it (its mantissa).

    Examples
    --------
    >>> normal(np.array([0, 2**30, 2**31 + 2**30], dtype=np.uint32))
    array([ 6.337949 ,  0.6744618, -0.6744618], dtype=float32)
    """
    magnitude = (words & _MAGNITUDE).astype(np.int32).astype(np.float32) + _HALF
    z = _normal_of_tail(magnitude)
    return _as_float(z.view(np.uint32) ^ (words & _SIGN))


def _normal_of_tail(tail: F32) -> F32:
    """Normal quantile of a tail probability in units of 2^-32."""
    bits = np.where(tail < _LARGEST_BELOW_2_31, tail, _LARGEST_BELOW_2_31).view(np.uint32)
    octave = (bits >> np.uint32(23)) & np.uint32(31)
    m = _as_float((bits & _MANTISSA) | _ONE_BITS) - np.float32(1.5)
    c = tables.NORMAL[:, octave]
    z: F32 = (((c[4] * m + c[3]) * m + c[2]) * m + c[1]) * m + c[0]
    return z


def _normal_exceeded(u: F32) -> F32:
    """Give the normal number that is exceeded with probability u."""
    above = u < _HALF
    tail = np.where(above, u, _ONE - u) * np.float32(2.0**32)
    z = _normal_of_tail(np.where(tail > _HALF, tail, _HALF))
    return np.where(above, z, _ZERO - z)


@dataclass(frozen=True, slots=True)
class _Counted:
    """A count with P(0) = exp(−exponent) and P(k + 1) / P(k) = scale (size − k step) / (k + 1).

    ``skew`` is 1 − 2p and ``mix`` is p (1 − p) of a binomial, 1 and 0 of a Poisson count.
    """

    mean: Number
    variance: Number
    skew: Number
    mix: Number
    exponent: Number
    scale: Number
    size: Number
    step: Number

    def searched(self, u: F32) -> F32:
        """P(N > k), from k = 0 on by subtraction, until u is not below it.

        Errors of subtraction would keep a far tail going: where P(k) is below 2^-26 of P(N > 0),
        and k above the mean, the search ends.
        """
        none = exp(_ZERO - self.exponent)
        series = self.exponent * _horner(tables.ONE_MINUS_EXP, self.exponent)
        beyond = np.where(self.exponent < _HALF, series, _ONE - none)
        least = beyond * np.float32(2.0**-26)
        p = none * (self.scale * self.size)
        going = (u < beyond) & (self.mean < _SEARCHED_BELOW)
        count = going.astype(np.float32)
        for j in range(1, _LONGEST_SEARCH):
            if not going.any():
                break
            now = np.float32(j)
            beyond = beyond - p
            factor = self.scale * (self.size - now * self.step)
            p = (p * factor) * (_ONE / np.float32(j + 1))
            going = going & (u < beyond) & ((least < p) | (now < self.mean))
            count = count + going.astype(np.float32)
        found: F32 = count
        return found

    def expanded(self, u: F32) -> F32:
        """Cornish–Fisher expansion of the smooth function through P(N < k) at whole numbers.

        That function has the cumulants of the count plus those of t / (1 − exp(−t)); the expansion
        goes to the fifth order of 1 / σ, where σ is at least 4.
        """
        z = _normal_exceeded(u)
        square, e = z * z, self.mix
        sigma = np.sqrt(self.variance)
        s = _ONE / sigma

        def quadratic(a: Number, b: Number, c: Number, x: Number) -> Number:
            return (a * x + b) * x + c

        c = np.float32
        a1 = self.skew * ((square - _ONE) * (_ONE / c(6))) + _HALF
        a2 = (z * ((c(14) * e - _TWO) - square * (_TWO * e + _ONE))) * (_ONE / c(72))
        a3 = (self.skew * (e + _TWO)) * quadratic(c(3), c(7), c(-16), square) * (_ONE / c(1620))
        a4 = (
            z * quadratic(
                quadratic(c(36), c(468), c(-207), e),
                quadratic(c(1024), c(1612), c(-548), e),
                quadratic(c(-1732), c(-5416), c(2684), e),
                square,
            )
        ) * (_ONE / c(155520))  # fmt: skip
        x = self.mean + (sigma * z + (((a4 * s + a3) * s + a2) * s + a1))
        return np.floor(np.where(x > _ZERO, x, _ZERO))

    def quantile(self, u: F32) -> F32:
        """Count by search where the mean is small, by expansion where it is large."""
        large = self.mean >= _SEARCHED_BELOW
        # Both are computed for everybody, also where one of them has no meaning.
        with np.errstate(all="ignore"):
            count: F32 = np.where(large, self.expanded(u), self.searched(u))
        return count


def _limited(x: Number, high: float) -> Number:
    x = np.asarray(x, dtype=np.float32)
    x = np.where(x > _ZERO, x, _ZERO)
    return np.where(x < np.float32(high), x, np.float32(high))


def poisson(u: F32, rate: Number) -> F32:
    """Poisson count that is reached or passed with probability u: small u, large count.

    Examples
    --------
    >>> poisson(np.array([0.9, 0.5, 1e-9], np.float32), np.float32(2))
    array([ 0.,  2., 14.], dtype=float32)
    """
    u, mean = np.broadcast_arrays(np.asarray(u, np.float32), _limited(rate, LARGEST_COUNT))
    return _Counted(mean, mean, _ONE, _ZERO, mean, mean, _ONE, _ZERO).quantile(u)


def binomial(u: F32, trials: Number, chance: Number) -> F32:
    """Binomial count that is reached or passed with probability u; above ½ failures are counted.

    Examples
    --------
    >>> binomial(np.array([0.9, 0.5, 1e-9], np.float32), np.float32(10), np.float32(0.7))
    array([ 5.,  7., 10.], dtype=float32)
    """
    u, n, p = np.broadcast_arrays(
        np.asarray(u, np.float32), np.floor(_limited(trials, LARGEST_COUNT)), _limited(chance, 1)
    )
    flipped = p > _HALF
    rare = np.where(flipped, _ONE - p, p)
    v = np.where(flipped, _ONE - u, u)
    other: Number = _ONE - rare
    # −log(1 − rare), corrected for the rounding of 1 − rare.
    rounded = _ONE - other
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.where(rounded != _ZERO, (_ZERO - log(other)) * (rare / rounded), rare)
    mean = n * rare
    count = _Counted(
        mean, mean * other, _ONE - (rare + rare), rare * other, n * each, rare / other, n, _ONE
    ).quantile(v)
    count = np.where(count < n, count, n)
    return np.where(flipped, n - count, count)


def gamma_log(z: F32, first: Number, second: Number, shape: Number) -> F32:
    """Logarithm of a Gamma(shape, 1) number from a standard normal and two uniform numbers.

    A gamma number of shape a is one of shape a + 2 times U^(1/a) V^(1/(a + 1)), exactly.  Of shapes
    of at least 2 the logarithm of the quantile is smooth, and interpolated.

    Examples
    --------
    >>> z, one = np.array([-1, 0, 1], np.float32), np.float32(1)
    >>> np.exp(gamma_log(z, one, one, one)).round(3)  # the quantiles of shape 3
    array([1.367, 2.674, 4.638], dtype=float32)
    """
    z, shape = np.asarray(z, dtype=np.float32), np.asarray(shape, dtype=np.float32)
    least = np.where(shape > _SMALLEST_SHAPE, shape, _SMALLEST_SHAPE)
    a = least + _TWO
    s: Number = _ONE / np.sqrt(a)
    x: Number = z * np.float32(0.15625)
    y: Number = s * np.float32(2.82842708) - _ONE
    total = _horner(tables.GAMMA[-1], y)
    for row in tables.GAMMA[-2::-1]:
        total = total * x + _horner(row, y)
    quantile = log(a) + (s * z + (s * s) * total)
    drawn: F32 = quantile + (log(first) / least + log(second) / (least + _ONE))
    return drawn
