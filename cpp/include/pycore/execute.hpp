// The interpreter: each instruction is a loop over whole vectors of lanes.
#pragma once

#include <cstdint>

#include "pycore/machine.hpp"
#include "pycore/math.hpp"
#include "pycore/simd.hpp"

namespace pycore {

// Lane registers, scalar registers and the current word of every stream.
struct Registers {
    float* lanes;
    std::int64_t stride;
    const float* scalars;
    const std::uint32_t* words;
    std::int64_t stream_stride;
};

namespace detail {

template <class V, class F>
PYCORE_INLINE void each_vector(std::int32_t end, F&& f) noexcept {
    for (std::int32_t i = 0; i < end; i += V::WIDTH) f(i);
}

}  // namespace detail

// Run `code` on lanes [0, end), end a multiple of the vector width.
template <class V>
void execute(const Code& code, const Registers& file, std::int32_t end) noexcept {
    using Float = typename V::Float;
    const Float one = V::set(1.0F);
    for (std::int32_t index = 0; index < code.count; ++index) {
        const Instruction& row = code.rows[index];
        float* const out = file.lanes + row.target * file.stride;
        const float* const a = file.lanes + row.lane[0] * file.stride;
        const float* const b = file.lanes + row.lane[1] * file.stride;
        const float* const c = file.lanes + row.lane[2] * file.stride;
        const float* const d = file.lanes + row.lane[3] * file.stride;
        const std::uint32_t* const words = file.words + row.stream * file.stream_stride;
        const Float s0 = V::set(file.scalars[row.scalar[0]]);

        // Store f(lane offset) in every vector of the target.
        const auto put = [&](auto&& f) __attribute__((always_inline)) {
            detail::each_vector<V>(end, [&](std::int32_t i) __attribute__((always_inline)) {
                V::store(out + i, f(i));
            });
        };
        const auto flag = [&](auto&& f) __attribute__((always_inline)) {
            put([&](std::int32_t i) __attribute__((always_inline)) { return V::keep(f(i), one); });
        };
        const auto at = [](const float* p, std::int32_t i) __attribute__((always_inline)) {
            return V::load(p + i);
        };
#define PYCORE_LANE [&](std::int32_t i) __attribute__((always_inline))
        switch (row.op) {
            case Op::copy: put(PYCORE_LANE { return at(a, i); }); break;
            case Op::broadcast: put(PYCORE_LANE { (void)i; return s0; }); break;
            case Op::add: put(PYCORE_LANE { return V::add(at(a, i), at(b, i)); }); break;
            case Op::sub: put(PYCORE_LANE { return V::sub(at(a, i), at(b, i)); }); break;
            case Op::mul: put(PYCORE_LANE { return V::mul(at(a, i), at(b, i)); }); break;
            case Op::div: put(PYCORE_LANE { return V::div(at(a, i), at(b, i)); }); break;
            case Op::affine1: {
                const Float s1 = V::set(file.scalars[row.scalar[1]]);
                put(PYCORE_LANE { return V::add(s0, V::mul(s1, at(a, i))); });
                break;
            }
            case Op::affine2: {
                const Float s1 = V::set(file.scalars[row.scalar[1]]);
                const Float s2 = V::set(file.scalars[row.scalar[2]]);
                put(PYCORE_LANE {
                    return V::add(V::add(s0, V::mul(s1, at(a, i))), V::mul(s2, at(b, i)));
                });
                break;
            }
            case Op::affine3: {
                const Float s1 = V::set(file.scalars[row.scalar[1]]);
                const Float s2 = V::set(file.scalars[row.scalar[2]]);
                const Float s3 = V::set(file.scalars[row.scalar[3]]);
                put(PYCORE_LANE {
                    return V::add(
                        V::add(V::add(s0, V::mul(s1, at(a, i))), V::mul(s2, at(b, i))),
                        V::mul(s3, at(c, i)));
                });
                break;
            }
            case Op::affine4: {
                const Float s1 = V::set(file.scalars[row.scalar[1]]);
                const Float s2 = V::set(file.scalars[row.scalar[2]]);
                const Float s3 = V::set(file.scalars[row.scalar[3]]);
                const Float s4 = V::set(file.scalars[row.scalar[4]]);
                put(PYCORE_LANE {
                    return V::add(
                        V::add(V::add(V::add(s0, V::mul(s1, at(a, i))), V::mul(s2, at(b, i))),
                               V::mul(s3, at(c, i))),
                        V::mul(s4, at(d, i)));
                });
                break;
            }
            case Op::min2: put(PYCORE_LANE { return V::min(at(a, i), at(b, i)); }); break;
            case Op::max2: put(PYCORE_LANE { return V::max(at(a, i), at(b, i)); }); break;
            case Op::min_s: put(PYCORE_LANE { return V::min(at(a, i), s0); }); break;
            case Op::max_s: put(PYCORE_LANE { return V::max(at(a, i), s0); }); break;
            case Op::abs: {
                const auto magnitude = V::set_int(0x7FFFFFFFU);
                put(PYCORE_LANE {
                    return V::as_float(V::bit_and(V::as_int(at(a, i)), magnitude));
                });
                break;
            }
            case Op::sqrt: put(PYCORE_LANE { return V::sqrt(at(a, i)); }); break;
            case Op::exp: put(PYCORE_LANE { return math::exp<V>(at(a, i)); }); break;
            case Op::log: put(PYCORE_LANE { return math::log<V>(at(a, i)); }); break;
            case Op::logistic: put(PYCORE_LANE { return math::logistic<V>(at(a, i)); }); break;
            case Op::floor: put(PYCORE_LANE { return V::floor(at(a, i)); }); break;
            case Op::lt: flag(PYCORE_LANE { return V::lt(at(a, i), at(b, i)); }); break;
            case Op::le: flag(PYCORE_LANE { return V::le(at(a, i), at(b, i)); }); break;
            case Op::eq: flag(PYCORE_LANE { return V::eq(at(a, i), at(b, i)); }); break;
            case Op::lt_s: flag(PYCORE_LANE { return V::lt(at(a, i), s0); }); break;
            case Op::le_s: flag(PYCORE_LANE { return V::le(at(a, i), s0); }); break;
            case Op::gt_s: flag(PYCORE_LANE { return V::lt(s0, at(a, i)); }); break;
            case Op::ge_s: flag(PYCORE_LANE { return V::le(s0, at(a, i)); }); break;
            case Op::eq_s: flag(PYCORE_LANE { return V::eq(at(a, i), s0); }); break;
            case Op::select: {
                const Float zero = V::set(0.0F);
                put(PYCORE_LANE {
                    return V::select(V::ne(at(a, i), zero), at(b, i), at(c, i));
                });
                break;
            }
            case Op::uniform:
                put(PYCORE_LANE { return math::uniform<V>(V::load_int(words + i)); });
                break;
            case Op::normal:
                put(PYCORE_LANE { return math::normal<V>(V::load_int(words + i)); });
                break;
            case Op::event_p: {
                const Float range = V::set(2147483648.0F);
                flag(PYCORE_LANE {
                    const auto v = math::event_threshold_value<V>(V::load_int(words + i));
                    return V::lt(v, V::mul(at(a, i), range));
                });
                break;
            }
            case Op::event_s: {
                const Float threshold = V::mul(s0, V::set(2147483648.0F));
                flag(PYCORE_LANE {
                    return V::lt(math::event_threshold_value<V>(V::load_int(words + i)),
                                 threshold);
                });
                break;
            }
            case Op::event_logit:
                flag(PYCORE_LANE {
                    return math::event_logit<V>(V::load_int(words + i), at(a, i));
                });
                break;
        }
#undef PYCORE_LANE
    }
}

}  // namespace pycore
