// exp, log, logistic, numbers of words and quantiles: exactly rounded operations in a fixed order,
// the same as in pycore/program/arithmetic.py, which says how and states the error bounds.
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

// 1 + r (c0 + c1 r + ...) is the exponential of r; the integer n is the power of two to scale it
// by, in the low bits of 1.5 * 2^23 + n.
template <class V>
PYCORE_INLINE typename V::Float scaled(typename V::Float fraction,
                                       typename V::Float shifted) noexcept {
    return V::as_float(V::add(V::as_int(fraction), V::template shift_left<23>(V::as_int(shifted))));
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
    return scaled<V>(fraction, shifted);
}

// exp(0 - x) without the subtraction: rounding is symmetric, so signs are carried through instead.
template <class V>
PYCORE_INLINE typename V::Float exp_minus(typename V::Float x) noexcept {
    x = V::max(V::min(x, V::set(86.0F)), V::set(-86.0F));
    const auto shifted = V::sub(V::set(12582912.0F), V::mul(x, V::set(tables::LOG2_E)));
    const auto n = V::sub(shifted, V::set(12582912.0F));
    const auto r = // the negative of what `exp` has
        V::add(V::add(x, V::mul(n, V::set(tables::LN2_HIGH))), V::mul(n, V::set(tables::LN2_LOW)));
    auto sum = V::set(tables::EXP[4]);
#pragma GCC unroll 4
    for (int i = 3; i >= 0; --i)
        sum = V::sub(V::set(tables::EXP[i]), V::mul(sum, r));
    return scaled<V>(V::sub(V::set(1.0F), V::mul(sum, r)), shifted);
}

