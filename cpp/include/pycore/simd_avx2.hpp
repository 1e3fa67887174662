// Eight lanes in a 256-bit register.
#pragma once

#include "pycore/inlining.hpp"

#include <cstdint>
#include <immintrin.h>

namespace pycore {

// For each set of lanes, one bit each: which they are, in order, and the rank of each among them.
struct Lanes8 {
    std::uint8_t chosen[256][8] = {};
    std::uint8_t rank[256][8] = {};

    constexpr Lanes8() noexcept {
        for (std::uint32_t set = 0; set < 256; ++set) {
            std::uint8_t count = 0;
            for (std::uint8_t lane = 0; lane < 8; ++lane) {
                rank[set][lane] = count;
                if ((set >> lane & 1U) != 0) chosen[set][count++] = lane;
            }
        }
    }
};
inline constexpr Lanes8 LANES_8;

struct Avx2 {
    static constexpr std::int32_t WIDTH = 8;
    // Distinct types, so that overloads tell floats from integers and masks.
    struct Int {
        __m256i v;
    };
    struct Mask {
        __m256 v;
    };
    struct Float {
        __m256 v;
    };
    struct Wide {
        __m256i even, odd;
    };
    struct Place {
        __m256i bytes;
    };

    static PYCORE_INLINE Float set(float x) noexcept { return {_mm256_set1_ps(x)}; }
    static PYCORE_INLINE Int set_int(std::uint32_t x) noexcept {
        return {_mm256_set1_epi32(static_cast<int>(x))};
    }
    static PYCORE_INLINE Float load(const float* p) noexcept { return {_mm256_load_ps(p)}; }
    static PYCORE_INLINE void store(float* p, Float x) noexcept { _mm256_store_ps(p, x.v); }
    static PYCORE_INLINE Int load_int(const std::uint32_t* p) noexcept {
        return {_mm256_load_si256(reinterpret_cast<const __m256i*>(p))};
    }
    static PYCORE_INLINE void store_int(std::uint32_t* p, Int x) noexcept {
        _mm256_store_si256(reinterpret_cast<__m256i*>(p), x.v);
    }

    static PYCORE_INLINE Float add(Float a, Float b) noexcept { return {_mm256_add_ps(a.v, b.v)}; }
    static PYCORE_INLINE Float sub(Float a, Float b) noexcept { return {_mm256_sub_ps(a.v, b.v)}; }
    static PYCORE_INLINE Float mul(Float a, Float b) noexcept { return {_mm256_mul_ps(a.v, b.v)}; }
    static PYCORE_INLINE Float div(Float a, Float b) noexcept { return {_mm256_div_ps(a.v, b.v)}; }
    static PYCORE_INLINE Float min(Float a, Float b) noexcept { return {_mm256_min_ps(a.v, b.v)}; }
    static PYCORE_INLINE Float max(Float a, Float b) noexcept { return {_mm256_max_ps(a.v, b.v)}; }
    static PYCORE_INLINE Float sqrt(Float a) noexcept { return {_mm256_sqrt_ps(a.v)}; }
    static PYCORE_INLINE Float floor(Float a) noexcept { return {_mm256_floor_ps(a.v)}; }

    static PYCORE_INLINE Int add(Int a, Int b) noexcept { return {_mm256_add_epi32(a.v, b.v)}; }
    static PYCORE_INLINE Int sub(Int a, Int b) noexcept { return {_mm256_sub_epi32(a.v, b.v)}; }
    static PYCORE_INLINE Int bit_and(Int a, Int b) noexcept { return {_mm256_and_si256(a.v, b.v)}; }
    static PYCORE_INLINE Int bit_or(Int a, Int b) noexcept { return {_mm256_or_si256(a.v, b.v)}; }
    static PYCORE_INLINE Int bit_xor(Int a, Int b) noexcept { return {_mm256_xor_si256(a.v, b.v)}; }
    static PYCORE_INLINE Int bit_xor(Int a, Int b, Int c) noexcept {
        return bit_xor(bit_xor(a, b), c);
    }
    static PYCORE_INLINE Int max_unsigned(Int a, Int b) noexcept {
        return {_mm256_max_epu32(a.v, b.v)};
    }
    template <int BITS>
    static PYCORE_INLINE Int shift_left(Int a) noexcept {
        return {_mm256_slli_epi32(a.v, BITS)};
    }
    // Two bytes of each word, and two zeros.
    static PYCORE_INLINE Place place_of_half(std::uint32_t shift) noexcept {
        const __m256i upper =
            _mm256_set_epi32(static_cast<int>(0x80800F0EU), static_cast<int>(0x80800B0AU),
                             static_cast<int>(0x80800706U), static_cast<int>(0x80800302U),
                             static_cast<int>(0x80800F0EU), static_cast<int>(0x80800B0AU),
                             static_cast<int>(0x80800706U), static_cast<int>(0x80800302U));
        return {_mm256_sub_epi8(upper, _mm256_set1_epi32(static_cast<int>(shift / 8 * 0x0101U)))};
    }
    static PYCORE_INLINE Int half(Int a, Place place) noexcept {
        return {_mm256_shuffle_epi8(a.v, place.bytes)};
    }
    template <int BITS>
    static PYCORE_INLINE Int shift_right(Int a) noexcept {
        return {_mm256_srli_epi32(a.v, BITS)};
    }
    template <int BITS>
    static PYCORE_INLINE Int shift_right_signed(Int a) noexcept {
        return {_mm256_srai_epi32(a.v, BITS)};
    }

