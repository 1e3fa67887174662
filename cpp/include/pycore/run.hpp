// Running a program over whole populations with many threads, or over single lives.
#pragma once

#include "pycore/limits.hpp"
#include "pycore/machine.hpp"
#include "pycore/program.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace pycore {

// Scalar inputs of one cell over time: `rows` is 1 (constant) or the number of periods.
struct InputTable {
    std::vector<float> values;
    std::int64_t rows = 0;
};

// One scenario, draw and segment; the numbers [low, high) of its `count` consumers are run.
struct Cell {
    InputTable inputs;
    std::uint32_t segment = 0;
    std::uint64_t count = 0;
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};

struct RunSettings {
    std::int64_t batches = 1;
    std::int64_t periods = 1;
    std::uint64_t seed = 0;
    std::int64_t threads = 0; // 0: as many as the processor runs at once
    std::int64_t block = 768;
    const Kernels* kernels = nullptr;
};

// Called by the waiting main thread at least every 50 ms with consumers done and to do; what it
// throws stops the run and reaches the caller.
using Watch = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Instruction sets that this processor runs, best first.
std::vector<const Kernels*> available_kernels();

// "auto" is the best available; throws std::invalid_argument for one that is not there.
const Kernels& choose_kernels(const std::string& isa);

// Size of the ledger [cell][batch][period][width]; throws if the settings are unusable.
std::int64_t ledger_size(const Program& program, const std::vector<Cell>& cells,
                         const RunSettings& settings);

// Fill a zeroed ledger of ledger_size() cells.
void run(const Program& program, const std::vector<Cell>& cells, const RunSettings& settings,
         const Watch& watch, std::int64_t* ledger);

// Who listens to whom.  Consumers are numbered cell by cell; node i hears targets[starts[i]] to
// targets[starts[i + 1] - 1], or, with a degree, that many others drawn by hashing.
struct Network {
    const std::int64_t* starts = nullptr;
    const std::uint32_t* targets = nullptr;
    std::uint64_t nodes = 0;
    std::uint32_t degree = 0;
    std::uint64_t seed = 0;
};

// The same for a coupled program.  `groups` rises from 0: cells of one number share environments.
// Results depend on neither threads nor blocks.
void run_coupled(const Program& program, const std::vector<Cell>& cells,
                 const std::vector<std::uint32_t>& groups, const Network& network,
                 const std::vector<std::string>& environments,
                 const std::vector<std::string>& signals, const RunSettings& settings,
                 const Watch& watch, std::int64_t* ledger);

// Bytes that run_coupled keeps between periods (the network itself not counted).
std::uint64_t coupled_bytes(const Program& program, const std::vector<Cell>& cells,
                            const std::vector<std::uint32_t>& groups, const RunSettings& settings);

// Lives of single consumers: out[id][period][register], untouched after a life has ended.
// `coupled` where they are lives among others, whose influence stands in the inputs.
void trace(const Program& program, const std::vector<Cell>& cells,
           const std::vector<std::uint64_t>& ids, const std::vector<std::int32_t>& registers,
           bool coupled, const RunSettings& settings, float* out);

} // namespace pycore
