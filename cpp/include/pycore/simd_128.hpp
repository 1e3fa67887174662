// Four lanes in a 128-bit register, of an AArch64 processor (NEON) or of WebAssembly.
//
// The vector extension that GCC and Clang share says most of it once for both; what it has no sign
// for stands in `Native`, a few lines per instruction set.
#pragma once

#include "pycore/inlining.hpp"

#include <cstdint>
#if defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#else
#error "four lanes are for AArch64 and WebAssembly"
#endif

namespace pycore {

struct V128 {
    static constexpr std::int32_t WIDTH = 4;
    using Floats = float __attribute__((vector_size(16)));
    using Words = std::uint32_t __attribute__((vector_size(16)));
    using Integers = std::int32_t __attribute__((vector_size(16)));
    // Distinct types, so that overloads tell floats from integers and masks.
    struct Float {
        Floats v;
    };
    struct Int {
        Words v;
    };
    struct Mask {
        Words v; // all bits of a lane, or none
    };
    // Low and high words of the products of four lanes; the high ones only follow `multiply`.
    struct Wide {
        Words low, high;
    };

    // Values outside int32 saturate here and are 2^31 in the other types: no caller looks at them.
#if defined(__aarch64__)
    struct Native {
        static PYCORE_INLINE Floats sqrt(Floats a) noexcept { return vsqrtq_f32(a); }
        static PYCORE_INLINE Floats floor(Floats a) noexcept { return vrndmq_f32(a); }
        static PYCORE_INLINE Integers round(Floats a) noexcept { return vcvtnq_s32_f32(a); }
        static PYCORE_INLINE Integers truncate(Floats a) noexcept { return vcvtq_s32_f32(a); }
        static PYCORE_INLINE Wide multiply(Words a, std::uint32_t m) noexcept {
            const uint32x4_t front = vreinterpretq_u32_u64(vmull_n_u32(vget_low_u32(a), m));
            const uint32x4_t back = vreinterpretq_u32_u64(vmull_high_n_u32(a, m));
            return {vuzp1q_u32(front, back), vuzp2q_u32(front, back)};
        }
    };
#else
    struct Native {
        static PYCORE_INLINE Floats sqrt(Floats a) noexcept {
            return (Floats)wasm_f32x4_sqrt((v128_t)a);
        }
        static PYCORE_INLINE Floats floor(Floats a) noexcept {
            return (Floats)wasm_f32x4_floor((v128_t)a);
        }
        static PYCORE_INLINE Integers round(Floats a) noexcept {
            return (Integers)wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest((v128_t)a));
        }
        static PYCORE_INLINE Integers truncate(Floats a) noexcept {
            return (Integers)wasm_i32x4_trunc_sat_f32x4((v128_t)a);
        }
        static PYCORE_INLINE Wide multiply(Words a, std::uint32_t m) noexcept {
            const v128_t factor = wasm_i32x4_splat(static_cast<std::int32_t>(m));
            const v128_t front = wasm_u64x2_extmul_low_u32x4((v128_t)a, factor);
            const v128_t back = wasm_u64x2_extmul_high_u32x4((v128_t)a, factor);
            return {(Words)wasm_i32x4_shuffle(front, back, 0, 2, 4, 6),
                    (Words)wasm_i32x4_shuffle(front, back, 1, 3, 5, 7)};
        }
    };
#endif

    static PYCORE_INLINE Float set(float x) noexcept { return {Floats{x, x, x, x}}; }
    static PYCORE_INLINE Int set_int(std::uint32_t x) noexcept { return {Words{x, x, x, x}}; }
    static PYCORE_INLINE Float load(const float* p) noexcept {
        return {*reinterpret_cast<const Floats*>(p)};
    }
    static PYCORE_INLINE void store(float* p, Float x) noexcept {
        *reinterpret_cast<Floats*>(p) = x.v;
    }
    static PYCORE_INLINE Int load_int(const std::uint32_t* p) noexcept {
        return {*reinterpret_cast<const Words*>(p)};
    }
    static PYCORE_INLINE void store_int(std::uint32_t* p, Int x) noexcept {
        *reinterpret_cast<Words*>(p) = x.v;
    }

