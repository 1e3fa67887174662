// Vectors of doubles, with exponential and logarithm.
//
// Every operation is an exact IEEE one, in the same order whatever the width, so that a kernel
// gives the same bits with two lanes (SSE2, NEON), four (AVX2) or eight (AVX-512).
#pragma once

#include "pycore/inlining.hpp"

#include <cstdint>
#include <cstring>

namespace pycore::histories {

// Rows are laid out eight side by side; a narrower vector takes them in turns.
constexpr int ROW = 8;

template <int WIDTH>
struct Vectors;
template <>
struct Vectors<2> {
    typedef double Real __attribute__((vector_size(16)));
    typedef std::int64_t Bits __attribute__((vector_size(16)));
    typedef std::uint64_t Words __attribute__((vector_size(16)));
};
template <>
struct Vectors<4> {
    typedef double Real __attribute__((vector_size(32)));
    typedef std::int64_t Bits __attribute__((vector_size(32)));
    typedef std::uint64_t Words __attribute__((vector_size(32)));
};
template <>
struct Vectors<8> {
    typedef double Real __attribute__((vector_size(64)));
    typedef std::int64_t Bits __attribute__((vector_size(64)));
    typedef std::uint64_t Words __attribute__((vector_size(64)));
};

template <int W>
struct Lanes {
    static constexpr int WIDTH = W;
    using Real = typename Vectors<W>::Real;
    using Bits = typename Vectors<W>::Bits;
    using Words = typename Vectors<W>::Words; // for shifts to the left

    static PYCORE_INLINE Real load(const double* from) {
        Real x;
        std::memcpy(&x, from, sizeof x);
        return x;
    }
    static PYCORE_INLINE void store(double* to, Real x) { std::memcpy(to, &x, sizeof x); }
    static PYCORE_INLINE Real splat(double x) { return Real{} + x; }
    static PYCORE_INLINE Real smaller(Real a, Real b) { return a < b ? a : b; }
    static PYCORE_INLINE Real larger(Real a, Real b) { return a > b ? a : b; }

    // eˣ for x cut to ±LIMIT, within 2 units of the last place: 2ⁿ times the series of what is
    // left, |f| ≤ ln(2)/2, whose first omitted term is f¹³/13! < 2·10⁻¹⁶.
    template <int LIMIT = 708>
    static PYCORE_INLINE Real exp(Real x) {
        x = larger(smaller(x, splat(LIMIT)), splat(-LIMIT));
        const Real shifted = x * 1.4426950408889634 + ROUND;
        const Real n = shifted - ROUND;
        const Real f = (x - n * LN2_HIGH) - n * LN2_LOW;
        const Real f2 = f * f;
        // Pairs first (Estrin): the processor need not wait for one long chain.
        const Real f4 = f2 * f2;
        const Real low = (1.0 + f) + f2 * (0.5 + f * (1.0 / 6));
        const Real middle = (1.0 / 24 + f * (1.0 / 120)) + f2 * (1.0 / 720 + f * (1.0 / 5040));
        const Real high = (1.0 / 40320 + f * (1.0 / 362880)) +
                          f2 * (1.0 / 3628800 + f * (1.0 / 39916800)) + f4 * (1.0 / 479001600);
        const Real series = low + f4 * (middle + f4 * high);
        return reinterpret<Real>(reinterpret<Words>(series) + (reinterpret<Words>(shifted) << 52));
    }

    // ln x for normal positive x, within 2 units of the last place: x = 2ⁿ m, √½ ≤ m < √2, and
    // ln m = 2 artanh s, s = (m − 1)/(m + 1), |s| < 0.1716; first omitted term s²³/23 < 10⁻¹⁸.
    static PYCORE_INLINE Real log(Real x) {
        const Bits bits = reinterpret<Bits>(x);
        const Bits whole = (bits - HALF_ROOT) >> 52; // rounds at √½, not at 1
        const Real m =
            reinterpret<Real>(reinterpret<Words>(bits) - (reinterpret<Words>(whole) << 52));
        const Real n = reinterpret<Real>(whole + ROUND_BITS) - ROUND;
        const Real s = (m - 1.0) / (m + 1.0);
        const Real z = s * s;
        const Real z2 = z * z;
        const Real z4 = z2 * z2;
        const Real low = (1.0 / 3 + z * (1.0 / 5)) + z2 * (1.0 / 7 + z * (1.0 / 9));
        const Real high = (1.0 / 11 + z * (1.0 / 13)) + z2 * (1.0 / 15 + z * (1.0 / 17));
        const Real rest = 1.0 / 19 + z * (1.0 / 21);
        const Real series = low + z4 * (high + z4 * rest);
        return n * LN2_HIGH + ((s + s) + ((s + s) * z * series + n * LN2_LOW));
    }

  private:
    static constexpr double ROUND = 6755399441055744.0; // 1.5 · 2⁵²: the sum's last bits are whole
    static constexpr std::int64_t ROUND_BITS = 0x4338000000000000;
    static constexpr std::int64_t HALF_ROOT = 0x3fe6a09e667f3bcd; // √½
    static constexpr double LN2_HIGH = 0x1.62e42fee00000p-1; // 33 bits: times n without rounding
    static constexpr double LN2_LOW = 0x1.a39ef35793c76p-33;

    template <class To, class From>
    static PYCORE_INLINE To reinterpret(From x) {
        To y;
        static_assert(sizeof x == sizeof y, "one is the bits of the other");
        std::memcpy(&y, &x, sizeof y);
        return y;
    }
};

} // namespace pycore::histories
