#include "arrays.hpp"
#include "initialised.hpp"
#include "populations.hpp"
#include "pycore/cohort.hpp"
#include "register.hpp"

#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <utility>

PYCORE_INITIALISED(pycore::Cohort);

namespace py = pybind11;

namespace pycore::bindings {

namespace {

std::unique_ptr<Cohort> make_cohort(
    const Program& program, const std::vector<Array<float>>& inputs,
    const Array<std::uint64_t>& counts, const Array<std::uint32_t>& segments, std::int64_t batches,
    std::int64_t periods, std::uint64_t seed, const std::vector<std::string>& signals,
    const std::optional<std::pair<Array<std::int64_t>, Array<std::uint32_t>>>& listed,
    const std::optional<std::pair<std::uint32_t, std::uint64_t>>& hashed,
    const std::optional<Array<std::uint64_t>>& lo, const std::optional<Array<std::uint64_t>>& hi,
    std::int64_t threads, const std::string& isa, std::int64_t block) {
    CohortDefinition definition;
    definition.cells = to_cells(inputs, to_vector("segments", segments));
    set_counts(definition.cells, counts, lo, hi);
    definition.signals = signals;
    if (listed) { // copied: nobody can change what has been checked
        definition.starts = to_vector("network", listed->first);
        definition.targets = to_vector("network", listed->second);
    } else if (hashed) {
        definition.degree = hashed->first;
        definition.network_seed = hashed->second;
    }
    definition.settings = to_settings(batches, periods, seed, threads, isa, block);
    const py::gil_scoped_release unlocked;
    return std::make_unique<Cohort>(program, std::move(definition));
}

py::tuple live(Cohort& cohort, const Array<float>& environments) {
    const auto values = to_vector("environments", environments);
    const std::int64_t width = cohort.width();
    py::array_t<std::int64_t> ledger(std::vector<py::ssize_t>{cohort.size() / width, width});
    py::array_t<std::int64_t> total(std::vector<py::ssize_t>{width});
    std::int64_t* const rows = ledger.mutable_data();
    std::int64_t* const sums = total.mutable_data();
    const py::object silent = py::none();
    const Watch watch = make_watch(silent);
    {
        const py::gil_scoped_release unlocked;
        cohort.live(values, watch, rows, sums);
    }
    return py::make_tuple(ledger, total);
}

py::array_t<std::uint32_t> to_array(const std::vector<std::uint32_t>& words) {
    return py::array_t<std::uint32_t>(static_cast<py::ssize_t>(words.size()), words.data());
}

py::array_t<std::uint32_t> said(const Cohort& cohort) {
    std::vector<std::uint32_t> words;
    {
        const py::gil_scoped_release unlocked;
        words = cohort.said();
    }
    return to_array(words);
}

void hear(Cohort& cohort, std::uint64_t low, std::uint64_t high,
          const Array<std::uint32_t>& words) {
    const auto theirs = to_vector("words", words);
    const py::gil_scoped_release unlocked;
    cohort.hear(low, high, theirs);
}

py::array_t<std::uint32_t> state(const Cohort& cohort, std::uint64_t low, std::uint64_t high) {
    std::vector<std::uint32_t> words;
    {
        const py::gil_scoped_release unlocked;
        words = cohort.state(low, high);
    }
    return to_array(words);
}

void restore(Cohort& cohort, std::int64_t periods, std::uint64_t low, std::uint64_t high,
             const Array<std::uint32_t>& words) {
    const auto mine = to_vector("words", words);
    const py::gil_scoped_release unlocked;
    cohort.restore(periods, low, high, mine);
}

} // namespace

void register_cohort(py::module_& module) {
    py::class_<Cohort>(module, "Cohort",
                       "Consumers of one society, or some of them, lived one period at a time.")
        .def(py::init(&make_cohort), py::keep_alive<1, 2>(), py::arg("program"), py::arg("inputs"),
             py::arg("counts"), py::arg("segments"), py::arg("batches"), py::arg("periods"),
             py::arg("seed"), py::kw_only(), py::arg("signals"), py::arg("listed") = py::none(),
             py::arg("hashed") = py::none(), py::arg("lo") = py::none(), py::arg("hi") = py::none(),
             py::arg("threads") = 0, py::arg("isa") = "auto", py::arg("block") = 768,
             "Cells of the society; the numbers lo to hi of each are lived here.")
        .def_property_readonly("period", &Cohort::period, "Periods that are over.")
        .def("live", &live, py::arg("environments"),
             "The next period: its ledger (cells x batches, width) and the sums of its rows.")
        .def("said", &said, "What these consumers said in the period that is over, as words.")
        .def("hear", &hear, py::arg("low"), py::arg("high"), py::arg("words"),
             "The same of others, before the next period, stretch after stretch.")
        .def("state", &state, py::arg("low"), py::arg("high"),
             "What these consumers carry into the next period, as words.")
        .def("restore", &restore, py::arg("periods"), py::arg("low"), py::arg("high"),
             py::arg("words"), "Put it back into a new cohort, stretch after stretch.");
}

} // namespace pycore::bindings
