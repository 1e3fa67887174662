#include "arrays.hpp"
#include "populations.hpp"
#include "pycore/program.hpp"
#include "pycore/words.hpp"
#include "register.hpp"

namespace py = pybind11;

namespace pycore::bindings {

void register_program(py::module_& module) {
    py::class_<Program>(module, "Program",
                        "A validated, immutable program; holds no memory of Python's.")
        .def(py::init([](const Array<std::uint32_t>& words) {
                 require_shape("words", words.ndim() == 1, "a one-dimensional uint32 array");
                 return Program(read_words(words.data(), static_cast<std::size_t>(words.size())));
             }),
             py::arg("words"), "Read the flat form, see pycore/program/words.py.")
        .def_property_readonly(
            "width", [](const Program& self) { return self.width(); },
            "Ledger cells of one batch and period.");

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
