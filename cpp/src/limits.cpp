#include "pycore/limits.hpp"

namespace pycore {

void check_periods(std::int64_t periods) {
    if (periods < 1 || periods > MAX_PERIODS) {
        refuse(Text("periods: received ") + Text(periods) + ", allowed is 1 to 2^28");
    }
}

void check_batches(std::int64_t batches) {
    if (batches < 1 || batches > 65536) {
        refuse(Text("batches: received ") + Text(batches) + ", allowed is 1 to 65536");
    }
}

void check_cell(const Program& program, std::int64_t periods, std::int64_t index,
                const CellShape& cell) {
    const Text label = Text("cell ") + Text(index) + ": ";
    if (cell.rows != 1 && cell.rows != periods) {
        refuse(label + "inputs have " + Text(cell.rows) + " rows, allowed is 1 or " +
               Text(periods) + " (periods)");
    }
    if (cell.values != cell.rows * program.inputs()) {
        refuse(label + "inputs do not have " + Text(program.inputs()) + " columns");
    }
    if (cell.segment >= MAX_SEGMENTS) {
        refuse(label + "segment " + Text::of(cell.segment) + ", allowed is below 2^24");
    }
    if (cell.count > MAX_CONSUMERS) {
        refuse(label + "count " + Text::of(cell.count) + ", allowed is at most 2^40");
    }
    if (cell.low > cell.high || cell.high > cell.count) {
        refuse(label + "range " + Text::of(cell.low) + " to " + Text::of(cell.high) +
               ", allowed is within 0 to " + Text::of(cell.count));
    }
}

} // namespace pycore