// Less than exp(0 - x), but by less than one part in 5000; where the processor scales by powers of
// two itself, beyond the limits as well, and NaN of NaN.
template <class V>
PYCORE_INLINE typename V::Float exp_minus_below(typename V::Float x) noexcept {
    if constexpr (V::HAS_SCALE) {
        const auto power = V::mul(x, V::set(-tables::LOG2_E));
        const auto n = V::nearest(power);
        return V::scale(horner<V>(tables::EXP2_BELOW, V::sub(n, power)), n);
    }
    x = V::max(V::min(x, V::set(86.0F)), V::set(-86.0F));
    const auto power = V::mul(x, V::set(tables::LOG2_E));
    const auto shifted = V::sub(V::set(12582912.0F), power);
    const auto r = V::add(power, V::sub(shifted, V::set(12582912.0F)));
    return scaled<V>(horner<V>(tables::EXP2_BELOW, r), shifted);
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
    return V::div(one, V::add(one, exp_minus<V>(x)));
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

// The largest n = word / 2 whose float is below the threshold, or -1: n is compared as it is.
PYCORE_INLINE std::int32_t last_event(float threshold) noexcept {
    if (!(threshold > 0.0F)) return -1;
    if (threshold > 2147483520.0F) return INT32_MAX;
    const auto ceiling = static_cast<std::int32_t>(threshold);
    if (threshold <= 16777216.0F) { // all integers are floats
        return static_cast<float>(ceiling) < threshold ? ceiling : ceiling - 1;
    }
    // Integers round to the threshold from half the way to the float below on; half the way itself
    // goes to the even one of the two.
    const std::uint32_t bits = Scalar::as_int(threshold);
    const auto below = static_cast<std::int32_t>(Scalar::as_float(bits - 1));
    const std::int32_t half = below + (ceiling - below) / 2;
    return (bits & 1U) != 0 ? half : half - 1;
}

template <class V, bool UPPER>
PYCORE_INLINE typename V::Float normal_polynomial(typename V::Int octave,
                                                  typename V::Float m) noexcept {
    const auto coefficient = [&](int j) {
        if constexpr (UPPER)
            return V::lookup_upper(tables::NORMAL[j], octave);
        else
            return V::lookup32(tables::NORMAL[j], octave);
    };
    auto z = coefficient(4);
#pragma GCC unroll 4
    for (int j = 3; j >= 0; --j)
        z = V::add(V::mul(z, m), coefficient(j));
    return z;
}

// Normal quantile of a tail probability in units of 2^-32: an octave of it and the place in that.
template <class V>
PYCORE_INLINE typename V::Float normal_of_tail(typename V::Float tail) noexcept {
    const auto bits = V::as_int(V::min(tail, V::set(2147483520.0F)));
    const auto octave = V::template shift_right<23>(bits);
    const auto mantissa =
        V::bit_or(V::bit_and(bits, V::set_int(0x007FFFFFU)), V::set_int(0x3F800000U));
    const auto m = V::sub(V::as_float(mantissa), V::set(1.5F));
    if constexpr (V::HAS_LOOKUP_UPPER) { // of 256 tails all but one are in the upper octaves
        if (!V::any(V::lt(tail, V::set(8388608.0F)))) return normal_polynomial<V, true>(octave, m);
    }
    return normal_polynomial<V, false>(octave, m);
}

// The first bit of the word is the sign, the others are the tail probability.
template <class V>
PYCORE_INLINE typename V::Float normal(typename V::Int word) noexcept {
    const auto magnitude = V::bit_and(word, V::set_int(0x7FFFFFFFU));
    const auto z = normal_of_tail<V>(V::add(V::to_float(magnitude), V::set(0.5F)));
    return V::as_float(V::bit_xor(V::as_int(z), V::bit_and(word, V::set_int(0x80000000U))));
}

// An event by its logit: u (1 + exp(-x)) < 1 needs no division.
template <class V>
PYCORE_INLINE typename V::Mask event_logit(typename V::Int word, typename V::Float x) noexcept {
    const auto v = event_threshold_value<V>(word);
    const auto odds = exp_minus<V>(x);
    return V::lt(V::add(v, V::mul(v, odds)), V::set(2147483648.0F));
}

// What the upper half of a word, a whole number below 2^16, says of an event: that it happens
// whatever the lower half is, or that the lower half decides.
template <class V>
struct Verdict {
    typename V::Mask certain, open;
};

template <class V>
PYCORE_INLINE Verdict<V> half_event(typename V::Int half, typename V::Float probability) noexcept {
    const auto v = V::to_float(half);
    const auto threshold = V::mul(probability, V::set(65536.0F));
    const auto next = V::add(v, V::set(1.0F));
    return {V::lt(next, threshold),
            V::mask_without(V::not_le(threshold, v), V::lt(next, threshold))};
}

// With v for the half, `event_logit` compares a number from v (1 + odds) to (v + 1) (1 + odds) with
// 2^16.  The odds need not be exact for that, only their side: they are too small, and 65522 (1 +
// 1/5000) is below 2^16 by more than all roundings together, which 65536.1 is above it.  What is no
// number says nothing: 0 times infinite odds, or odds of NaN, leave the event open.  (The verdict
// is spelled out twice, because GCC copies a named mask of a bundle through memory.)
template <class V>
PYCORE_INLINE Verdict<V> half_event_logit(typename V::Int half, typename V::Float x) noexcept {
    const auto v = V::to_float(half);
    const auto one_and_odds = V::add(V::set(1.0F), exp_minus_below<V>(x));
    const auto least = V::mul(v, one_and_odds);
    const auto most = V::add(least, one_and_odds);
    const auto close = V::set(65522.0F);
    return {V::lt(most, close),
            V::mask_without(V::not_le(V::set(65536.1F), least), V::lt(most, close))};
}

// The normal number that is exceeded with probability u.
template <class V>
PYCORE_INLINE typename V::Float normal_exceeded(typename V::Float u) noexcept {
    const auto above = V::lt(u, V::set(0.5F));
    const auto tail = V::select(above, u, V::sub(V::set(1.0F), u));
    const auto z = normal_of_tail<V>(V::max(V::mul(tail, V::set(0x1p32F)), V::set(0.5F)));
    return V::select(above, z, V::sub(V::set(0.0F), z));
}

// A count with P(0) = exp(-exponent) and P(k + 1) / P(k) = scale (size - k step) / (k + 1).
template <class V>
struct Counted {
    typename V::Float mean, variance, skew, mix;
    typename V::Float exponent, scale, size, step;
};

inline constexpr float SEARCHED_BELOW = 32.0F;
inline constexpr int LONGEST_SEARCH = 96;

// P(N > k), from k = 0 on by subtraction, until u is not below it.
template <class V>
PYCORE_INLINE typename V::Float searched(typename V::Float u, const Counted<V>& c) noexcept {
    const auto one = V::set(1.0F);
    const auto none = exp_minus<V>(c.exponent);
    auto beyond = V::select(V::lt(c.exponent, V::set(0.5F)),
                            V::mul(c.exponent, horner<V>(tables::ONE_MINUS_EXP, c.exponent)),
                            V::sub(one, none));
    const auto least = V::mul(beyond, V::set(0x1p-26F));
    auto p = V::mul(none, V::mul(c.scale, c.size));
    auto going = V::mask_and(V::lt(u, beyond), V::lt(c.mean, V::set(SEARCHED_BELOW)));
    auto count = V::keep(going, one);
    for (int j = 1; j < LONGEST_SEARCH && V::any(going); ++j) {
        const auto now = V::set(static_cast<float>(j));
        beyond = V::sub(beyond, p);
        const auto factor = V::mul(c.scale, V::sub(c.size, V::mul(now, c.step)));
        p = V::mul(V::mul(p, factor), V::set(1.0F / static_cast<float>(j + 1)));
        const auto likely = V::mask_or(V::lt(least, p), V::lt(now, c.mean));
        going = V::mask_and(V::mask_and(going, V::lt(u, beyond)), likely);
        count = V::add(count, V::keep(going, one));
    }
    return count;
}

// The Cornish-Fisher expansion of the smooth function through the distribution at whole numbers.
template <class V>
PYCORE_INLINE typename V::Float expanded(typename V::Float u, const Counted<V>& c) noexcept {
    const auto constant = [](float x) { return V::set(x); };
    const auto z = normal_exceeded<V>(u), square = V::mul(z, z), e = c.mix;
    const auto sigma = V::sqrt(c.variance), s = V::div(constant(1.0F), sigma);
    const auto polynomial = [&](const typename V::Float& a, const typename V::Float& b,
                                const typename V::Float& d, const typename V::Float& x) {
        return V::add(V::mul(V::add(V::mul(a, x), b), x), d);
    };
    const auto a1 =
        V::add(V::mul(c.skew, V::mul(V::sub(square, constant(1.0F)), constant(1.0F / 6.0F))),
               constant(0.5F));
    const auto a2 =
        V::mul(V::mul(z, V::sub(V::sub(V::mul(constant(14.0F), e), constant(2.0F)),
                                V::mul(square, V::add(V::mul(constant(2.0F), e), constant(1.0F))))),
               constant(1.0F / 72.0F));
    const auto a3 =
        V::mul(V::mul(V::mul(c.skew, V::add(e, constant(2.0F))),
                      polynomial(constant(3.0F), constant(7.0F), constant(-16.0F), square)),
               constant(1.0F / 1620.0F));
    const auto a4 = V::mul(
        V::mul(z,
               polynomial(polynomial(constant(36.0F), constant(468.0F), constant(-207.0F), e),
                          polynomial(constant(1024.0F), constant(1612.0F), constant(-548.0F), e),
                          polynomial(constant(-1732.0F), constant(-5416.0F), constant(2684.0F), e),
                          square)),
        constant(1.0F / 155520.0F));
    const auto rest = V::add(V::mul(V::add(V::mul(V::add(V::mul(a4, s), a3), s), a2), s), a1);
    const auto x = V::add(c.mean, V::add(V::mul(sigma, z), rest));
    return V::floor(V::max(x, constant(0.0F)));
}

template <class V>
PYCORE_INLINE typename V::Float counted(typename V::Float u, const Counted<V>& c) noexcept {
    const auto large = V::le(V::set(SEARCHED_BELOW), c.mean);
    const auto few = searched<V>(u, c);
    return V::any(large) ? V::select(large, expanded<V>(u, c), few) : few;
}

template <class V>
PYCORE_INLINE typename V::Float limited(typename V::Float x, float high) noexcept {
    return V::min(V::max(x, V::set(0.0F)), V::set(high));
}

inline constexpr float LARGEST_COUNT = 4194304.0F, SMALLEST_SHAPE = 0x1p-20F;

// The count that is exceeded or reached with probability u: large counts for small u.
template <class V>
PYCORE_INLINE typename V::Float poisson(typename V::Float u, typename V::Float rate) noexcept {
    const auto mean = limited<V>(rate, LARGEST_COUNT);
    const auto zero = V::set(0.0F), one = V::set(1.0F);
    return counted<V>(u, {mean, mean, one, zero, mean, mean, one, zero});
}

// Above one half, the failures are counted.
template <class V>
PYCORE_INLINE typename V::Float binomial(typename V::Float u, typename V::Float trials,
                                         typename V::Float chance) noexcept {
    const auto zero = V::set(0.0F), one = V::set(1.0F);
    const auto n = V::floor(limited<V>(trials, LARGEST_COUNT));
    const auto p = limited<V>(chance, 1.0F);
    const auto flipped = V::lt(V::set(0.5F), p);
    const auto rare = V::select(flipped, V::sub(one, p), p);
    const auto v = V::select(flipped, V::sub(one, u), u);
    const auto other = V::sub(one, rare);
    // log(1 - rare) = log(other), corrected for the rounding of `other`.
    const auto rounded = V::sub(one, other);
    const auto logarithm = V::sub(zero, log<V>(other));
    const auto each =
        V::select(V::ne(rounded, zero), V::mul(logarithm, V::div(rare, rounded)), rare);
    const auto mean = V::mul(n, rare);
    const auto count =
        V::min(counted<V>(v, {mean, V::mul(mean, other), V::sub(one, V::add(rare, rare)),
                              V::mul(rare, other), V::mul(n, each), V::div(rare, other), n, one}),
               n);
    return V::select(flipped, V::sub(n, count), count);
}

// Logarithm of a gamma number: the quantile of shape + 2 at the normal number z, brought down to
// the shape by two uniform numbers.
template <class V>
PYCORE_INLINE typename V::Float gamma_log(typename V::Float z, typename V::Float first,
                                          typename V::Float second,
                                          typename V::Float shape) noexcept {
    const auto least = V::max(shape, V::set(SMALLEST_SHAPE));
    const auto a = V::add(least, V::set(2.0F));
    const auto s = V::div(V::set(1.0F), V::sqrt(a));
    const auto x = V::mul(z, V::set(0.15625F));
    const auto y = V::sub(V::mul(s, V::set(2.82842708F)), V::set(1.0F));
    constexpr int DEGREE = static_cast<int>(sizeof tables::GAMMA / sizeof tables::GAMMA[0]) - 1;
    auto sum = horner<V>(tables::GAMMA[DEGREE], y);
    for (int j = DEGREE - 1; j >= 0; --j)
        sum = V::add(V::mul(sum, x), horner<V>(tables::GAMMA[j], y));
    const auto quantile = V::add(log<V>(a), V::add(V::mul(s, z), V::mul(V::mul(s, s), sum)));
    const auto down =
        V::add(V::div(log<V>(first), least), V::div(log<V>(second), V::add(least, V::set(1.0F))));
    return V::add(quantile, down);
}

} // namespace pycore::math
