// What is known of code before it runs.
#pragma once

#include "pycore/buffer.hpp"
#include "pycore/machine.hpp"

#include <cstddef>
#include <cstdint>

namespace pycore {

// Which results only the next row needs, so that they need not be stored.  What a register holds
// after the last row is needed.
inline Buffer<Passing> find_passing(const Buffer<Instruction>& code, std::int64_t registers) {
    Buffer<Passing> passing(code.size());
    // Of each register, whether the rows after the next one write it before they read it.
    Buffer<bool> overwritten(static_cast<std::size_t>(registers));
    for (std::size_t i = code.size(); i-- > 1;) {
        const Instruction& next = code[i];
        const std::int32_t result = code[i - 1].target;
        const std::int32_t operands = SPECIFICATIONS[static_cast<std::int32_t>(next.op)].lanes;
        std::int32_t readers = 0;
        for (std::int32_t k = 0; k < operands; ++k)
            readers += next.lane[k] == result ? 1 : 0;
        if (readers == 1 && (next.lane[0] == result || commutes(next.op))) {
            const bool needed =
                next.target != result && !overwritten[static_cast<std::size_t>(result)];
            passing[i - 1] = needed ? Passing::also : Passing::only;
        }
        overwritten[static_cast<std::size_t>(next.target)] = true;
        for (std::int32_t k = 0; k < operands; ++k)
            overwritten[static_cast<std::size_t>(next.lane[k])] = false;
    }
    return passing;
}

// Which streams are read by events alone: their words come in halves.
inline Buffer<bool> find_halved(const Buffer<Instruction>& code, std::size_t streams) {
    Buffer<bool> halved(streams), whole(streams);
    for (std::size_t i = 0; i < code.size(); ++i) {
        const Instruction& row = code[i];
        if (!SPECIFICATIONS[static_cast<std::int32_t>(row.op)].draws) continue;
        (is_event(row.op) ? halved : whole)[static_cast<std::size_t>(row.stream)] = true;
    }
    for (std::size_t s = 0; s < streams; ++s)
        halved[s] = halved[s] && !whole[s];
    return halved;
}

// How the ones in each register are counted after the last row that writes it.
inline Buffer<Counting> find_counting(const Buffer<Instruction>& code, const Buffer<bool>& halved,
                                      std::int64_t registers) {
    Buffer<Counting> counting(static_cast<std::size_t>(registers));
    for (const Instruction& row : code) {
        Counting& found = counting[static_cast<std::size_t>(row.target)];
        found = is_truth(row.op) ? Counting::by_the_ledger : Counting::no;
        if (is_event(row.op) && halved[static_cast<std::size_t>(row.stream)])
            found = Counting::by_the_event;
    }
    return counting;
}

} // namespace pycore
