// One lane: what the vector types do, in plain C++.
#pragma once

#include "pycore/inlining.hpp"

#include <cstdint>
#include <cstring>

namespace pycore {

struct Scalar {
    static constexpr std::int32_t WIDTH = 1;
    using Float = float;
    using Int = std::uint32_t;
    using Mask = std::uint32_t;
    using Wide = std::uint64_t;
    using Place = std::uint32_t;

    static PYCORE_INLINE Float set(float x) noexcept { return x; }
    static PYCORE_INLINE Int set_int(std::uint32_t x) noexcept { return x; }
    static PYCORE_INLINE Float load(const float* p) noexcept { return *p; }
    static PYCORE_INLINE void store(float* p, Float x) noexcept { *p = x; }
    static PYCORE_INLINE Int load_int(const std::uint32_t* p) noexcept { return *p; }
    static PYCORE_INLINE void store_int(std::uint32_t* p, Int x) noexcept { *p = x; }

    static PYCORE_INLINE Float add(Float a, Float b) noexcept { return a + b; }
    static PYCORE_INLINE Float sub(Float a, Float b) noexcept { return a - b; }
    static PYCORE_INLINE Float mul(Float a, Float b) noexcept { return a * b; }
    static PYCORE_INLINE Float div(Float a, Float b) noexcept { return a / b; }
    static PYCORE_INLINE Float min(Float a, Float b) noexcept { return a < b ? a : b; }
    static PYCORE_INLINE Float max(Float a, Float b) noexcept { return a > b ? a : b; }
    static PYCORE_INLINE Float sqrt(Float a) noexcept { return __builtin_sqrtf(a); }
    // Baseline x86-64 has no rounding instruction; beyond 2^23 every float is an integer.
    static PYCORE_INLINE Float floor(Float a) noexcept {
        if (!(__builtin_fabsf(a) < 8388608.0F)) return a;
        float whole = static_cast<float>(static_cast<std::int32_t>(a));
        if (whole > a) whole -= 1.0F;
        return __builtin_copysignf(whole, a);
    }

    static PYCORE_INLINE Int add(Int a, Int b) noexcept { return a + b; }
    static PYCORE_INLINE Int sub(Int a, Int b) noexcept { return a - b; }
    static PYCORE_INLINE Int bit_and(Int a, Int b) noexcept { return a & b; }
    static PYCORE_INLINE Int bit_or(Int a, Int b) noexcept { return a | b; }
    static PYCORE_INLINE Int bit_xor(Int a, Int b) noexcept { return a ^ b; }
    static PYCORE_INLINE Int bit_xor(Int a, Int b, Int c) noexcept { return a ^ b ^ c; }
    static PYCORE_INLINE Int max_unsigned(Int a, Int b) noexcept { return a > b ? a : b; }
    template <int BITS>
    static PYCORE_INLINE Int shift_left(Int a) noexcept {
        return a << BITS;
    }
    template <int BITS>
    static PYCORE_INLINE Int shift_right(Int a) noexcept {
        return a >> BITS;
    }
    template <int BITS>
    static PYCORE_INLINE Int shift_right_signed(Int a) noexcept {
        return static_cast<Int>(static_cast<std::int32_t>(a) >> BITS);
    }
    // The upper half of a word, or what is `shift` = 16 bits below it.
    static PYCORE_INLINE Place place_of_half(std::uint32_t shift) noexcept { return shift; }
    static PYCORE_INLINE Int half(Int a, Place place) noexcept { return a << place >> 16U; }

    static PYCORE_INLINE Float as_float(Int a) noexcept {
        Float x;
        std::memcpy(&x, &a, sizeof x);
        return x;
    }
    static PYCORE_INLINE Int as_int(Float a) noexcept {
        Int x;
        std::memcpy(&x, &a, sizeof x);
        return x;
    }
    static PYCORE_INLINE Float to_float(Int a) noexcept {
        return static_cast<float>(static_cast<std::int32_t>(a));
    }
    // Round half to even; values outside the range of int32 give 2^31 as cvtps2dq does.
    static PYCORE_INLINE Int round_to_int(Float a) noexcept {
        if (!(__builtin_fabsf(a) < 2147483648.0F)) return 0x80000000U;
        if (!(__builtin_fabsf(a) < 8388608.0F)) {
            return static_cast<Int>(static_cast<std::int32_t>(a));
        }
        const float magic = __builtin_copysignf(8388608.0F, a);
        return static_cast<Int>(static_cast<std::int32_t>((a + magic) - magic));
    }
    static PYCORE_INLINE Int truncate_to_int(Float a) noexcept {
        if (!(__builtin_fabsf(a) < 2147483648.0F)) return 0x80000000U;
        return static_cast<Int>(static_cast<std::int32_t>(a));
    }

