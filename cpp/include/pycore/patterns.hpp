// Runs of instructions that are worth a loop of their own, and how they are found in a code.
#pragma once

#include "pycore/sweep.hpp"

#include <cstdint>
#include <utility>

namespace pycore {

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

// The longest pattern that the code is from `index` on.
template <class V>
const Pattern& longest(const Code& code, std::int32_t index) noexcept {
    for (const Pattern& candidate : PATTERNS<V>) {
        if (matches<V>(candidate, code, index)) return candidate;
    }
    return alone<V>(code.rows[index].op, std::make_integer_sequence<int, OPERATIONS>{});
}

} // namespace pycore
