// Populations and societies, each chosen by a word.
#pragma once

#include "fuzz_random.hpp"
#include "pycore/run.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace fuzz {

struct Population {
    std::vector<pycore::Cell> cells;
    pycore::RunSettings settings;

    Population(const pycore::Program& program, std::uint32_t choice) {
        Random random(choice);
        constexpr std::uint64_t COUNTS[] = {1, 3, 17, 40, 70, 130};
        constexpr float VALUES[] = {
            0.0F, 0.5F, 1.0F, -3.0F, 1e30F, -1e-40F, __builtin_inff(), __builtin_nanf("")};
        settings.periods = 1 + static_cast<std::int64_t>(pick(random, 6));
        settings.batches = 1 + static_cast<std::int64_t>(pick(random, 3));
        settings.seed = random();
        settings.threads = 1;
        settings.block = 128;
        cells.resize(1 + pick(random, 2));
        for (pycore::Cell& cell : cells) {
            cell.segment = static_cast<std::uint32_t>(&cell - cells.data());
            cell.count = COUNTS[pick(random, std::size(COUNTS))];
            cell.low = pick(random, 2) == 0 ? 0 : cell.count / 2;
            cell.high = cell.count;
            cell.inputs.rows = pick(random, 2) == 0 ? 1 : settings.periods;
            cell.inputs.values.resize(
                static_cast<std::size_t>(cell.inputs.rows * program.inputs()));
            for (float& value : cell.inputs.values)
                value = VALUES[pick(random, std::size(VALUES))];
        }
    }
};

// Who shares environments and who hears whom, for a program whose consumers influence each other.
struct Society {
    std::vector<std::uint32_t> groups;
    std::vector<std::int64_t> starts = {0};
    std::vector<std::uint32_t> targets;
    pycore::Network network;
    std::vector<std::string> environments, signals;

    Society(const pycore::Program& program, std::uint32_t choice, Population& people) {
        Random random(choice + 1);
        const pycore::CouplingDefinition& coupling = program.definition().coupling;
        const bool talks = coupling.signals.size() > 0;
        std::uint64_t everybody = 0;
        for (pycore::Cell& cell : people.cells) {
            const auto community = static_cast<std::uint64_t>(coupling.community);
            cell.low = community > 0 ? cell.low / community * community : 0;
            const bool together = talks || pick(random, 2) == 0;
            groups.push_back(groups.empty() ? 0 : groups.back() + (together ? 0 : 1));
            everybody += cell.count;
        }
        environments.resize(coupling.inputs.size(), "environment");
        signals.resize(coupling.signals.size(), "signal");
        network.nodes = everybody;
        if (pick(random, 2) == 0) {
            network.degree = 1 + static_cast<std::uint32_t>(pick(random, 5));
            network.seed = random();
            return;
        }
        for (std::uint64_t node = 0; node < everybody; ++node) {
            for (std::size_t left = pick(random, 5); left > 0; --left)
                targets.push_back(static_cast<std::uint32_t>(pick(random, everybody)));
            starts.push_back(static_cast<std::int64_t>(targets.size()));
        }
        network.starts = starts.data();
        network.targets = targets.data();
    }
};

} // namespace fuzz
