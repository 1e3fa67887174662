#include "arrays.hpp"
#include "populations.hpp"
#include "pycore/run.hpp"
#include "register.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace py = pybind11;

namespace pycore::bindings {

namespace {

py::array_t<std::int64_t>
run_program(const Program& program, const std::vector<Array<float>>& inputs,
            const Array<std::uint64_t>& counts, const Array<std::uint32_t>& segments,
            std::int64_t batches, std::int64_t periods, std::uint64_t seed,
            const std::optional<Array<std::uint64_t>>& lo,
            const std::optional<Array<std::uint64_t>>& hi, std::int64_t threads,
            const std::string& isa, std::int64_t block, const py::object& progress) {
    auto cells = to_cells(inputs, to_vector("segments", segments));
    set_counts(cells, counts, lo, hi);
    const auto settings = to_settings(batches, periods, seed, threads, isa, block);

    const std::int64_t size = ledger_size(program, cells, settings);
    py::array_t<std::int64_t> ledger(std::vector<py::ssize_t>{
        static_cast<py::ssize_t>(cells.size()), batches, periods, program.width()});
    std::int64_t* const out = ledger.mutable_data();
    const Watch watch = make_watch(progress);
    {
        const py::gil_scoped_release unlocked;
        std::fill_n(out, size, 0);
        run(program, cells, settings, watch, out);
    }
    return ledger;
}

py::array_t<std::int64_t> run_coupled_program(
    const Program& program, const std::vector<Array<float>>& inputs,
    const Array<std::uint64_t>& counts, const Array<std::uint32_t>& segments,
    const Array<std::uint32_t>& groups, std::int64_t batches, std::int64_t periods,
    std::uint64_t seed, const std::vector<std::string>& environments,
    const std::vector<std::string>& signals,
    const std::optional<std::pair<Array<std::int64_t>, Array<std::uint32_t>>>& listed,
    const std::optional<std::pair<std::uint32_t, std::uint64_t>>& hashed,
    const std::optional<Array<std::uint64_t>>& lo, const std::optional<Array<std::uint64_t>>& hi,
    std::int64_t threads, const std::string& isa, std::int64_t block, const py::object& progress) {
    auto cells = to_cells(inputs, to_vector("segments", segments));
    set_counts(cells, counts, lo, hi);
    const auto numbers = to_vector("groups", groups);
    const auto settings = to_settings(batches, periods, seed, threads, isa, block);
    Network network;
    if (listed) {
        require_shape("network",
                      listed->first.ndim() == 1 && listed->first.size() > 0 &&
                          listed->second.ndim() == 1 &&
                          listed->first.at(listed->first.size() - 1) == listed->second.size(),
                      "starts (nodes + 1) and the targets they count");
        network.starts = listed->first.data();
        network.targets = listed->second.data();
        network.nodes = static_cast<std::uint64_t>(listed->first.size() - 1);
    } else if (hashed) {
        network.degree = hashed->first;
        network.seed = hashed->second;
        for (std::size_t c = 0; c < std::min(cells.size(), numbers.size()); ++c)
            network.nodes += numbers[c] == 0 ? cells[c].count : 0;
    }
    const std::int64_t size = ledger_size(program, cells, settings);
    py::array_t<std::int64_t> ledger(std::vector<py::ssize_t>{
        static_cast<py::ssize_t>(cells.size()), batches, periods, program.width()});
    std::int64_t* const out = ledger.mutable_data();
    const Watch watch = make_watch(progress);
    {
        const py::gil_scoped_release unlocked;
        std::fill_n(out, size, 0);
        run_coupled(program, cells, numbers, network, environments, signals, settings, watch, out);
    }
    return ledger;
}

std::uint64_t bytes_of_coupled_program(const Program& program, const Array<std::uint64_t>& counts,
                                       const Array<std::uint32_t>& groups, std::int64_t batches,
                                       std::int64_t threads, std::int64_t block) {
    std::vector<Cell> cells(static_cast<std::size_t>(counts.size()));
    for (Cell& cell : cells)
        cell.inputs = {std::vector<float>(static_cast<std::size_t>(program.inputs())), 1};
    set_counts(cells, counts, std::nullopt, std::nullopt);
    RunSettings settings;
    settings.batches = batches;
    settings.threads = threads;
    settings.block = block;
    return coupled_bytes(program, cells, to_vector("groups", groups), settings);
}

py::array_t<float> trace_program(const Program& program, const std::vector<Array<float>>& inputs,
                                 const Array<std::uint32_t>& segments,
                                 const Array<std::uint64_t>& ids,
                                 const Array<std::int32_t>& registers, std::int64_t periods,
                                 std::uint64_t seed, bool coupled, const std::string& isa) {
    const auto cells = to_cells(inputs, to_vector("segments", segments));
    const auto lives = to_vector("ids", ids);
    const auto columns = to_vector("registers", registers);
    RunSettings settings;
    settings.periods = periods;
    settings.seed = seed;
    settings.kernels = &choose_kernels(isa);
    ledger_size(program, cells, settings); // refuses unusable settings before memory is taken
    py::array_t<float> out(std::vector<py::ssize_t>{static_cast<py::ssize_t>(lives.size()), periods,
                                                    static_cast<py::ssize_t>(columns.size())});
    std::fill_n(out.mutable_data(), out.size(), std::numeric_limits<float>::quiet_NaN());
    float* const values = out.mutable_data();
    {
        const py::gil_scoped_release unlocked;
        trace(program, cells, lives, columns, coupled, settings, values);
    }
    return out;
}

} // namespace

void register_run(py::module_& module) {
    module.def("run", &run_program, py::arg("program"), py::arg("inputs"), py::arg("counts"),
               py::arg("segments"), py::arg("batches"), py::arg("periods"), py::arg("seed"),
               py::kw_only(), py::arg("lo") = py::none(), py::arg("hi") = py::none(),
               py::arg("threads") = 0, py::arg("isa") = "auto", py::arg("block") = 768,
               py::arg("progress") = py::none(),
               "Aggregate whole populations: int64 ledger (cells, batches, periods, width).");
    module.def(
        "run_coupled", &run_coupled_program, py::arg("program"), py::arg("inputs"),
        py::arg("counts"), py::arg("segments"), py::arg("groups"), py::arg("batches"),
        py::arg("periods"), py::arg("seed"), py::kw_only(), py::arg("environments"),
        py::arg("signals"), py::arg("listed") = py::none(), py::arg("hashed") = py::none(),
        py::arg("lo") = py::none(), py::arg("hi") = py::none(), py::arg("threads") = 0,
        py::arg("isa") = "auto", py::arg("block") = 768, py::arg("progress") = py::none(),
        "The same of a program whose consumers influence each other, cell by cell in groups.");
    module.def("coupled_bytes", &bytes_of_coupled_program, py::arg("program"), py::arg("counts"),
               py::arg("groups"), py::arg("batches"), py::kw_only(), py::arg("threads") = 0,
               py::arg("block") = 768, "Memory that run_coupled takes between periods.");
    module.def("trace", &trace_program, py::arg("program"), py::arg("inputs"), py::arg("segments"),
               py::arg("ids"), py::arg("registers"), py::arg("periods"), py::arg("seed"),
               py::kw_only(), py::arg("coupled") = false, py::arg("isa") = "auto",
               "Lives of single consumers: float32 (ids, periods, registers), NaN after leaving.");
    module.def(
        "isas",
        [] {
            std::vector<std::string> names;
            for (const Kernels* kernels : available_kernels())
                names.emplace_back(kernels->isa);
            return names;
        },
        "Instruction sets of this processor, best first.");
}

} // namespace pycore::bindings