    static PYCORE_INLINE Float as_float(Int a) noexcept { return {_mm256_castsi256_ps(a.v)}; }
    static PYCORE_INLINE Int as_int(Float a) noexcept { return {_mm256_castps_si256(a.v)}; }
    static PYCORE_INLINE Float to_float(Int a) noexcept { return {_mm256_cvtepi32_ps(a.v)}; }
    static PYCORE_INLINE Int round_to_int(Float a) noexcept { return {_mm256_cvtps_epi32(a.v)}; }
    static PYCORE_INLINE Int truncate_to_int(Float a) noexcept {
        return {_mm256_cvttps_epi32(a.v)};
    }

    static PYCORE_INLINE Mask lt(Float a, Float b) noexcept {
        return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)};
    }
    static PYCORE_INLINE Mask le(Float a, Float b) noexcept {
        return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)};
    }
    static PYCORE_INLINE Mask eq(Float a, Float b) noexcept {
        return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)};
    }
    static PYCORE_INLINE Mask ne(Float a, Float b) noexcept {
        return {_mm256_cmp_ps(a.v, b.v, _CMP_NEQ_UQ)};
    }
    // Also of numbers that cannot be compared.
    static PYCORE_INLINE Mask not_le(Float a, Float b) noexcept {
        return {_mm256_cmp_ps(a.v, b.v, _CMP_NLE_UQ)};
    }
    // As signed integers.
    static PYCORE_INLINE Mask le(Int a, Int b) noexcept {
        const __m256i greater = _mm256_cmpgt_epi32(a.v, b.v);
        return {_mm256_castsi256_ps(_mm256_xor_si256(greater, _mm256_set1_epi32(-1)))};
    }
    static PYCORE_INLINE Mask lt(Int a, Int b) noexcept {
        return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(b.v, a.v))};
    }
    static PYCORE_INLINE Mask eq(Int a, Int b) noexcept {
        return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.v, b.v))};
    }
    static PYCORE_INLINE Mask mask_and(Mask a, Mask b) noexcept {
        return {_mm256_and_ps(a.v, b.v)};
    }
    static PYCORE_INLINE Mask mask_without(Mask a, Mask b) noexcept {
        return {_mm256_andnot_ps(b.v, a.v)};
    }
    static PYCORE_INLINE Mask mask_or(Mask a, Mask b) noexcept { return {_mm256_or_ps(a.v, b.v)}; }
    static PYCORE_INLINE bool any(Mask m) noexcept { return bits(m) != 0; }
    static PYCORE_INLINE Mask first(std::int32_t lanes) noexcept {
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), lane))};
    }
    static PYCORE_INLINE Float select(Mask m, Float a, Float b) noexcept {
        return {_mm256_blendv_ps(b.v, a.v, m.v)};
    }
    static PYCORE_INLINE Float keep(Mask m, Float a) noexcept { return {_mm256_and_ps(m.v, a.v)}; }
    static PYCORE_INLINE Int keep(Mask m, Int a) noexcept {
        return {_mm256_and_si256(_mm256_castps_si256(m.v), a.v)};
    }
    // The chosen lanes in a row, with as many more as fill a vector; lanes from such a row, or 0.
    static PYCORE_INLINE void compress(std::uint32_t* p, Mask m, Int a) noexcept {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                            _mm256_permutevar8x32_epi32(a.v, places(LANES_8.chosen[bits(m)])));
    }
    static PYCORE_INLINE Float expand(Mask m, const float* p) noexcept {
        const __m256i rank = places(LANES_8.rank[bits(m)]);
        return {_mm256_and_ps(m.v, _mm256_permutevar8x32_ps(_mm256_loadu_ps(p), rank))};
    }
    static PYCORE_INLINE __m256i places(const std::uint8_t (&lanes)[8]) noexcept {
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(lanes)));
    }
    // A true lane is -1, so subtracting the mask counts.
    static PYCORE_INLINE Int count(Int total, Mask m) noexcept {
        return {_mm256_sub_epi32(total.v, _mm256_castps_si256(m.v))};
    }
    static PYCORE_INLINE std::uint32_t bits(Mask m) noexcept {
        return static_cast<std::uint32_t>(_mm256_movemask_ps(m.v));
    }
    static PYCORE_INLINE std::int32_t how_many(Mask m) noexcept {
        return __builtin_popcount(bits(m));
    }
    static PYCORE_INLINE std::int32_t sum(Int a) noexcept {
        __m128i x = _mm_add_epi32(_mm256_castsi256_si128(a.v), _mm256_extracti128_si256(a.v, 1));
        x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4E));
        x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0xB1));
        return _mm_cvtsi128_si32(x);
    }
    // Four sums at once: halves of two vectors are added as one, twice.
    static PYCORE_INLINE void sums(const Int (&a)[4], std::int32_t (&out)[4]) noexcept {
        const __m256i first = _mm256_add_epi32(_mm256_unpacklo_epi32(a[0].v, a[1].v),
                                               _mm256_unpackhi_epi32(a[0].v, a[1].v));
        const __m256i second = _mm256_add_epi32(_mm256_unpacklo_epi32(a[2].v, a[3].v),
                                                _mm256_unpackhi_epi32(a[2].v, a[3].v));
        const __m256i four = _mm256_add_epi32(_mm256_unpacklo_epi64(first, second),
                                              _mm256_unpackhi_epi64(first, second));
        _mm_storeu_si128(
            reinterpret_cast<__m128i*>(out),
            _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1)));
    }
    static PYCORE_INLINE bool any_above(Int a, Int limit) noexcept {
        const __m256i within = _mm256_cmpeq_epi32(_mm256_max_epu32(a.v, limit.v), limit.v);
        return _mm256_movemask_epi8(within) != -1;
    }
    static PYCORE_INLINE std::uint32_t largest(Int a) noexcept {
        __m128i x = _mm_max_epu32(_mm256_castsi256_si128(a.v), _mm256_extracti128_si256(a.v, 1));
        x = _mm_max_epu32(x, _mm_shuffle_epi32(x, 0x4E));
        x = _mm_max_epu32(x, _mm_shuffle_epi32(x, 0xB1));
        return static_cast<std::uint32_t>(_mm_cvtsi128_si32(x));
    }

    // Four permutes and three blends: a gather costs several times as much on many processors.
    static PYCORE_INLINE Float lookup32(const float* table, Int index) noexcept {
        const __m256 bit_3 = _mm256_castsi256_ps(_mm256_slli_epi32(index.v, 28));
        const __m256 bit_4 = _mm256_castsi256_ps(_mm256_slli_epi32(index.v, 27));
        const __m256 a = _mm256_permutevar8x32_ps(_mm256_load_ps(table), index.v);
        const __m256 b = _mm256_permutevar8x32_ps(_mm256_load_ps(table + 8), index.v);
        const __m256 c = _mm256_permutevar8x32_ps(_mm256_load_ps(table + 16), index.v);
        const __m256 d = _mm256_permutevar8x32_ps(_mm256_load_ps(table + 24), index.v);
        return {
            _mm256_blendv_ps(_mm256_blendv_ps(a, b, bit_3), _mm256_blendv_ps(c, d, bit_3), bit_4)};
    }

    // The eight entries from 22 on, of an index modulo 32 that is one of them: one permute.
    static constexpr bool HAS_SCALE = false;
    static constexpr bool HAS_LOOKUP_UPPER = true;
    static PYCORE_INLINE Float lookup_upper(const float* table, Int index) noexcept {
        const __m256 upper =
            _mm256_blend_ps(_mm256_load_ps(table + 24), _mm256_load_ps(table + 16), 0xC0);
        return {_mm256_permutevar8x32_ps(upper, index.v)};
    }

    static PYCORE_INLINE Wide widen(Int a) noexcept { return {a.v, _mm256_srli_epi64(a.v, 32)}; }
    static PYCORE_INLINE Wide set_wide(std::uint64_t x) noexcept {
        const __m256i v = _mm256_set1_epi64x(static_cast<long long>(x));
        return {v, v};
    }
    static PYCORE_INLINE Wide multiply(Wide a, std::uint32_t m) noexcept {
        const __m256i factor = _mm256_set1_epi64x(m);
        return {_mm256_mul_epu32(a.even, factor), _mm256_mul_epu32(a.odd, factor)};
    }
    static PYCORE_INLINE Wide high(Wide a) noexcept {
        return {_mm256_srli_epi64(a.even, 32), _mm256_srli_epi64(a.odd, 32)};
    }
    static PYCORE_INLINE Wide wide_xor(Wide a, Wide b) noexcept {
        return {_mm256_xor_si256(a.even, b.even), _mm256_xor_si256(a.odd, b.odd)};
    }
    static PYCORE_INLINE Wide wide_xor(Wide a, Wide b, Wide c) noexcept {
        return wide_xor(wide_xor(a, b), c);
    }
    static PYCORE_INLINE Int narrow(Wide a) noexcept {
        return {_mm256_blend_epi32(a.even, _mm256_slli_epi64(a.odd, 32), 0xAA)};
    }
    static PYCORE_INLINE Int narrow_high(Wide a) noexcept {
        return {_mm256_blend_epi32(_mm256_srli_epi64(a.even, 32), a.odd, 0xAA)};
    }
};

} // namespace pycore
