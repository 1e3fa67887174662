#include "arena.hpp"
#include "pycore/run.hpp"

#include <algorithm>
#include <utility>

namespace pycore {

void trace(const Program& program, const std::vector<Cell>& cells,
           const std::vector<std::uint64_t>& ids, const std::vector<std::int32_t>& registers,
           bool coupled, const RunSettings& settings, float* out) {
    ledger_size(program, cells, settings); // refuses unusable settings
    for (const std::int32_t index : registers) {
        if (!program.readable(index)) {
            refuse(Text("registers: received ") + Text(index) +
                   ", allowed is a register that holds a value after a step");
        }
    }
    // Lives of one cell with one high word of the id share a block.
    struct Group {
        std::size_t cell;
        std::uint32_t id_high;
        std::size_t row;
        bool operator<(const Group& other) const noexcept {
            return std::pair(cell, id_high) < std::pair(other.cell, other.id_high);
        }
    };
    std::vector<Group> order;
    for (std::size_t row = 0; row < ids.size(); ++row) {
        const auto segment = static_cast<std::uint32_t>(ids[row] >> 40);
        const auto cell = std::find_if(cells.begin(), cells.end(),
                                       [segment](const Cell& c) { return c.segment == segment; });
        if (cell == cells.end()) {
            refuse(Text("ids: id ") + Text::of(ids[row]) + " is of segment " + Text(segment) +
                   ", which has no inputs");
        }
        order.push_back({static_cast<std::size_t>(cell - cells.begin()),
                         static_cast<std::uint32_t>(ids[row] >> 32), row});
    }
    std::stable_sort(order.begin(), order.end());

    const FloatingPointMode mode;
    Arena arena(program, settings.block, *settings.kernels);
    const BlockMemory memory = arena.memory();
    const ProgramView view = program.view();
    const TraceView sink{registers.data(), static_cast<std::int32_t>(registers.size()), out};
    const StopFlag stop;
    ScalarFiles scalars;
    for (std::size_t first = 0; first < order.size();) {
        std::size_t last = first;
        while (last < order.size() && !(order[first] < order[last]) &&
               last - first < static_cast<std::size_t>(settings.block)) {
            memory.id_low[last - first] = static_cast<std::uint32_t>(ids[order[last].row]);
            memory.row[last - first] = static_cast<std::uint32_t>(order[last].row);
            ++last;
        }
        const InputTable& inputs = cells[order[first].cell].inputs;
        scalars.fill(program, inputs.values.data(), inputs.rows);
        Lives lives{};
        lives.lanes = static_cast<std::int32_t>(last - first);
        lives.periods = static_cast<std::int32_t>(settings.periods);
        lives.id_high = order[first].id_high;
        lives.key_0 = static_cast<std::uint32_t>(settings.seed);
        lives.key_1 = static_cast<std::uint32_t>(settings.seed >> 32);
        lives.scalars = scalars.data();
        lives.scalar_step = scalars.step();
        lives.trace = &sink;
        lives.stop = &stop;
        lives.coupled = coupled;
        Fault fault{};
        settings.kernels->live(view, lives, memory, fault);
        first = last;
    }
}

} // namespace pycore
