// exp, log, logistic, uniform and normal numbers from words: exactly rounded operations in a fixed
// order, the same as in pycore/program/arithmetic.py, which states and tests the error bounds.
#pragma once

#include "pycore/simd.hpp"
#include "pycore/tables.hpp"

namespace pycore::math {

template <class V, int N>
PYCORE_INLINE typename V::Float horner(const float (&coefficients)[N],
                                       typename V::Float x) noexcept {
    auto value = V::add(V::mul(V::set(coefficients[N - 1]), x), V::set(coefficients[N - 2]));
#pragma GCC unroll 8
    for (int i = N - 3; i >= 0; --i)
        value = V::add(V::mul(value, x), V::set(coefficients[i]));
    return value;
}

template <class V>
PYCORE_INLINE typename V::Float exp(typename V::Float x) noexcept {
    x = V::min(V::max(x, V::set(-86.0F)), V::set(86.0F));
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    const auto shifted = V::add(V::mul(x, V::set(tables::LOG2_E)), V::set(12582912.0F));
    const auto n = V::sub(shifted, V::set(12582912.0F));
    const auto r =
        V::sub(V::sub(x, V::mul(n, V::set(tables::LN2_HIGH))), V::mul(n, V::set(tables::LN2_LOW)));
    const auto fraction = V::add(V::mul(horner<V>(tables::EXP, r), r), V::set(1.0F));
    return V::as_float(V::add(V::as_int(fraction), V::template shift_left<23>(V::as_int(shifted))));
}

template <class V>
PYCORE_INLINE typename V::Float log(typename V::Float x) noexcept {
    const auto bits = V::as_int(V::max(x, V::set(1.17549435e-38F)));
    const auto exponent = V::template shift_right_signed<23>(V::sub(bits, V::set_int(0x3F3504F3U)));
    const auto f =
        V::sub(V::as_float(V::sub(bits, V::template shift_left<23>(exponent))), V::set(1.0F));
    const auto e = V::to_float(exponent);
    const auto square = V::mul(f, f);
    auto tail = V::mul(V::mul(f, square), horner<V>(tables::LOG, f));
    tail = V::add(tail, V::mul(e, V::set(tables::LN2_LOW)));
    tail = V::sub(tail, V::mul(V::set(0.5F), square));
    return V::add(V::add(f, tail), V::mul(e, V::set(tables::LN2_HIGH)));
}

template <class V>
PYCORE_INLINE typename V::Float logistic(typename V::Float x) noexcept {
    const auto one = V::set(1.0F);
    return V::div(one, V::add(one, exp<V>(V::sub(V::set(0.0F), x))));
}

// The word as a float in [0, 2^31); an event of probability p happens if it is below p * 2^31.
template <class V>
PYCORE_INLINE typename V::Float event_threshold_value(typename V::Int word) noexcept {
    return V::min(V::to_float(V::template shift_right<1>(word)), V::set(2147483520.0F));
}

template <class V>
PYCORE_INLINE typename V::Float uniform(typename V::Int word) noexcept {
    return V::mul(V::add(event_threshold_value<V>(word), V::set(0.5F)), V::set(0x1p-31F));
}

// Normal quantile of the word: an octave of the tail probability and the place in it.
template <class V>
PYCORE_INLINE typename V::Float normal(typename V::Int word) noexcept {
    const auto magnitude = V::bit_and(word, V::set_int(0x7FFFFFFFU));
    const auto bits =
        V::as_int(V::min(V::add(V::to_float(magnitude), V::set(0.5F)), V::set(2147483520.0F)));
    const auto octave = V::template shift_right<23>(bits);
    const auto mantissa =
        V::bit_or(V::bit_and(bits, V::set_int(0x007FFFFFU)), V::set_int(0x3F800000U));
    const auto m = V::sub(V::as_float(mantissa), V::set(1.5F));
    auto z = V::lookup32(tables::NORMAL[4], octave);
#pragma GCC unroll 4
    for (int j = 3; j >= 0; --j) {
        z = V::add(V::mul(z, m), V::lookup32(tables::NORMAL[j], octave));
    }
    return V::as_float(V::bit_xor(V::as_int(z), V::bit_and(word, V::set_int(0x80000000U))));
}

// An event by its logit: u (1 + exp(-x)) < 1 needs no division.
template <class V>
PYCORE_INLINE typename V::Mask event_logit(typename V::Int word, typename V::Float x) noexcept {
    const auto v = event_threshold_value<V>(word);
    const auto odds = exp<V>(V::sub(V::set(0.0F), x));
    return V::lt(V::add(v, V::mul(v, odds)), V::set(2147483648.0F));
}

} // namespace pycore::math
