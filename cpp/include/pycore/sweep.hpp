// Instructions as loops over whole vectors of lanes.
//
// An instruction that needs what the one before has written can be chained to it: the value stays
// in a vector register and is only stored if others need it, too.
#pragma once

#include "pycore/drawing.hpp"
#include "pycore/machine.hpp"
#include "pycore/math.hpp"
#include "pycore/simd.hpp"

#include <cstdint>

namespace pycore {

// The operands of one prepared instruction in vectors of V.  Everything is read before the loop: a
// vector store may alias anything, so the compiler could not keep it in registers by itself.
template <Op OP, class V, bool HALVED>
class Operands {
  public:
    PYCORE_INLINE Operands(const Step& step, const Registers& file) noexcept
        : target_(file.lanes + step.target),
          lane_{file.lanes + step.lane[0], file.lanes + step.lane[1], file.lanes + step.lane[2],
                file.lanes + step.lane[3]},
          word_((HALVED ? file.halves->words : file.words) + step.stream),
          place_(V::place_of_half(HALVED ? file.halves->shift : 0)),
          scalar_{V::set(file.scalars[step.scalar[0]]), V::set(file.scalars[step.scalar[1]]),
                  V::set(file.scalars[step.scalar[2]]), V::set(file.scalars[step.scalar[3]]),
                  V::set(file.scalars[step.scalar[4]])} {
        if constexpr (OP == Op::event_s) {
            const float chance = file.scalars[step.scalar[0]];
            const std::int32_t last = math::last_event(chance * 2147483648.0F);
            const std::int32_t compared = HALVED ? last >> 15 : last;
            scalar_[0] = V::as_float(V::set_int(static_cast<std::uint32_t>(compared)));
        }
    }

    PYCORE_INLINE typename V::Float lane(int operand, std::int32_t i) const noexcept {
        return V::load(lane_[operand] + i);
    }
    PYCORE_INLINE typename V::Float scalar(int operand) const noexcept { return scalar_[operand]; }
    PYCORE_INLINE typename V::Int word(std::int32_t i) const noexcept {
        return V::load_int(word_ + i);
    }
    PYCORE_INLINE typename V::Int half(std::int32_t i) const noexcept {
        return V::half(word(i), place_);
    }
    PYCORE_INLINE void put(std::int32_t i, const typename V::Float& value) const noexcept {
        V::store(target_ + i, value);
    }

