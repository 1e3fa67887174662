// The interpreter: each instruction is a loop over whole vectors of lanes.
//
// Before a run the code is prepared once: operands become addresses, and an instruction that needs
// what the one before has written is chained to it: the value stays in a vector register and is
// only stored if others need it, too.
#pragma once

#include "pycore/drawing.hpp"
#include "pycore/machine.hpp"
#include "pycore/math.hpp"
#include "pycore/simd.hpp"

#include <cstdint>
#include <utility>

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

// Run a chain on lanes [begin, end), V::WIDTH at a time, and return where it stopped: where fewer
// are left or, if HALVED, where an event is open.
template <class V, bool HALVED, Op FIRST, Op... MORE>
PYCORE_INLINE std::int32_t sweep(const Step* step, const Registers& file, std::int32_t begin,
                                 std::int32_t end) noexcept {
    const Chain<V, HALVED, FIRST, MORE...> chain(step, file);
    std::int32_t i = begin;
    for (; i + V::WIDTH <= end; i += V::WIDTH) {
        const auto found = result<FIRST, V>(chain, i);
        if constexpr (HALVED) {
            if (__builtin_expect(V::any(found.open), 0)) break;
            chain.put(i, V::keep(found.certain, V::set(1.0F)));
        } else {
            chain.put(i, found);
        }
    }
    return i;
}

