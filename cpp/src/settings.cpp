// What a run refuses before any work starts.
#include "pycore/run.hpp"

#include <limits>

namespace pycore {

namespace {

void check_settings(const Program& program, const std::vector<Cell>& cells,
                    const RunSettings& settings) {
    check_periods(settings.periods);
    check_batches(settings.batches);
    if (settings.threads < 0 || settings.threads > 1024) {
        refuse(Text("threads: received ") + Text(settings.threads) +
               ", allowed is 0 (all) to 1024");
    }
    if (settings.block < 128 || settings.block > 1024 || settings.block % LANE_QUANTUM != 0) {
        refuse(Text("block: received ") + Text(settings.block) +
               ", allowed is a multiple of 64 from 128 to 1024");
    }
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const Cell& cell = cells[i];
        check_cell(program, settings.periods, static_cast<std::int64_t>(i),
                   {cell.inputs.rows, static_cast<std::int64_t>(cell.inputs.values.size()),
                    cell.segment, cell.count, cell.low, cell.high});
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
