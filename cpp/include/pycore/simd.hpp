// Thin vector types: the same exactly rounded operations on one, four, eight or sixteen lanes.
//
// Every operation is exact or correctly rounded (add, mul, div, sqrt, compare, convert, shift), so
// the types give the same bits in each lane by construction.  There is no fused
// multiply-add, and min and max are `a < b ? a : b` and `a > b ? a : b`, as minps and maxps are.
//
// `Wide` holds one vector's worth of 64-bit products for Philox, laid out as multiplies it best;
// only the low halves are meaningful between operations.
#pragma once

#include "pycore/inlining.hpp"
#include "pycore/simd_scalar.hpp"

#include <cstdint>
#ifdef __AVX2__
#include "pycore/simd_avx2.hpp"
#endif
#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include "pycore/simd_avx512.hpp"
#endif
#if defined(__aarch64__) || defined(__wasm_simd128__)
#include "pycore/simd_128.hpp"
#endif

namespace pycore {

// Two vectors as one, nested for four or eight: the operations of both are issued side by side, so
// that one chain's latency is the other's time.
template <class V>
struct Twice {
    static constexpr std::int32_t WIDTH = 2 * V::WIDTH;
    struct Float {
        typename V::Float low, high;
    };
    struct Int {
        typename V::Int low, high;
    };
    struct Mask {
        typename V::Mask low, high;
    };

    static PYCORE_INLINE Float set(float x) noexcept { return {V::set(x), V::set(x)}; }
    static PYCORE_INLINE Int set_int(std::uint32_t x) noexcept {
        return {V::set_int(x), V::set_int(x)};
    }
    static PYCORE_INLINE Float load(const float* p) noexcept {
        return {V::load(p), V::load(p + V::WIDTH)};
    }
    static PYCORE_INLINE void store(float* p, const Float& x) noexcept {
        V::store(p, x.low);
        V::store(p + V::WIDTH, x.high);
    }
    static PYCORE_INLINE Int load_int(const std::uint32_t* p) noexcept {
        return {V::load_int(p), V::load_int(p + V::WIDTH)};
    }

#define PYCORE_UNARY(RESULT, NAME, ARGUMENT)                                                       \
    static PYCORE_INLINE RESULT NAME(const ARGUMENT& a) noexcept {                                 \
        return {V::NAME(a.low), V::NAME(a.high)};                                                  \
    }
#define PYCORE_BINARY(RESULT, NAME, FIRST, SECOND)                                                 \
    static PYCORE_INLINE RESULT NAME(const FIRST& a, const SECOND& b) noexcept {                   \
        return {V::NAME(a.low, b.low), V::NAME(a.high, b.high)};                                   \
    }
#define PYCORE_SHIFT(NAME)                                                                         \
    template <int BITS>                                                                            \
    static PYCORE_INLINE Int NAME(const Int& a) noexcept {                                         \
        return {V::template NAME<BITS>(a.low), V::template NAME<BITS>(a.high)};                    \
    }
    PYCORE_BINARY(Float, add, Float, Float)
    PYCORE_BINARY(Float, sub, Float, Float)
    PYCORE_BINARY(Float, mul, Float, Float)
    PYCORE_BINARY(Float, div, Float, Float)
    PYCORE_BINARY(Float, min, Float, Float)
    PYCORE_BINARY(Float, max, Float, Float)
    PYCORE_UNARY(Float, sqrt, Float)
    PYCORE_UNARY(Float, floor, Float)
    PYCORE_BINARY(Int, add, Int, Int)
    PYCORE_BINARY(Int, sub, Int, Int)
    PYCORE_BINARY(Int, bit_and, Int, Int)
    PYCORE_BINARY(Int, bit_or, Int, Int)
    PYCORE_BINARY(Int, bit_xor, Int, Int)
    PYCORE_SHIFT(shift_left)
    PYCORE_SHIFT(shift_right)
    PYCORE_SHIFT(shift_right_signed)
    PYCORE_UNARY(Float, as_float, Int)
    PYCORE_UNARY(Int, as_int, Float)
    PYCORE_UNARY(Float, to_float, Int)
    PYCORE_BINARY(Mask, lt, Float, Float)
    PYCORE_BINARY(Mask, le, Float, Float)
    PYCORE_BINARY(Mask, eq, Float, Float)
    PYCORE_BINARY(Mask, ne, Float, Float)
    PYCORE_BINARY(Mask, le, Int, Int)
    PYCORE_BINARY(Mask, lt, Int, Int)
    PYCORE_BINARY(Mask, eq, Int, Int)
    PYCORE_BINARY(Mask, not_le, Float, Float)
    PYCORE_BINARY(Mask, mask_without, Mask, Mask)
    PYCORE_BINARY(Mask, mask_and, Mask, Mask)
    PYCORE_BINARY(Mask, mask_or, Mask, Mask)
    PYCORE_BINARY(Float, keep, Mask, Float)
#undef PYCORE_UNARY
#undef PYCORE_BINARY
#undef PYCORE_SHIFT
    static PYCORE_INLINE Float select(const Mask& m, const Float& a, const Float& b) noexcept {
        return {V::select(m.low, a.low, b.low), V::select(m.high, a.high, b.high)};
    }
    static PYCORE_INLINE bool any(const Mask& m) noexcept {
        return V::any(V::mask_or(m.low, m.high));
    }
    static PYCORE_INLINE std::int32_t how_many(const Mask& m) noexcept {
        return V::how_many(m.low) + V::how_many(m.high);
    }
    using Place = typename V::Place;
    static PYCORE_INLINE Place place_of_half(std::uint32_t shift) noexcept {
        return V::place_of_half(shift);
    }
    static PYCORE_INLINE Int half(const Int& a, const Place& place) noexcept {
        return {V::half(a.low, place), V::half(a.high, place)};
    }
    static PYCORE_INLINE Float lookup32(const float* table, const Int& index) noexcept {
        return {V::lookup32(table, index.low), V::lookup32(table, index.high)};
    }
    static constexpr bool HAS_SCALE = V::HAS_SCALE;
    static PYCORE_INLINE Float nearest(const Float& a) noexcept {
        return {V::nearest(a.low), V::nearest(a.high)};
    }
    static PYCORE_INLINE Float scale(const Float& a, const Float& n) noexcept {
        return {V::scale(a.low, n.low), V::scale(a.high, n.high)};
    }
    static constexpr bool HAS_LOOKUP_UPPER = V::HAS_LOOKUP_UPPER;
    static PYCORE_INLINE Float lookup_upper(const float* table, const Int& index) noexcept {
        return {V::lookup_upper(table, index.low), V::lookup_upper(table, index.high)};
    }
};

} // namespace pycore
