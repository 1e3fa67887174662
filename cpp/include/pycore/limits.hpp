// What a run refuses before any work starts, whoever asks for it.
#pragma once

#include "pycore/program.hpp"
#include "pycore/refusal.hpp"

#include <cstdint>

namespace pycore {

inline constexpr std::int64_t MAX_PERIODS = std::int64_t{1} << 28;
inline constexpr std::uint64_t MAX_CONSUMERS = std::uint64_t{1} << 40;
inline constexpr std::uint32_t MAX_SEGMENTS = std::uint32_t{1} << 24;

// What is to be checked of one cell: its input table, its segment and the numbers to be run.
struct CellShape {
    std::int64_t rows;
    std::int64_t values; // of the whole table
    std::uint32_t segment;
    std::uint64_t count;
    std::uint64_t low;
    std::uint64_t high;
};

void check_periods(std::int64_t periods);
void check_batches(std::int64_t batches);
void check_cell(const Program& program, std::int64_t periods, std::int64_t index,
                const CellShape& cell);

} // namespace pycore