  private:
    float* target_;
    const float* lane_[4];
    const std::uint32_t* word_;
    typename V::Place place_;
    typename V::Float scalar_[5];
};

template <Op OP, class V>
PYCORE_INLINE typename V::Mask truth(const Operands<OP, V, false>& x,
                                     [[maybe_unused]] std::int32_t i,
                                     [[maybe_unused]] const typename V::Float& a) noexcept {
    [[maybe_unused]] const auto range = V::set(2147483648.0F);
    if constexpr (OP == Op::lt) return V::lt(a, x.lane(1, i));
    if constexpr (OP == Op::gt) return V::lt(x.lane(1, i), a);
    if constexpr (OP == Op::le) return V::le(a, x.lane(1, i));
    if constexpr (OP == Op::eq) return V::eq(a, x.lane(1, i));
    if constexpr (OP == Op::lt_s) return V::lt(a, x.scalar(0));
    if constexpr (OP == Op::le_s) return V::le(a, x.scalar(0));
    if constexpr (OP == Op::gt_s) return V::lt(x.scalar(0), a);
    if constexpr (OP == Op::ge_s) return V::le(x.scalar(0), a);
    if constexpr (OP == Op::eq_s) return V::eq(a, x.scalar(0));
    if constexpr (OP == Op::event_logit) return math::event_logit<V>(x.word(i), a);
    if constexpr (OP == Op::event_p) {
        return V::lt(math::event_threshold_value<V>(x.word(i)), V::mul(a, range));
    }
    if constexpr (OP == Op::event_s) {
        return V::le(V::template shift_right<1>(x.word(i)), V::as_int(x.scalar(0)));
    }
}

// The truth of an event, from the upper half of its word.
template <Op OP, class V>
PYCORE_INLINE math::Verdict<V> half_truth(const Operands<OP, V, true>& x, std::int32_t i,
                                          [[maybe_unused]] const typename V::Float& a) noexcept {
    const auto half = x.half(i);
    if constexpr (OP == Op::event_logit) return math::half_event_logit<V>(half, a);
    if constexpr (OP == Op::event_p) return math::half_event<V>(half, a);
    if constexpr (OP == Op::event_s) {
        const auto last = V::as_int(x.scalar(0));
        return {V::lt(half, last), V::eq(half, last)};
    }
}

// s0 + s1 a + s2 b + ..., added from the left.
template <int TERMS, Op OP, class V>
PYCORE_INLINE typename V::Float affine(const Operands<OP, V, false>& x, std::int32_t i,
                                       const typename V::Float& a) noexcept {
    auto sum = V::add(x.scalar(0), V::mul(x.scalar(1), a));
    if constexpr (TERMS > 1) sum = V::add(sum, V::mul(x.scalar(2), x.lane(1, i)));
    if constexpr (TERMS > 2) sum = V::add(sum, V::mul(x.scalar(3), x.lane(2, i)));
    if constexpr (TERMS > 3) sum = V::add(sum, V::mul(x.scalar(4), x.lane(3, i)));
    return sum;
}

// The value of an operation; `a` is its first lane operand.
template <Op OP, class V>
PYCORE_INLINE typename V::Float value(const Operands<OP, V, false>& x,
                                      [[maybe_unused]] std::int32_t i,
                                      [[maybe_unused]] const typename V::Float& a) noexcept {
    [[maybe_unused]] const auto magnitude = V::set_int(0x7FFFFFFFU);
    [[maybe_unused]] const auto zero = V::set(0.0F), one = V::set(1.0F);
    // clang-format off
    if constexpr (OP == Op::copy) return a;
    // Through integers, because GCC copies the struct of a bundle through memory otherwise.
    else if constexpr (OP == Op::broadcast) return V::as_float(V::as_int(x.scalar(0)));
    else if constexpr (OP == Op::add) return V::add(a, x.lane(1, i));
    else if constexpr (OP == Op::sub) return V::sub(a, x.lane(1, i));
    else if constexpr (OP == Op::mul) return V::mul(a, x.lane(1, i));
    else if constexpr (OP == Op::div) return V::div(a, x.lane(1, i));
    else if constexpr (OP == Op::affine1) return affine<1>(x, i, a);
    else if constexpr (OP == Op::affine2) return affine<2>(x, i, a);
    else if constexpr (OP == Op::affine3) return affine<3>(x, i, a);
    else if constexpr (OP == Op::affine4) return affine<4>(x, i, a);
    else if constexpr (OP == Op::min2) return V::min(a, x.lane(1, i));
    else if constexpr (OP == Op::max2) return V::max(a, x.lane(1, i));
    else if constexpr (OP == Op::min_s) return V::min(a, x.scalar(0));
    else if constexpr (OP == Op::max_s) return V::max(a, x.scalar(0));
    else if constexpr (OP == Op::abs) return V::as_float(V::bit_and(V::as_int(a), magnitude));
    else if constexpr (OP == Op::sqrt) return V::sqrt(a);
    else if constexpr (OP == Op::exp) return math::exp<V>(a);
    else if constexpr (OP == Op::log) return math::log<V>(a);
    else if constexpr (OP == Op::logistic) return math::logistic<V>(a);
    else if constexpr (OP == Op::floor) return V::floor(a);
    else if constexpr (OP == Op::select)
        return V::select(V::ne(a, zero), x.lane(1, i), x.lane(2, i));
    else if constexpr (OP == Op::select_s)
        return V::select(V::ne(a, zero), x.scalar(0), x.lane(1, i));
    else if constexpr (OP == Op::poisson) return math::poisson<V>(a, x.lane(1, i));
    else if constexpr (OP == Op::binomial)
        return math::binomial<V>(a, x.lane(1, i), x.lane(2, i));
    else if constexpr (OP == Op::gamma_log)
        return math::gamma_log<V>(a, x.lane(1, i), x.lane(2, i), x.lane(3, i));
    else if constexpr (OP == Op::keep) return V::keep(V::ne(x.lane(1, i), zero), a);
    else if constexpr (OP == Op::uniform) return math::uniform<V>(x.word(i));
    else if constexpr (OP == Op::normal) return math::normal<V>(x.word(i));
    else return V::keep(truth(x, i, a), one);
    // clang-format on
}

// Consecutive operations, each reading the result of the one before.  The last one's is a value or,
// if HALVED, what the upper half of its word says of an event.
template <class V, bool HALVED, Op OP, Op... MORE>
struct Chain {
    static_assert(!is_event(OP));
    Operands<OP, V, false> operands;
    bool stored;
    Chain<V, HALVED, MORE...> rest;

