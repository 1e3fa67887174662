// What a run refuses before any work starts.
#include "pycore/run.hpp"

#include <limits>
#include <stdexcept>
#include <string>

namespace pycore {

namespace {

[[noreturn]] void refuse(const std::string& message) {
    throw std::invalid_argument(message);
}

void check_settings(const Program& program, const std::vector<Cell>& cells,
                    const RunSettings& settings) {
    if (settings.periods < 1 || settings.periods > MAX_PERIODS) {
        refuse("periods: received " + std::to_string(settings.periods) + ", allowed is 1 to 2^28");
    }
    if (settings.batches < 1 || settings.batches > 65536) {
        refuse("batches: received " + std::to_string(settings.batches) + ", allowed is 1 to 65536");
    }
    if (settings.threads < 0 || settings.threads > 1024) {
        refuse("threads: received " + std::to_string(settings.threads) +
               ", allowed is 0 (all) to 1024");
    }
    if (settings.block < 128 || settings.block > 1024 || settings.block % LANE_QUANTUM != 0) {
        refuse("block: received " + std::to_string(settings.block) +
               ", allowed is a multiple of 64 from 128 to 1024");
    }
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const Cell& cell = cells[i];
        const std::string label = "cell " + std::to_string(i) + ": ";
        const std::int64_t rows = cell.inputs.rows;
        if (rows != 1 && rows != settings.periods) {
            refuse(label + "inputs have " + std::to_string(rows) + " rows, allowed is 1 or " +
                   std::to_string(settings.periods) + " (periods)");
        }
        if (static_cast<std::int64_t>(cell.inputs.values.size()) != rows * program.inputs()) {
            refuse(label + "inputs do not have " + std::to_string(program.inputs()) + " columns");
        }
        if (cell.segment >= MAX_SEGMENTS) {
            refuse(label + "segment " + std::to_string(cell.segment) + ", allowed is below 2^24");
        }
        if (cell.count > MAX_CONSUMERS) {
            refuse(label + "count " + std::to_string(cell.count) + ", allowed is at most 2^40");
        }
        if (cell.low > cell.high || cell.high > cell.count) {
            refuse(label + "range " + std::to_string(cell.low) + " to " +
                   std::to_string(cell.high) + ", allowed is within 0 to " +
                   std::to_string(cell.count));
        }
    }
}

} // namespace

std::int64_t ledger_size(const Program& program, const std::vector<Cell>& cells,
                         const RunSettings& settings) {
    check_settings(program, cells, settings);
    std::int64_t size = program.width();
    for (const std::int64_t factor :
         {settings.periods, settings.batches, static_cast<std::int64_t>(cells.size())}) {
        if (factor != 0 && size > std::numeric_limits<std::int64_t>::max() / 8 / factor) {
            refuse("ledger: cells × batches × periods × width exceeds 2^63 bytes");
        }
        size *= factor;
    }
    return size;
}

} // namespace pycore
