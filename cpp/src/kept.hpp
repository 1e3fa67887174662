// What of a consumer is kept between periods.
#pragma once

#include "pycore/program.hpp"

#include <cstdint>
#include <vector>

namespace pycore {

// States that live from one period to the next: those that a step reads before it writes them.
struct Kept {
    std::vector<std::int32_t> changing; // written by steps
    std::vector<std::int32_t> constant; // such as traits drawn once
    std::int32_t stage = -1;            // if written by steps: nearly always alike in a block

    explicit Kept(const Program& program) {
        const ProgramDefinition& p = program.definition();
        std::vector<bool> read(static_cast<std::size_t>(p.n_registers)), written(read);
        const auto reads = [&](std::int32_t r) {
            const auto k = static_cast<std::size_t>(r);
            if (!written[k]) read[k] = true;
        };
        for (const Instruction& row : p.step_code) {
            for (std::int32_t k = 0; k < SPECIFICATIONS[static_cast<int>(row.op)].lanes; ++k)
                reads(row.lane[k]);
            written[static_cast<std::size_t>(row.target)] = true;
        }
        for (const RecordDefinition& record : p.records)
            if (record.kind != RecordKind::shared) reads(record.source);
        for (const SignalDefinition& signal : p.coupling.signals)
            reads(signal.source);
        if (p.stages > 0) reads(static_cast<std::int32_t>(p.stage_register));
        // Neighbours are heard anew in every period.
        for (const SignalDefinition& signal : p.coupling.signals)
            read[static_cast<std::size_t>(signal.target)] = false;
        for (std::int32_t r = 0; r < static_cast<std::int32_t>(p.n_states); ++r) {
            const auto k = static_cast<std::size_t>(r);
            if (read[k] && written[k] && p.stages > 0 && r == p.stage_register) {
                stage = r;
            } else if (read[k]) {
                (written[k] ? changing : constant).push_back(r);
            }
        }
    }

    std::size_t states() const noexcept {
        return changing.size() + constant.size() + (stage >= 0 ? 1 : 0);
    }
    // Rows of a block: ids, states, the stage.
    std::uint64_t rows() const noexcept { return 1 + states(); }
};

} // namespace pycore