    static PYCORE_INLINE Float add(Float a, Float b) noexcept { return {a.v + b.v}; }
    static PYCORE_INLINE Float sub(Float a, Float b) noexcept { return {a.v - b.v}; }
    static PYCORE_INLINE Float mul(Float a, Float b) noexcept { return {a.v * b.v}; }
    static PYCORE_INLINE Float div(Float a, Float b) noexcept { return {a.v / b.v}; }
    static PYCORE_INLINE Float min(Float a, Float b) noexcept { return select(lt(a, b), a, b); }
    static PYCORE_INLINE Float max(Float a, Float b) noexcept { return select(lt(b, a), a, b); }
    static PYCORE_INLINE Float sqrt(Float a) noexcept { return {Native::sqrt(a.v)}; }
    static PYCORE_INLINE Float floor(Float a) noexcept { return {Native::floor(a.v)}; }

    static PYCORE_INLINE Int add(Int a, Int b) noexcept { return {a.v + b.v}; }
    static PYCORE_INLINE Int sub(Int a, Int b) noexcept { return {a.v - b.v}; }
    static PYCORE_INLINE Int bit_and(Int a, Int b) noexcept { return {a.v & b.v}; }
    static PYCORE_INLINE Int bit_or(Int a, Int b) noexcept { return {a.v | b.v}; }
    static PYCORE_INLINE Int bit_xor(Int a, Int b) noexcept { return {a.v ^ b.v}; }
    static PYCORE_INLINE Int bit_xor(Int a, Int b, Int c) noexcept {
        return bit_xor(bit_xor(a, b), c);
    }
    static PYCORE_INLINE Int max_unsigned(Int a, Int b) noexcept {
        const Words greater = (Words)(a.v > b.v);
        return {(greater & a.v) | (~greater & b.v)};
    }
    template <int BITS>
    static PYCORE_INLINE Int shift_left(Int a) noexcept {
        return {a.v << BITS};
    }
    // The upper half of a word, or what is `shift` = 16 bits below it.
    using Place = std::uint32_t;
    static PYCORE_INLINE Place place_of_half(std::uint32_t shift) noexcept { return shift; }
    static PYCORE_INLINE Int half(Int a, Place place) noexcept { return {a.v << place >> 16}; }
    template <int BITS>
    static PYCORE_INLINE Int shift_right(Int a) noexcept {
        return {a.v >> BITS};
    }
    template <int BITS>
    static PYCORE_INLINE Int shift_right_signed(Int a) noexcept {
        return {(Words)((Integers)a.v >> BITS)};
    }

    static PYCORE_INLINE Float as_float(Int a) noexcept { return {(Floats)a.v}; }
    static PYCORE_INLINE Int as_int(Float a) noexcept { return {(Words)a.v}; }
    static PYCORE_INLINE Float to_float(Int a) noexcept {
        return {__builtin_convertvector((Integers)a.v, Floats)};
    }
    static PYCORE_INLINE Int round_to_int(Float a) noexcept { return {(Words)Native::round(a.v)}; }
    static PYCORE_INLINE Int truncate_to_int(Float a) noexcept {
        return {(Words)Native::truncate(a.v)};
    }

