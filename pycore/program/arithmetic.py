"""The machine's float32 arithmetic in NumPy: the same bits as in C++, operation by operation.

Only exactly rounded operations (+ − × ÷), compares, conversions and shifts are used, in a fixed
order; no library exponential or logarithm, which differ between systems.  Error bounds, measured
against 64-bit references on dense grids (``tests/contract/test_machine_arithmetic.py``):

===================  =============================================================
``exp``              relative 5e-7 on ±80; arguments are clamped to ±86
``log``              relative 5e-7 or absolute 2e-7, whichever is larger, x ≥ 2^-126
``logistic``         relative 5e-7 on ±80
``normal``           absolute 3.2e-5, monotone in the magnitude of the word
===================  =============================================================

NaN has a value everywhere: ``exp(NaN)`` is that of the lower clamp and ``log(NaN)`` that of the
smallest normal number, as the compares of the contract say.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycore.program import tables

__all__ = ["event_threshold_value", "exp", "log", "logistic", "normal", "uniform"]

F32 = npt.NDArray[np.float32]
U32 = npt.NDArray[np.uint32]

_ONE, _HALF = np.float32(1), np.float32(0.5)
_EXP_CLAMP = np.float32(86)
_ROUND = np.float32(12582912)  # 1.5 · 2^23: adding it rounds to an integer, kept in the low bits
_SMALLEST_NORMAL = np.float32(2.0**-126)
_SQRT_HALF_BITS = np.int32(0x3F3504F3)
_LARGEST_BELOW_2_31 = np.float32(2147483520)
_MANTISSA = np.uint32(0x007FFFFF)
_ONE_BITS = np.uint32(0x3F800000)
_SIGN = np.uint32(0x80000000)
_MAGNITUDE = np.uint32(0x7FFFFFFF)


def _as_float(bits: U32 | npt.NDArray[np.int32]) -> F32:
    value: F32 = bits.view(np.float32)
    return value


def _horner(coefficients: F32, x: F32) -> F32:
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
    bits = np.where(magnitude < _LARGEST_BELOW_2_31, magnitude, _LARGEST_BELOW_2_31).view(np.uint32)
    octave = (bits >> np.uint32(23)) & np.uint32(31)
    m = _as_float((bits & _MANTISSA) | _ONE_BITS) - np.float32(1.5)
    c = tables.NORMAL[:, octave]
    z = (((c[4] * m + c[3]) * m + c[2]) * m + c[1]) * m + c[0]
    return _as_float(z.view(np.uint32) ^ (words & _SIGN))
