// Populations as Python describes them, and the watch over a run.
#pragma once

#include "arrays.hpp"
#include "initialised.hpp"
#include "pycore/program.hpp"
#include "pycore/run.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

PYCORE_INITIALISED(pycore::Program);

namespace pycore::bindings {

inline InputTable to_inputs(const Array<float>& table) {
    require_shape("inputs", table.ndim() == 2, "a list of float32 arrays (1 or periods, inputs)");
    return {std::vector<float>(table.data(), table.data() + table.size()), table.shape(0)};
}

inline std::vector<Cell> to_cells(const std::vector<Array<float>>& inputs,
                                  const std::vector<std::uint32_t>& segments) {
    require_shape("segments", segments.size() == inputs.size(), "one segment number per cell");
    std::vector<Cell> cells(inputs.size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
        cells[i].inputs = to_inputs(inputs[i]);
        cells[i].segment = segments[i];
    }
    return cells;
}

// Signals are only ever looked at here, by the thread that called.
inline Watch make_watch(const pybind11::object& progress) {
    return [&progress](std::uint64_t done, std::uint64_t total) {
        const pybind11::gil_scoped_acquire gil;
        if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
        if (!progress.is_none()) progress(done, total);
    };
}

inline void set_counts(std::vector<Cell>& cells, const Array<std::uint64_t>& counts,
                       const std::optional<Array<std::uint64_t>>& lo,
                       const std::optional<Array<std::uint64_t>>& hi) {
    const auto numbers = to_vector("counts", counts);
    const auto low = lo ? to_vector("lo", *lo) : std::vector<std::uint64_t>(cells.size(), 0);
    const auto high = hi ? to_vector("hi", *hi) : numbers;
    require_shape("counts, lo, hi",
                  numbers.size() == cells.size() && low.size() == cells.size() &&
                      high.size() == cells.size(),
                  "one number per cell");
    for (std::size_t i = 0; i < cells.size(); ++i) {
        cells[i].count = numbers[i];
        cells[i].low = low[i];
        cells[i].high = high[i];
    }
}

inline RunSettings to_settings(std::int64_t batches, std::int64_t periods, std::uint64_t seed,
                               std::int64_t threads, const std::string& isa, std::int64_t block) {
    RunSettings settings;
    settings.batches = batches;
    settings.periods = periods;
    settings.seed = seed;
    settings.threads = threads;
    settings.block = block;
    settings.kernels = &choose_kernels(isa);
    return settings;
}

} // namespace pycore::bindings