    static PYCORE_INLINE Mask lt(Float a, Float b) noexcept { return {(Words)(a.v < b.v)}; }
    static PYCORE_INLINE Mask le(Float a, Float b) noexcept { return {(Words)(a.v <= b.v)}; }
    static PYCORE_INLINE Mask eq(Float a, Float b) noexcept { return {(Words)(a.v == b.v)}; }
    static PYCORE_INLINE Mask ne(Float a, Float b) noexcept { return {(Words)(a.v != b.v)}; }
    // Also of numbers that cannot be compared.
    static PYCORE_INLINE Mask not_le(Float a, Float b) noexcept { return {~(Words)(a.v <= b.v)}; }
    // As signed integers.
    static PYCORE_INLINE Mask le(Int a, Int b) noexcept {
        return {(Words)((Integers)a.v <= (Integers)b.v)};
    }
    static PYCORE_INLINE Mask lt(Int a, Int b) noexcept {
        return {(Words)((Integers)a.v < (Integers)b.v)};
    }
    static PYCORE_INLINE Mask eq(Int a, Int b) noexcept { return {(Words)(a.v == b.v)}; }
    static PYCORE_INLINE Mask mask_and(Mask a, Mask b) noexcept { return {a.v & b.v}; }
    static PYCORE_INLINE Mask mask_without(Mask a, Mask b) noexcept { return {a.v & ~b.v}; }
    static PYCORE_INLINE Mask mask_or(Mask a, Mask b) noexcept { return {a.v | b.v}; }
    static PYCORE_INLINE bool any(Mask m) noexcept { return bits(m) != 0; }
    static PYCORE_INLINE Mask first(std::int32_t lanes) noexcept {
        return {(Words)(Integers{0, 1, 2, 3} < Integers{lanes, lanes, lanes, lanes})};
    }
    static PYCORE_INLINE Float select(Mask m, Float a, Float b) noexcept {
        return {(Floats)((m.v & (Words)a.v) | (~m.v & (Words)b.v))};
    }
    static PYCORE_INLINE Float keep(Mask m, Float a) noexcept {
        return {(Floats)(m.v & (Words)a.v)};
    }
    static PYCORE_INLINE Int keep(Mask m, Int a) noexcept { return {m.v & a.v}; }
    // The chosen lanes in a row, with as many more as fill a vector; lanes from such a row, or 0.
    static PYCORE_INLINE void compress(std::uint32_t* p, Mask m, Int a) noexcept {
        for (int k = 0; k < WIDTH; ++k) {
            *p = a.v[k];
            p += m.v[k] & 1U;
        }
    }
    static PYCORE_INLINE Float expand(Mask m, const float* p) noexcept {
        Floats lanes{};
        for (int k = 0; k < WIDTH; ++k) {
            lanes[k] = m.v[k] != 0 ? *p : 0.0F;
            p += m.v[k] & 1U;
        }
        return {lanes};
    }
    // A true lane is -1, so subtracting the mask counts.
    static PYCORE_INLINE Int count(Int total, Mask m) noexcept { return {total.v - m.v}; }
    static PYCORE_INLINE std::uint32_t bits(Mask m) noexcept {
        const Words place = m.v & Words{1, 2, 4, 8};
        return place[0] | place[1] | place[2] | place[3];
    }
    static PYCORE_INLINE std::int32_t how_many(Mask m) noexcept {
        return __builtin_popcount(bits(m));
    }
    static PYCORE_INLINE std::int32_t sum(Int a) noexcept {
        return static_cast<std::int32_t>(a.v[0] + a.v[1] + a.v[2] + a.v[3]);
    }
    static PYCORE_INLINE void sums(const Int (&a)[4], std::int32_t (&out)[4]) noexcept {
        for (int k = 0; k < 4; ++k)
            out[k] = sum(a[k]);
    }
    static PYCORE_INLINE bool any_above(Int a, Int limit) noexcept {
        return any({(Words)(a.v > limit.v)});
    }
    static PYCORE_INLINE std::uint32_t largest(Int a) noexcept {
        const std::uint32_t front = a.v[0] > a.v[1] ? a.v[0] : a.v[1];
        const std::uint32_t back = a.v[2] > a.v[3] ? a.v[2] : a.v[3];
        return front > back ? front : back;
    }

    static PYCORE_INLINE Float lookup32(const float* table, Int index) noexcept {
        const Words i = index.v & 31U;
        return {Floats{table[i[0]], table[i[1]], table[i[2]], table[i[3]]}};
    }

    static constexpr bool HAS_SCALE = false;
    static constexpr bool HAS_LOOKUP_UPPER = false;

    static PYCORE_INLINE Wide widen(Int a) noexcept { return {a.v, a.v}; }
    static PYCORE_INLINE Wide set_wide(std::uint64_t x) noexcept {
        const Words v = set_int(static_cast<std::uint32_t>(x)).v;
        return {v, v};
    }
    static PYCORE_INLINE Wide multiply(Wide a, std::uint32_t m) noexcept {
        return Native::multiply(a.low, m);
    }
    static PYCORE_INLINE Wide high(Wide a) noexcept { return {a.high, a.high}; }
    static PYCORE_INLINE Wide wide_xor(Wide a, Wide b) noexcept {
        const Words v = a.low ^ b.low;
        return {v, v};
    }
    static PYCORE_INLINE Wide wide_xor(Wide a, Wide b, Wide c) noexcept {
        return wide_xor(wide_xor(a, b), c);
    }
    static PYCORE_INLINE Int narrow(Wide a) noexcept { return {a.low}; }
    static PYCORE_INLINE Int narrow_high(Wide a) noexcept { return {a.high}; }
};

} // namespace pycore