    static PYCORE_INLINE Mask lt(Float a, Float b) noexcept { return a < b ? 1U : 0U; }
    static PYCORE_INLINE Mask le(Float a, Float b) noexcept { return a <= b ? 1U : 0U; }
    static PYCORE_INLINE Mask eq(Float a, Float b) noexcept { return a == b ? 1U : 0U; }
    static PYCORE_INLINE Mask ne(Float a, Float b) noexcept { return a != b ? 1U : 0U; }
    // Also of numbers that cannot be compared.
    static PYCORE_INLINE Mask not_le(Float a, Float b) noexcept { return a <= b ? 0U : 1U; }
    // As signed integers.
    static PYCORE_INLINE Mask le(Int a, Int b) noexcept {
        return static_cast<std::int32_t>(a) <= static_cast<std::int32_t>(b) ? 1U : 0U;
    }
    static PYCORE_INLINE Mask lt(Int a, Int b) noexcept {
        return static_cast<std::int32_t>(a) < static_cast<std::int32_t>(b) ? 1U : 0U;
    }
    static PYCORE_INLINE Mask eq(Int a, Int b) noexcept { return a == b ? 1U : 0U; }
    static PYCORE_INLINE Mask mask_and(Mask a, Mask b) noexcept { return a & b; }
    static PYCORE_INLINE Mask mask_without(Mask a, Mask b) noexcept { return a & ~b; }
    static PYCORE_INLINE Mask mask_or(Mask a, Mask b) noexcept { return a | b; }
    static PYCORE_INLINE bool any(Mask m) noexcept { return m != 0; }
    static PYCORE_INLINE Mask first(std::int32_t lanes) noexcept { return lanes > 0 ? 1U : 0U; }
    static PYCORE_INLINE Float select(Mask m, Float a, Float b) noexcept { return m != 0 ? a : b; }
    static PYCORE_INLINE Float keep(Mask m, Float a) noexcept { return m != 0 ? a : 0.0F; }
    static PYCORE_INLINE Int keep(Mask m, Int a) noexcept { return m != 0 ? a : 0U; }
    // The chosen lanes in a row, with as many more as fill a vector; lanes from such a row, or 0.
    static PYCORE_INLINE void compress(std::uint32_t* p, Mask, Int a) noexcept { *p = a; }
    static PYCORE_INLINE Float expand(Mask m, const float* p) noexcept {
        return m != 0 ? *p : 0.0F;
    }
    static PYCORE_INLINE Int count(Int total, Mask m) noexcept {
        return m != 0 ? total + 1U : total;
    }
    static PYCORE_INLINE std::uint32_t bits(Mask m) noexcept { return m != 0 ? 1U : 0U; }
    static PYCORE_INLINE std::int32_t sum(Int a) noexcept { return static_cast<std::int32_t>(a); }
    static PYCORE_INLINE void sums(const Int (&a)[4], std::int32_t (&out)[4]) noexcept {
        for (int k = 0; k < 4; ++k)
            out[k] = sum(a[k]);
    }
    static PYCORE_INLINE bool any_above(Int a, Int limit) noexcept { return a > limit; }
    static PYCORE_INLINE std::uint32_t largest(Int a) noexcept { return a; }

    static PYCORE_INLINE Float lookup32(const float* table, Int index) noexcept {
        return table[index & 31U];
    }

    static constexpr bool HAS_SCALE = false;
    static constexpr bool HAS_LOOKUP_UPPER = false;

    static PYCORE_INLINE Wide widen(Int a) noexcept { return a; }
    static PYCORE_INLINE Wide set_wide(std::uint64_t x) noexcept { return x; }
    static PYCORE_INLINE Wide multiply(Wide a, std::uint32_t m) noexcept {
        return static_cast<std::uint64_t>(static_cast<std::uint32_t>(a)) * m;
    }
    static PYCORE_INLINE Wide high(Wide a) noexcept { return a >> 32; }
    static PYCORE_INLINE Wide wide_xor(Wide a, Wide b) noexcept { return a ^ b; }
    static PYCORE_INLINE Wide wide_xor(Wide a, Wide b, Wide c) noexcept { return a ^ b ^ c; }
    static PYCORE_INLINE Int narrow(Wide a) noexcept { return static_cast<Int>(a); }
    static PYCORE_INLINE Int narrow_high(Wide a) noexcept { return static_cast<Int>(a >> 32); }
};

} // namespace pycore
