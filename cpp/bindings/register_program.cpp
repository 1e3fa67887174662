#include "arrays.hpp"
#include "pycore/program.hpp"
#include "register.hpp"

#include <pybind11/stl.h>

#include <cstring>

namespace py = pybind11;

namespace pycore::bindings {

namespace {

std::vector<Instruction> to_code(const char* name, const Array<std::int32_t>& rows) {
    require_shape(name, rows.ndim() == 2 && rows.shape(1) == ROW, "an int32 array (rows, 12)");
    std::vector<Instruction> code(static_cast<std::size_t>(rows.shape(0)));
    if (!code.empty()) std::memcpy(code.data(), rows.data(), code.size() * sizeof(Instruction));
    return code;
}

RecordKind to_kind(const std::string& kind) {
    if (kind == "count") return RecordKind::count;
    if (kind == "moments") return RecordKind::moments;
    if (kind == "histogram") return RecordKind::histogram;
    if (kind == "sum") return RecordKind::sum;
    if (kind == "shared") return RecordKind::shared;
    throw std::invalid_argument("record kind: received '" + kind +
                                "', allowed is one of count, moments, histogram, sum, shared");
}

std::vector<RecordDefinition>
to_records(const std::vector<std::string>& names, const std::vector<std::string>& kinds,
           const Array<std::int32_t>& registers, const Array<std::uint8_t>& by_stage,
           const Array<std::int32_t>& exponents, const Array<float>& ranges,
           const Array<std::int32_t>& bins) {
    const auto n = static_cast<py::ssize_t>(names.size());
    const auto is_list = [n](const py::array& a) { return a.ndim() == 1 && a.shape(0) == n; };
    const auto is_pairs = [n](const py::array& a) {
        return a.ndim() == 2 && a.shape(0) == n && a.shape(1) == 2;
    };
    require_shape("records",
                  static_cast<py::ssize_t>(kinds.size()) == n && is_list(registers) &&
                      is_list(by_stage) && is_pairs(exponents) && is_pairs(ranges) && is_list(bins),
                  "one name, kind, register, flag, pair of exponents, range and bins per record");
    std::vector<RecordDefinition> records;
    records.reserve(names.size());
    for (py::ssize_t i = 0; i < n; ++i) {
        RecordDefinition record;
        record.name = names[static_cast<std::size_t>(i)];
        record.kind = to_kind(kinds[static_cast<std::size_t>(i)]);
        record.source = registers.at(i);
        record.by_stage = by_stage.at(i) != 0;
        record.exponent = exponents.at(i, 0);
        record.square_exponent = exponents.at(i, 1);
        record.low = ranges.at(i, 0);
        record.high = ranges.at(i, 1);
        record.bins = bins.at(i);
        records.push_back(std::move(record));
    }
    return records;
}

CouplingDefinition to_coupling(const Array<std::int32_t>& inputs,
                               const Array<std::int32_t>& results,
                               const Array<std::int32_t>& aggregates,
                               const Array<std::int32_t>& code, std::int64_t n_scalars,
                               std::int64_t community, const Array<std::int32_t>& signals) {
    CouplingDefinition coupling;
    coupling.inputs = to_vector("environment_inputs", inputs);
    coupling.results = to_vector("environment_results", results);
    coupling.code = to_code("environment_code", code);
    coupling.n_scalars = n_scalars;
    coupling.community = community;
    require_shape("aggregates", aggregates.ndim() == 2 && aggregates.shape(1) == 2, "(n, 2)");
    for (py::ssize_t i = 0; i < aggregates.shape(0); ++i) {
        coupling.aggregates.push_back(
            {static_cast<AggregateKind>(aggregates.at(i, 0)), aggregates.at(i, 1)});
    }
    require_shape("signals", signals.ndim() == 2 && signals.shape(1) == 4, "(n, 4)");
    for (py::ssize_t i = 0; i < signals.shape(0); ++i) {
        coupling.signals.push_back({static_cast<AggregateKind>(signals.at(i, 0)), signals.at(i, 1),
                                    signals.at(i, 2), signals.at(i, 3)});
    }
    return coupling;
}

} // namespace

void register_program(py::module_& module) {
    py::class_<Program>(module, "Program",
                        "A validated, immutable program; holds no memory of Python's.")
        .def(py::init(
                 [](std::int64_t inputs, const Array<float>& constants, std::int64_t n_scalars,
                    std::int64_t n_registers, std::int64_t n_states,
                    const Array<std::int32_t>& scalar_code, const Array<std::int32_t>& start_code,
                    const Array<std::int32_t>& step_code, const Array<std::uint32_t>& start_streams,
                    const Array<std::uint32_t>& step_streams, std::int64_t stage_register,
                    std::int64_t stages, const Array<std::int32_t>& absorbing,
                    const std::vector<std::string>& record_names,
                    const std::vector<std::string>& record_kinds,
                    const Array<std::int32_t>& record_registers,
                    const Array<std::uint8_t>& record_by_stage,
                    const Array<std::int32_t>& record_exponents, const Array<float>& record_ranges,
                    const Array<std::int32_t>& record_bins, bool coupled,
                    const Array<std::int32_t>& environment_inputs,
                    const Array<std::int32_t>& environment_results,
                    const Array<std::int32_t>& aggregates,
                    const Array<std::int32_t>& environment_code, std::int64_t environment_scalars,
                    std::int64_t community, const Array<std::int32_t>& signals) {
                     ProgramDefinition definition;
                     definition.inputs = inputs;
                     definition.constants = to_vector("constants", constants);
                     definition.n_scalars = n_scalars;
                     definition.n_registers = n_registers;
                     definition.n_states = n_states;
                     definition.scalar_code = to_code("scalar_code", scalar_code);
                     definition.start_code = to_code("start_code", start_code);
                     definition.step_code = to_code("step_code", step_code);
                     definition.start_streams = to_vector("start_streams", start_streams);
                     definition.step_streams = to_vector("step_streams", step_streams);
                     definition.stage_register = stage_register;
                     definition.stages = stages;
                     definition.absorbing = to_vector("absorbing", absorbing);
                     definition.records =
                         to_records(record_names, record_kinds, record_registers, record_by_stage,
                                    record_exponents, record_ranges, record_bins);
                     definition.coupled = coupled;
                     if (coupled) {
                         definition.coupling =
                             to_coupling(environment_inputs, environment_results, aggregates,
                                         environment_code, environment_scalars, community, signals);
                     }
                     return Program(std::move(definition));
                 }),
             py::kw_only(), py::arg("inputs"), py::arg("constants"), py::arg("n_scalars"),
             py::arg("n_registers"), py::arg("n_states"), py::arg("scalar_code"),
             py::arg("start_code"), py::arg("step_code"), py::arg("start_streams"),
             py::arg("step_streams"), py::arg("stage_register"), py::arg("stages"),
             py::arg("absorbing"), py::arg("record_names"), py::arg("record_kinds"),
             py::arg("record_registers"), py::arg("record_by_stage"), py::arg("record_exponents"),
             py::arg("record_ranges"), py::arg("record_bins"), py::arg("coupled") = false,
             py::arg("environment_inputs") = Array<std::int32_t>(0),
             py::arg("environment_results") = Array<std::int32_t>(0),
             py::arg("aggregates") = Array<std::int32_t>(0),
             py::arg("environment_code") = Array<std::int32_t>(0),
             py::arg("environment_scalars") = 0, py::arg("community") = 0,
             py::arg("signals") = Array<std::int32_t>(0))
        .def_property_readonly("width", &Program::width, "Ledger cells of one batch and period.");

    module.def(
        "instruction_table",
        [] {
            py::list table;
            for (std::int32_t op = 0; op < OPERATIONS; ++op) {
                const Specification& s = SPECIFICATIONS[op];
                table.append(py::make_tuple(s.name, op, s.lanes, s.scalars, s.draws));
            }
            return table;
        },
        "(name, code, lane operands, scalar operands, draws a word) of every operation.");
}

} // namespace pycore::bindings
