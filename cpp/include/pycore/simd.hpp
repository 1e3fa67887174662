// Thin vector types: the same exactly rounded operations on one, eight or sixteen lanes.
//
// Every operation is exact or correctly rounded (add, mul, div, sqrt, compare, convert, shift), so
// the three types give the same bits in each lane by construction.  There is no fused
// multiply-add, and min and max are `a < b ? a : b` and `a > b ? a : b`, as minps and maxps are.
//
// `Wide` holds one vector's worth of 64-bit products for Philox: even and odd lanes apart, only the
// low halves meaningful between operations.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#define PYCORE_INLINE __attribute__((always_inline)) inline

namespace pycore {

struct Scalar {
    static constexpr std::int32_t WIDTH = 1;
    using Float = float;
    using Int = std::uint32_t;
    using Mask = bool;
    using Wide = std::uint64_t;

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

    static PYCORE_INLINE Mask lt(Float a, Float b) noexcept { return a < b; }
    static PYCORE_INLINE Mask le(Float a, Float b) noexcept { return a <= b; }
    static PYCORE_INLINE Mask eq(Float a, Float b) noexcept { return a == b; }
    static PYCORE_INLINE Mask ne(Float a, Float b) noexcept { return a != b; }
    static PYCORE_INLINE Mask mask_and(Mask a, Mask b) noexcept { return a && b; }
    static PYCORE_INLINE Mask mask_or(Mask a, Mask b) noexcept { return a || b; }
    static PYCORE_INLINE Mask first(std::int32_t lanes) noexcept { return lanes > 0; }
    static PYCORE_INLINE Float select(Mask m, Float a, Float b) noexcept { return m ? a : b; }
    static PYCORE_INLINE Float keep(Mask m, Float a) noexcept { return m ? a : 0.0F; }
    static PYCORE_INLINE Int keep(Mask m, Int a) noexcept { return m ? a : 0U; }
    static PYCORE_INLINE Int count(Int total, Mask m) noexcept { return m ? total + 1U : total; }
    static PYCORE_INLINE std::uint32_t bits(Mask m) noexcept { return m ? 1U : 0U; }
    static PYCORE_INLINE std::int32_t sum(Int a) noexcept { return static_cast<std::int32_t>(a); }
    static PYCORE_INLINE std::uint32_t largest(Int a) noexcept { return a; }

    static PYCORE_INLINE Float lookup32(const float* table, Int index) noexcept {
        return table[index & 31U];
    }

    static PYCORE_INLINE Wide widen(Int a) noexcept { return a; }
    static PYCORE_INLINE Wide set_wide(std::uint64_t x) noexcept { return x; }
    static PYCORE_INLINE Wide multiply(Wide a, std::uint32_t m) noexcept {
        return static_cast<std::uint64_t>(static_cast<std::uint32_t>(a)) * m;
    }
    static PYCORE_INLINE Wide high(Wide a) noexcept { return a >> 32; }
    static PYCORE_INLINE Wide wide_xor(Wide a, Wide b) noexcept { return a ^ b; }
    static PYCORE_INLINE Wide wide_xor(Wide a, Wide b, Wide c) noexcept { return a ^ b ^ c; }
    static PYCORE_INLINE Int narrow(Wide a) noexcept { return static_cast<Int>(a); }
};

#ifdef __AVX2__
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
    static PYCORE_INLINE Int max_unsigned(Int a, Int b) noexcept {
        return {_mm256_max_epu32(a.v, b.v)};
    }
    template <int BITS>
    static PYCORE_INLINE Int shift_left(Int a) noexcept {
        return {_mm256_slli_epi32(a.v, BITS)};
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
    static PYCORE_INLINE Mask mask_and(Mask a, Mask b) noexcept {
        return {_mm256_and_ps(a.v, b.v)};
    }
    static PYCORE_INLINE Mask mask_or(Mask a, Mask b) noexcept { return {_mm256_or_ps(a.v, b.v)}; }
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
    // A true lane is -1, so subtracting the mask counts.
    static PYCORE_INLINE Int count(Int total, Mask m) noexcept {
        return {_mm256_sub_epi32(total.v, _mm256_castps_si256(m.v))};
    }
    static PYCORE_INLINE std::uint32_t bits(Mask m) noexcept {
        return static_cast<std::uint32_t>(_mm256_movemask_ps(m.v));
    }
    static PYCORE_INLINE std::int32_t sum(Int a) noexcept {
        __m128i x = _mm_add_epi32(_mm256_castsi256_si128(a.v), _mm256_extracti128_si256(a.v, 1));
        x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4E));
        x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0xB1));
        return _mm_cvtsi128_si32(x);
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
};
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
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
    static PYCORE_INLINE Mask mask_and(Mask a, Mask b) noexcept {
        return {static_cast<__mmask16>(a.v & b.v)};
    }
    static PYCORE_INLINE Mask mask_or(Mask a, Mask b) noexcept {
        return {static_cast<__mmask16>(a.v | b.v)};
    }
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
    static PYCORE_INLINE Int count(Int total, Mask m) noexcept {
        return {_mm512_mask_add_epi32(total.v, m.v, total.v, _mm512_set1_epi32(1))};
    }
    static PYCORE_INLINE std::uint32_t bits(Mask m) noexcept { return m.v; }
    static PYCORE_INLINE std::int32_t sum(Int a) noexcept { return _mm512_reduce_add_epi32(a.v); }
    static PYCORE_INLINE std::uint32_t largest(Int a) noexcept {
        return _mm512_reduce_max_epu32(a.v);
    }

    static PYCORE_INLINE Float lookup32(const float* table, Int index) noexcept {
        return {_mm512_permutex2var_ps(_mm512_load_ps(table), index.v, _mm512_load_ps(table + 16))};
    }

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
};
#endif

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
    PYCORE_BINARY(Float, keep, Mask, Float)
#undef PYCORE_UNARY
#undef PYCORE_BINARY
#undef PYCORE_SHIFT
    static PYCORE_INLINE Float select(const Mask& m, const Float& a, const Float& b) noexcept {
        return {V::select(m.low, a.low, b.low), V::select(m.high, a.high, b.high)};
    }
    static PYCORE_INLINE Float lookup32(const float* table, const Int& index) noexcept {
        return {V::lookup32(table, index.low), V::lookup32(table, index.high)};
    }
};

} // namespace pycore