    PYCORE_INLINE Chain(const Step* step, const Registers& file) noexcept
        : operands(*step, file), stored(step->stored), rest(step + 1, file) {}
    PYCORE_INLINE auto result(std::int32_t i, const typename V::Float& a) const noexcept {
        const auto b = value(operands, i, a);
        if (!(is_event(MORE) || ...) && stored) operands.put(i, b);
        return rest.result(i, b);
    }
    PYCORE_INLINE void put(std::int32_t i, const typename V::Float& value) const noexcept {
        rest.put(i, value);
    }
};

template <class V, bool HALVED, Op OP>
struct Chain<V, HALVED, OP> {
    Operands<OP, V, HALVED> operands;

    PYCORE_INLINE Chain(const Step* step, const Registers& file) noexcept : operands(*step, file) {}
    PYCORE_INLINE auto result(std::int32_t i, const typename V::Float& a) const noexcept {
        if constexpr (HALVED)
            return half_truth(operands, i, a);
        else
            return value(operands, i, a);
    }
    PYCORE_INLINE void put(std::int32_t i, const typename V::Float& value) const noexcept {
        operands.put(i, value);
    }
};

template <Op FIRST, class V, class Operations>
PYCORE_INLINE auto result(const Operations& chain, std::int32_t i) noexcept {
    if constexpr (SPECIFICATIONS[static_cast<int>(FIRST)].lanes > 0)
        return chain.result(i, chain.operands.lane(0, i));
    else
        return chain.result(i, V::set(0.0F));
}

// In how many lanes the event at the end of a chain has happened.
template <Op... OPS>
PYCORE_INLINE std::int32_t& happened(const Step* step, const Registers& file) noexcept {
    return file.halves->happened[step[sizeof...(OPS) - 1].written];
}

// Run a chain on lanes [begin, end), V::WIDTH at a time, and return where it stopped: where fewer
// are left or, if HALVED, where an event is open.
template <class V, bool HALVED, Op FIRST, Op... MORE>
PYCORE_INLINE std::int32_t sweep(const Step* step, const Registers& file, std::int32_t begin,
                                 std::int32_t end) noexcept {
    const Chain<V, HALVED, FIRST, MORE...> chain(step, file);
    [[maybe_unused]] std::int32_t ones = 0;
    std::int32_t i = begin;
    for (; i + V::WIDTH <= end; i += V::WIDTH) {
        const auto found = result<FIRST, V>(chain, i);
        if constexpr (HALVED) {
            if (__builtin_expect(V::any(found.open), 0)) break;
            chain.put(i, V::keep(found.certain, V::set(1.0F)));
            ones += V::how_many(found.certain);
        } else {
            chain.put(i, found);
        }
    }
    if constexpr (HALVED) happened<FIRST, MORE...>(step, file) += ones;
    return i;
}

// The same for lanes that the compiler makes vectors of, LANES at a time, as it does with loops
// that nothing leaves.
template <std::int32_t LANES, Op FIRST, Op... MORE>
PYCORE_INLINE std::int32_t sweep_by_lane(const Step* step, const Registers& file,
                                         std::int32_t begin, std::int32_t end) noexcept {
    const Chain<Scalar, true, FIRST, MORE...> chain(step, file);
    std::uint32_t ones = 0;
    for (; begin + LANES <= end; begin += LANES) {
        float truth[LANES];
        Scalar::Mask open = 0;
        for (std::int32_t k = 0; k < LANES; ++k) {
            const auto found = result<FIRST, Scalar>(chain, begin + k);
            truth[k] = Scalar::keep(found.certain, 1.0F);
            open = Scalar::mask_or(open, found.open);
        }
        if (Scalar::any(open)) break;
        for (std::int32_t k = 0; k < LANES; ++k)
            chain.put(begin + k, truth[k]);
        for (std::int32_t k = 0; k < LANES; ++k)
            ones = Scalar::count(ones, Scalar::ne(truth[k], 0.0F));
    }
    happened<FIRST, MORE...>(step, file) += static_cast<std::int32_t>(ones);
    return begin;
}

// Run a chain that ends with an event on lanes [begin, end), by the whole words.
template <class V, Op... OPS>
__attribute__((noinline)) void settle(const Step* step, const Registers& file, std::int32_t begin,
                                      std::int32_t end) noexcept {
    constexpr int LAST = sizeof...(OPS) - 1;
    const HalfWords& halves = *file.halves;
    Step steps[LAST + 1];
    for (int k = 0; k <= LAST; ++k)
        steps[k] = step[k];
    join_halves<V>(halves, halves.words + step[LAST].stream, step[LAST].slot, begin, end);
    steps[LAST].stream = 0;
    sweep<V, false, OPS...>(steps, {file.lanes, file.scalars, halves.whole, nullptr}, begin, end);
    std::int32_t& ones = happened<OPS...>(step, file);
    for (std::int32_t i = begin; i < end; ++i)
        ones += file.lanes[step[LAST].target + i] != 0.0F ? 1 : 0;
}

// Whether an operation is a long chain of dependent steps, each of which waits for the one before.
constexpr bool waits(Op op) noexcept {
    return op == Op::exp || op == Op::log || op == Op::logistic || op == Op::normal ||
           op == Op::event_logit;
}

// A sweep that stops only where fewer lanes are left than WIDE has.
template <class WIDE, class V, bool HALVED, Op... OPS>
PYCORE_INLINE std::int32_t sweep_all(const Step* step, const Registers& file, std::int32_t begin,
                                     std::int32_t end) noexcept {
    for (;;) {
        if constexpr (HALVED && V::WIDTH == 1)
            begin = sweep_by_lane<WIDE::WIDTH, OPS...>(step, file, begin, end);
        else
            begin = sweep<WIDE, HALVED, OPS...>(step, file, begin, end);
        if (!HALVED || begin + WIDE::WIDTH > end) return begin;
        if constexpr (HALVED) settle<V, OPS...>(step, file, begin, begin + WIDE::WIDTH);
        begin += WIDE::WIDTH;
    }
}

// How many vectors at once.  Four fill the pipeline and still fit into the registers.  Of what
// waits, eight do not fit, but computing meanwhile is worth more than the loads; unless it is an
// event from half a word and sixteen lanes, of which four take long enough.  The compiler has its
// own mind about single lanes.
template <class V, bool HALVED, Op... OPS>
constexpr int at_once() noexcept {
    if (V::WIDTH == 1) return HALVED ? 64 : 4;
    const bool eight = V::WIDTH == 8 || (V::WIDTH == 16 && !HALVED);
    return eight && (waits(OPS) || ...) ? 8 : 4;
}

template <class V, int TIMES>
struct Several {
    using Type = Twice<typename Several<V, TIMES / 2>::Type>;
};
template <class V>
struct Several<V, 1> {
    using Type = V;
};

template <class V, bool HALVED, Op... OPS>
PYCORE_INLINE void perform_all(const Step* step, const Registers& file, std::int32_t end) noexcept {
    constexpr int MANY = at_once<V, HALVED, OPS...>();
    using Many = typename Several<V, MANY>::Type;
    using Four = typename Several<V, 4>::Type;
    if constexpr (HALVED) happened<OPS...>(step, file) = 0;
    std::int32_t done = sweep_all<Many, V, HALVED, OPS...>(step, file, 0, end);
    if constexpr (MANY > 4) {
        if (done < end) done = sweep_all<Four, V, HALVED, OPS...>(step, file, done, end);
    }
    if (done < end) sweep_all<V, V, HALVED, OPS...>(step, file, done, end);
}

template <class V, Op... OPS>
void perform(const Step* step, const Registers& file, std::int32_t end) noexcept {
    perform_all<V, false, OPS...>(step, file, end);
}

template <class V, Op... OPS>
void perform_halved(const Step* step, const Registers& file, std::int32_t end) noexcept {
    perform_all<V, true, OPS...>(step, file, end);
}

} // namespace pycore
