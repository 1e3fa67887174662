// The instruction table: the mirror of pycore/program/instructions.py (a test compares both).
#pragma once

#include <cstdint>

namespace pycore {

enum class Op : std::int32_t {
    copy,
    broadcast,
    add,
    sub,
    mul,
    div,
    affine1,
    affine2,
    affine3,
    affine4,
    min2,
    max2,
    min_s,
    max_s,
    abs,
    sqrt,
    exp,
    log,
    logistic,
    floor,
    lt,
    le,
    eq,
    lt_s,
    le_s,
    gt_s,
    ge_s,
    eq_s,
    select,
    uniform,
    normal,
    event_p,
    event_s,
    event_logit,
    poisson,
    binomial,
    gamma_log,
    keep,
    gt,
    select_s,
};

// What one operation reads: lane operands, scalar operands, and whether it spends a random word.
struct Specification {
    const char* name;
    std::int32_t lanes;
    std::int32_t scalars;
    bool draws;
};

inline constexpr Specification SPECIFICATIONS[] = {
    {"copy", 1, 0, false},       {"broadcast", 0, 1, false}, {"add", 2, 0, false},
    {"sub", 2, 0, false},        {"mul", 2, 0, false},       {"div", 2, 0, false},
    {"affine1", 1, 2, false},    {"affine2", 2, 3, false},   {"affine3", 3, 4, false},
    {"affine4", 4, 5, false},    {"min2", 2, 0, false},      {"max2", 2, 0, false},
    {"min_s", 1, 1, false},      {"max_s", 1, 1, false},     {"abs", 1, 0, false},
    {"sqrt", 1, 0, false},       {"exp", 1, 0, false},       {"log", 1, 0, false},
    {"logistic", 1, 0, false},   {"floor", 1, 0, false},     {"lt", 2, 0, false},
    {"le", 2, 0, false},         {"eq", 2, 0, false},        {"lt_s", 1, 1, false},
    {"le_s", 1, 1, false},       {"gt_s", 1, 1, false},      {"ge_s", 1, 1, false},
    {"eq_s", 1, 1, false},       {"select", 3, 0, false},    {"uniform", 0, 0, true},
    {"normal", 0, 0, true},      {"event_p", 1, 0, true},    {"event_s", 0, 1, true},
    {"event_logit", 1, 0, true}, {"poisson", 2, 0, false},   {"binomial", 3, 0, false},
    {"gamma_log", 4, 0, false},  {"keep", 2, 0, false},      {"gt", 2, 0, false},
    {"select_s", 2, 1, false},
};

inline constexpr std::int32_t OPERATIONS =
    static_cast<std::int32_t>(sizeof SPECIFICATIONS / sizeof SPECIFICATIONS[0]);
static_assert(OPERATIONS == static_cast<std::int32_t>(Op::select_s) + 1);

// Whether the two operands may change places without another result.
constexpr bool commutes(Op op) noexcept {
    return op == Op::add || op == Op::mul;
}

constexpr bool is_event(Op op) noexcept {
    return op == Op::event_p || op == Op::event_s || op == Op::event_logit;
}

// Whether every result is 1 or 0.
constexpr bool is_truth(Op op) noexcept {
    return is_event(op) || op == Op::gt || (op >= Op::lt && op <= Op::eq_s);
}

// One row of code.  `lane` holds a, b, c, d and `scalar` s0 to s4; unused entries are 0.
struct Instruction {
    Op op;
    std::int32_t target;
    std::int32_t lane[4];
    std::int32_t scalar[5];
    std::int32_t stream;
};

inline constexpr std::int32_t ROW = 12;
static_assert(sizeof(Instruction) == ROW * sizeof(std::int32_t));

} // namespace pycore
