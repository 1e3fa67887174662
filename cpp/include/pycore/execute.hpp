// The interpreter.  Before a run the code is prepared once: operands become addresses, runs of
// instructions become chains, and what only few lanes want becomes a section.
#pragma once

#include "pycore/patterns.hpp"

#include <cstdint>

namespace pycore {

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
        step.written = row.target;
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
        const Pattern& best = longest<V>(code, index);
        Step& step = steps[index];
        step.length = best.length;
        step.perform = steps[index + step.length - 1].halved ? best.halved : best.perform;
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
