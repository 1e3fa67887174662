// Sixteen lanes in a 512-bit register.
#pragma once

#include "pycore/inlining.hpp"

#include <cstdint>
#include <immintrin.h>

namespace pycore {

struct Avx512 {
    static constexpr std::int32_t WIDTH = 16;
    struct Int {
        __m512i v;
    };
    struct Mask {
        __mmask16 v;
    };
    struct Float {
        __m512 v;
    };
    struct Wide {
        __m512i even, odd;
    };
    struct Place {
        __m512i bytes;
    };

    static PYCORE_INLINE Float set(float x) noexcept { return {_mm512_set1_ps(x)}; }
    static PYCORE_INLINE Int set_int(std::uint32_t x) noexcept {
        return {_mm512_set1_epi32(static_cast<int>(x))};
    }
    static PYCORE_INLINE Float load(const float* p) noexcept { return {_mm512_load_ps(p)}; }
    static PYCORE_INLINE void store(float* p, Float x) noexcept { _mm512_store_ps(p, x.v); }
    static PYCORE_INLINE Int load_int(const std::uint32_t* p) noexcept {
        return {_mm512_load_si512(p)};
    }
    static PYCORE_INLINE void store_int(std::uint32_t* p, Int x) noexcept {
        _mm512_store_si512(p, x.v);
    }

    static PYCORE_INLINE Float add(Float a, Float b) noexcept { return {_mm512_add_ps(a.v, b.v)}; }
    static PYCORE_INLINE Float sub(Float a, Float b) noexcept { return {_mm512_sub_ps(a.v, b.v)}; }
    static PYCORE_INLINE Float mul(Float a, Float b) noexcept { return {_mm512_mul_ps(a.v, b.v)}; }
    static PYCORE_INLINE Float div(Float a, Float b) noexcept { return {_mm512_div_ps(a.v, b.v)}; }
    static PYCORE_INLINE Float min(Float a, Float b) noexcept { return {_mm512_min_ps(a.v, b.v)}; }
    static PYCORE_INLINE Float max(Float a, Float b) noexcept { return {_mm512_max_ps(a.v, b.v)}; }
    static PYCORE_INLINE Float sqrt(Float a) noexcept { return {_mm512_sqrt_ps(a.v)}; }
    static PYCORE_INLINE Float floor(Float a) noexcept {
        return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
    }

    static PYCORE_INLINE Int add(Int a, Int b) noexcept { return {_mm512_add_epi32(a.v, b.v)}; }
    static PYCORE_INLINE Int sub(Int a, Int b) noexcept { return {_mm512_sub_epi32(a.v, b.v)}; }
    static PYCORE_INLINE Int bit_and(Int a, Int b) noexcept { return {_mm512_and_si512(a.v, b.v)}; }
    static PYCORE_INLINE Int bit_or(Int a, Int b) noexcept { return {_mm512_or_si512(a.v, b.v)}; }
    static PYCORE_INLINE Int bit_xor(Int a, Int b) noexcept { return {_mm512_xor_si512(a.v, b.v)}; }
    static PYCORE_INLINE Int bit_xor(Int a, Int b, Int c) noexcept {
        return {_mm512_ternarylogic_epi32(a.v, b.v, c.v, 0x96)};
    }
    static PYCORE_INLINE Int max_unsigned(Int a, Int b) noexcept {
        return {_mm512_max_epu32(a.v, b.v)};
    }
    template <int BITS>
    static PYCORE_INLINE Int shift_left(Int a) noexcept {
        return {_mm512_slli_epi32(a.v, BITS)};
    }
    template <int BITS>
    static PYCORE_INLINE Int shift_right(Int a) noexcept {
        return {_mm512_srli_epi32(a.v, BITS)};
    }
    template <int BITS>
    static PYCORE_INLINE Int shift_right_signed(Int a) noexcept {
        return {_mm512_srai_epi32(a.v, BITS)};
    }
    // Two bytes of each word, and two zeros.
    static PYCORE_INLINE Place place_of_half(std::uint32_t shift) noexcept {
        const __m128i upper =
            _mm_set_epi32(static_cast<int>(0x80800F0EU), static_cast<int>(0x80800B0AU),
                          static_cast<int>(0x80800706U), static_cast<int>(0x80800302U));
        const __m128i bytes =
            _mm_sub_epi8(upper, _mm_set1_epi32(static_cast<int>(shift / 8 * 0x0101U)));
        return {_mm512_broadcast_i32x4(bytes)};
    }
    static PYCORE_INLINE Int half(Int a, Place place) noexcept {
        return {_mm512_shuffle_epi8(a.v, place.bytes)};
    }