// The same for lanes that the compiler makes vectors of, LANES at a time, as it does with loops
// that nothing leaves.
template <std::int32_t LANES, Op FIRST, Op... MORE>
PYCORE_INLINE std::int32_t sweep_by_lane(const Step* step, const Registers& file,
                                         std::int32_t begin, std::int32_t end) noexcept {
    const Chain<Scalar, true, FIRST, MORE...> chain(step, file);
    for (; begin + LANES <= end; begin += LANES) {
        float happened[LANES];
        Scalar::Mask open = 0;
        for (std::int32_t k = 0; k < LANES; ++k) {
            const auto found = result<FIRST, Scalar>(chain, begin + k);
            happened[k] = Scalar::keep(found.certain, 1.0F);
            open = Scalar::mask_or(open, found.open);
        }
        if (Scalar::any(open)) break;
        for (std::int32_t k = 0; k < LANES; ++k)
            chain.put(begin + k, happened[k]);
    }
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

inline constexpr int MAX_CHAIN = 6;

// A run of operations that is worth its own loop.
struct Pattern {
    std::int32_t length;
    Op ops[MAX_CHAIN];
    Perform perform;
    Perform halved; // where the last one is an event whose words come in halves
};

template <class V, Op... OPS>
constexpr Pattern pattern() noexcept {
    Perform halved = nullptr;
    if constexpr ((is_event(OPS) || ...)) halved = &perform_halved<V, OPS...>;
    return {static_cast<std::int32_t>(sizeof...(OPS)), {OPS...}, &perform<V, OPS...>, halved};
}

// Longer ones first; found by looking at what models compile to (bounds, hazards, draws, sums of
// many terms).
template <class V>
inline constexpr Pattern PATTERNS[] = {
    pattern<V, Op::normal, Op::affine1, Op::exp, Op::affine1, Op::affine1, Op::max_s>(),
    pattern<V, Op::affine4, Op::min_s, Op::affine4, Op::max_s, Op::min_s>(),
    pattern<V, Op::normal, Op::affine1, Op::exp, Op::affine1>(),
    pattern<V, Op::affine4, Op::affine2, Op::affine1, Op::max_s>(),
    pattern<V, Op::affine4, Op::affine1, Op::event_logit>(),
    pattern<V, Op::affine4, Op::affine2, Op::event_logit>(),
    pattern<V, Op::affine4, Op::add, Op::affine1, Op::max_s>(),
    pattern<V, Op::gt_s, Op::gt, Op::gt>(),
    pattern<V, Op::normal, Op::affine1, Op::exp>(),
    pattern<V, Op::affine1, Op::max_s, Op::mul>(),
    pattern<V, Op::affine1, Op::mul, Op::affine1>(),
    pattern<V, Op::affine1, Op::max_s, Op::min_s>(),
    pattern<V, Op::affine2, Op::max_s, Op::min_s>(),
    pattern<V, Op::affine3, Op::max_s, Op::min_s>(),
    pattern<V, Op::affine4, Op::max_s, Op::min_s>(),
    pattern<V, Op::affine1, Op::max_s>(),
    pattern<V, Op::affine1, Op::mul>(),
    pattern<V, Op::affine2, Op::mul>(),
    pattern<V, Op::affine4, Op::mul>(),
    pattern<V, Op::affine2, Op::max_s>(),
    pattern<V, Op::affine3, Op::max_s>(),
    pattern<V, Op::affine4, Op::max_s>(),
    pattern<V, Op::affine1, Op::min_s>(),
    pattern<V, Op::affine2, Op::min_s>(),
    pattern<V, Op::affine3, Op::min_s>(),
    pattern<V, Op::affine4, Op::min_s>(),
    pattern<V, Op::affine1, Op::event_logit>(),
    pattern<V, Op::affine2, Op::event_logit>(),
    pattern<V, Op::affine3, Op::event_logit>(),
    pattern<V, Op::affine4, Op::event_logit>(),
    pattern<V, Op::normal, Op::affine1>(),
    pattern<V, Op::affine1, Op::exp>(),
    pattern<V, Op::exp, Op::affine1>(),
    pattern<V, Op::mul, Op::affine1>(),
    pattern<V, Op::affine1, Op::affine1>(),
    pattern<V, Op::affine4, Op::affine1>(),
    pattern<V, Op::affine4, Op::affine2>(),
    pattern<V, Op::affine4, Op::affine3>(),
    pattern<V, Op::affine4, Op::affine4>(),
    pattern<V, Op::max2, Op::max2>(),
    pattern<V, Op::max_s, Op::min_s>(),
    pattern<V, Op::gt_s, Op::select>(),
    pattern<V, Op::select, Op::mul>(),
    pattern<V, Op::gt_s, Op::gt>(),
    pattern<V, Op::gt, Op::gt>(),
};

template <class V, int... OP>
const Pattern& alone(Op op, std::integer_sequence<int, OP...>) noexcept {
    static constexpr Pattern ALONE[] = {pattern<V, static_cast<Op>(OP)>()...};
    return ALONE[static_cast<int>(op)];
}

// Whether the code from `index` on is this pattern, each row reading what the one before wrote.
// Before an event nobody else may need that: where the event is open, it is computed again.
template <class V>
bool matches(const Pattern& candidate, const Code& code, std::int32_t index) noexcept {
    if (candidate.length > code.count - index || code.passing == nullptr) return false;
    const bool event = candidate.halved != nullptr;
    for (std::int32_t k = 0; k < candidate.length; ++k) {
        if (code.rows[index + k].op != candidate.ops[k]) return false;
        if (k == 0) continue;
        const Passing passing = code.passing[index + k - 1];
        if (passing == Passing::no || (event && passing != Passing::only)) return false;
    }
    return true;
}

// How many rows from `index` on make a section that is wanted only where a truth holds: a draw, a
// function of it alone that is worth the trouble, and `keep` last; 0 if there is none.
inline std::int32_t section(const Code& code, std::int32_t index) noexcept {
    const Op draw = code.rows[index].op;
    if (code.passing == nullptr || (draw != Op::normal && draw != Op::uniform)) return 0;
    bool worthwhile = waits(draw);
    for (std::int32_t k = index; k + 1 < code.count && code.passing[k] == Passing::only; ++k) {
        const Instruction& next = code.rows[k + 1];
        if (next.op == Op::keep) return worthwhile ? k + 2 - index : 0;
        const Specification& reads = SPECIFICATIONS[static_cast<int>(next.op)];
        if (reads.lanes != 1 || reads.draws) return 0;
        worthwhile = worthwhile || waits(next.op);
    }
    return 0;
}

// Whether another row reads the words of this one.
inline bool drawn_twice(const Code& code, std::int32_t index) noexcept {
    for (std::int32_t k = 0; k < code.count; ++k) {
        const Instruction& row = code.rows[k];
        if (k != index && SPECIFICATIONS[static_cast<int>(row.op)].draws &&
            row.stream == code.rows[index].stream)
            return true;
    }
    return false;
}

// Run a section on the lanes where its truth holds, moved together, if they are few; all the others
// get 0.  Nobody else reads these words, nor what stands between them and the result.
template <class V>
void perform_section(const Step* step, const Registers& file, std::int32_t end) noexcept {
    const Step& last = step[step->length - 1];
    const float* const truth = file.lanes + last.lane[1];
    const auto holds = [truth](std::int32_t i) { return V::ne(V::load(truth + i), V::set(0.0F)); };
    auto total = V::set_int(0);
    for (std::int32_t i = 0; i < end; i += V::WIDTH)
        total = V::count(total, holds(i));
    const std::int32_t count = V::sum(total);
    const bool few = 2 * count <= end;
    std::int32_t lanes = end;
    if (few) {
        std::uint32_t* const words = file.words + step->stream;
        std::int32_t moved = 0;
        for (std::int32_t i = 0; i < end; i += V::WIDTH) {
            const auto mask = holds(i);
            V::compress(words + moved, mask, V::load_int(words + i));
            moved += __builtin_popcount(V::bits(mask));
        }
        const std::int32_t whole = (count + LANE_QUANTUM - 1) / LANE_QUANTUM * LANE_QUANTUM;
        if (whole < end) lanes = whole;
    }
    step->part(step, file, lanes);
    for (std::int32_t k = step->part_length; k + 1 < step->length; k += step[k].length)
        step[k].perform(step + k, file, lanes);
    if (!few) return last.perform(&last, file, end);
    const float* const values = file.lanes + last.lane[0];
    float* const target = file.lanes + last.target;
    std::int32_t left = count; // from the last on, because target and values may be the same
    for (std::int32_t i = end - V::WIDTH; i >= 0; i -= V::WIDTH) {
        const auto mask = holds(i);
        left -= __builtin_popcount(V::bits(mask));
        V::store(target + i, V::expand(mask, values + left));
    }
}

// Fill one step per row; a chain is performed by its first step, which says how long it is.
template <class V>
void prepare(const Code& code, const Streams& streams, std::int64_t stride,
             std::int64_t stream_stride, Step* steps) noexcept {
    for (std::int32_t index = 0; index < code.count; ++index) {
        const Instruction& row = code.rows[index];
        Step& step = steps[index];
        step.target = row.target * stride;
        for (int k = 0; k < 4; ++k)
            step.lane[k] = row.lane[k] * stride;
        for (int k = 0; k < 5; ++k)
            step.scalar[k] = row.scalar[k];
        step.stream = row.stream * stream_stride;
        step.stored = code.passing == nullptr || code.passing[index] != Passing::only;
        step.halved = is_event(row.op) && streams.in_halves(row.stream);
        step.slot = step.halved ? streams.slots[row.stream] : 0;
        // A chain goes on from the first operand.
        if (index > 0 && commutes(row.op) && row.lane[1] == code.rows[index - 1].target) {
            step.lane[0] = row.lane[1] * stride;
            step.lane[1] = row.lane[0] * stride;
        }
    }
    for (std::int32_t index = 0; index < code.count; ++index) {
        const Pattern* best =
            &alone<V>(code.rows[index].op, std::make_integer_sequence<int, OPERATIONS>{});
        for (const Pattern& candidate : PATTERNS<V>) {
            if (matches<V>(candidate, code, index)) {
                best = &candidate;
                break;
            }
        }
        Step& step = steps[index];
        step.length = best->length;
        step.perform = steps[index + step.length - 1].halved ? best->halved : best->perform;
    }
    for (std::int32_t index = 0; index < code.count; ++index) {
        const std::int32_t length = section(code, index);
        Step& step = steps[index];
        if (length == 0 || drawn_twice(code, index)) continue;
        step.part = step.perform;
        step.part_length = step.length;
        step.perform = &perform_section<V>;
        step.length = length;
    }
}

// Run prepared code on lanes [0, end), end a multiple of the vector width.  Memory that is needed
// later is asked for in between, a little each time: at once it would be waited for.
PYCORE_INLINE void execute(const Step* steps, std::int32_t count, const Registers& file,
                           std::int32_t end, const char* ahead = nullptr,
                           std::int64_t bytes = 0) noexcept {
    constexpr std::int64_t LINE = 64;
    const std::int64_t share = bytes > 0 ? bytes / LINE / count + 1 : 0; // lines for each row
    for (std::int32_t index = 0; index < count; index += steps[index].length) {
        steps[index].perform(steps + index, file, end);
        for (std::int64_t k = share * steps[index].length; k > 0 && bytes > 0; --k) {
            __builtin_prefetch(ahead, 0, 2);
            ahead += LINE;
            bytes -= LINE;
        }
    }
}

} // namespace pycore