    static PYCORE_INLINE Float as_float(Int a) noexcept { return {_mm512_castsi512_ps(a.v)}; }
    static PYCORE_INLINE Int as_int(Float a) noexcept { return {_mm512_castps_si512(a.v)}; }
    static PYCORE_INLINE Float to_float(Int a) noexcept { return {_mm512_cvtepi32_ps(a.v)}; }
    static PYCORE_INLINE Int round_to_int(Float a) noexcept { return {_mm512_cvtps_epi32(a.v)}; }
    static PYCORE_INLINE Int truncate_to_int(Float a) noexcept {
        return {_mm512_cvttps_epi32(a.v)};
    }

    static PYCORE_INLINE Mask lt(Float a, Float b) noexcept {
        return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)};
    }
    static PYCORE_INLINE Mask le(Float a, Float b) noexcept {
        return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)};
    }
    static PYCORE_INLINE Mask eq(Float a, Float b) noexcept {
        return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)};
    }
    static PYCORE_INLINE Mask ne(Float a, Float b) noexcept {
        return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ)};
    }
    // Also of numbers that cannot be compared.
    static PYCORE_INLINE Mask not_le(Float a, Float b) noexcept {
        return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_NLE_UQ)};
    }
    // As signed integers.
    static PYCORE_INLINE Mask le(Int a, Int b) noexcept {
        return {_mm512_cmple_epi32_mask(a.v, b.v)};
    }
    static PYCORE_INLINE Mask lt(Int a, Int b) noexcept {
        return {_mm512_cmplt_epi32_mask(a.v, b.v)};
    }
    static PYCORE_INLINE Mask eq(Int a, Int b) noexcept {
        return {_mm512_cmpeq_epi32_mask(a.v, b.v)};
    }
    static PYCORE_INLINE Mask mask_and(Mask a, Mask b) noexcept {
        return {static_cast<__mmask16>(a.v & b.v)};
    }
    static PYCORE_INLINE Mask mask_without(Mask a, Mask b) noexcept {
        return {static_cast<__mmask16>(a.v & ~b.v)};
    }
    static PYCORE_INLINE Mask mask_or(Mask a, Mask b) noexcept {
        return {static_cast<__mmask16>(a.v | b.v)};
    }
    static PYCORE_INLINE bool any(Mask m) noexcept { return bits(m) != 0; }
    static PYCORE_INLINE Mask first(std::int32_t lanes) noexcept {
        if (lanes >= WIDTH) return {static_cast<__mmask16>(0xFFFF)};
        return {static_cast<__mmask16>((1U << lanes) - 1U)};
    }
    static PYCORE_INLINE Float select(Mask m, Float a, Float b) noexcept {
        return {_mm512_mask_blend_ps(m.v, b.v, a.v)};
    }
    static PYCORE_INLINE Float keep(Mask m, Float a) noexcept {
        return {_mm512_maskz_mov_ps(m.v, a.v)};
    }
    static PYCORE_INLINE Int keep(Mask m, Int a) noexcept {
        return {_mm512_maskz_mov_epi32(m.v, a.v)};
    }
    // The chosen lanes in a row, with as many more as fill a vector; lanes from such a row, or 0.
    static PYCORE_INLINE void compress(std::uint32_t* p, Mask m, Int a) noexcept {
        _mm512_storeu_si512(p, _mm512_maskz_compress_epi32(m.v, a.v));
    }
    static PYCORE_INLINE Float expand(Mask m, const float* p) noexcept {
        return {_mm512_maskz_expand_ps(m.v, _mm512_loadu_ps(p))};
    }
    static PYCORE_INLINE Int count(Int total, Mask m) noexcept {
        return {_mm512_mask_add_epi32(total.v, m.v, total.v, _mm512_set1_epi32(1))};
    }
    static PYCORE_INLINE std::uint32_t bits(Mask m) noexcept { return m.v; }
    static PYCORE_INLINE std::int32_t how_many(Mask m) noexcept {
        return __builtin_popcount(bits(m));
    }
    static PYCORE_INLINE std::int32_t sum(Int a) noexcept { return _mm512_reduce_add_epi32(a.v); }
    // Four sums at once: halves of two vectors are added as one, twice.
    static PYCORE_INLINE void sums(const Int (&a)[4], std::int32_t (&out)[4]) noexcept {
        const __m512i first = _mm512_add_epi32(_mm512_unpacklo_epi32(a[0].v, a[1].v),
                                               _mm512_unpackhi_epi32(a[0].v, a[1].v));
        const __m512i second = _mm512_add_epi32(_mm512_unpacklo_epi32(a[2].v, a[3].v),
                                                _mm512_unpackhi_epi32(a[2].v, a[3].v));
        const __m512i four = _mm512_add_epi32(_mm512_unpacklo_epi64(first, second),
                                              _mm512_unpackhi_epi64(first, second));
        const __m256i eight =
            _mm256_add_epi32(_mm512_castsi512_si256(four), _mm512_extracti64x4_epi64(four, 1));
        _mm_storeu_si128(
            reinterpret_cast<__m128i*>(out),
            _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1)));
    }
    static PYCORE_INLINE bool any_above(Int a, Int limit) noexcept {
        return _mm512_cmpgt_epu32_mask(a.v, limit.v) != 0;
    }
    static PYCORE_INLINE std::uint32_t largest(Int a) noexcept {
        return _mm512_reduce_max_epu32(a.v);
    }

    static PYCORE_INLINE Float lookup32(const float* table, Int index) noexcept {
        return {_mm512_permutex2var_ps(_mm512_load_ps(table), index.v, _mm512_load_ps(table + 16))};
    }

    static constexpr bool HAS_SCALE = true;
    // The nearest whole number; a * 2^n, whatever n is.
    static PYCORE_INLINE Float nearest(Float a) noexcept {
        return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
    }
    static PYCORE_INLINE Float scale(Float a, Float n) noexcept {
        return {_mm512_scalef_ps(a.v, n.v)};
    }
    static constexpr bool HAS_LOOKUP_UPPER = false;

    static PYCORE_INLINE Wide widen(Int a) noexcept { return {a.v, _mm512_srli_epi64(a.v, 32)}; }
    static PYCORE_INLINE Wide set_wide(std::uint64_t x) noexcept {
        const __m512i v = _mm512_set1_epi64(static_cast<long long>(x));
        return {v, v};
    }
    static PYCORE_INLINE Wide multiply(Wide a, std::uint32_t m) noexcept {
        const __m512i factor = _mm512_set1_epi64(m);
        return {_mm512_mul_epu32(a.even, factor), _mm512_mul_epu32(a.odd, factor)};
    }
    static PYCORE_INLINE Wide high(Wide a) noexcept {
        return {_mm512_srli_epi64(a.even, 32), _mm512_srli_epi64(a.odd, 32)};
    }
    static PYCORE_INLINE Wide wide_xor(Wide a, Wide b) noexcept {
        return {_mm512_xor_si512(a.even, b.even), _mm512_xor_si512(a.odd, b.odd)};
    }
    static PYCORE_INLINE Wide wide_xor(Wide a, Wide b, Wide c) noexcept {
        return {_mm512_ternarylogic_epi64(a.even, b.even, c.even, 0x96),
                _mm512_ternarylogic_epi64(a.odd, b.odd, c.odd, 0x96)};
    }
    static PYCORE_INLINE Int narrow(Wide a) noexcept {
        return {_mm512_mask_shuffle_epi32(a.even, 0xAAAA, a.odd, _MM_PERM_CCAA)};
    }
    static PYCORE_INLINE Int narrow_high(Wide a) noexcept {
        return {_mm512_mask_shuffle_epi32(a.odd, 0x5555, a.even, _MM_PERM_DDBB)};
    }
};

} // namespace pycore
