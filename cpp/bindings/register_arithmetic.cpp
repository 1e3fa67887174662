#include "arrays.hpp"
#include "pycore/math.hpp"
#include "pycore/run.hpp"
#include "register.hpp"

namespace py = pybind11;

namespace pycore::bindings {

namespace {

// Apply one of the kernels' array functions to a one-dimensional array.
template <class In>
void register_function(py::module_& module, const char* name,
                       void (*Kernels::*function)(const In*, std::size_t, float*) noexcept,
                       const char* argument, const char* doc) {
    module.def(
        name,
        [function](const Array<In>& values, const std::string& isa) {
            require_shape("values", values.ndim() == 1, "a one-dimensional array");
            py::array_t<float> out(values.size());
            (choose_kernels(isa).*function)(values.data(), static_cast<std::size_t>(values.size()),
                                            out.mutable_data());
            return out;
        },
        py::arg(argument), py::kw_only(), py::arg("isa") = "auto", doc);
}

} // namespace

void register_arithmetic(py::module_& module) {
    module.def(
        "philox",
        [](const Array<std::uint32_t>& counters, const Array<std::uint32_t>& key,
           const std::string& isa) {
            require_shape("counters", counters.ndim() == 2 && counters.shape(1) == 4,
                          "a uint32 array (calls, 4)");
            require_shape("key", key.ndim() == 1 && key.shape(0) == 2, "two uint32 words");
            py::array_t<std::uint32_t> words({counters.shape(0), py::ssize_t{4}});
            choose_kernels(isa).philox(counters.data(), static_cast<std::size_t>(counters.shape(0)),
                                       key.at(0), key.at(1), words.mutable_data());
            return words;
        },
        py::arg("counters"), py::arg("key"), py::kw_only(), py::arg("isa") = "auto",
        "Philox4x32-10 words (calls, 4) of counters (calls, 4).");
    module.def(
        "last_event",
        [](const Array<float>& thresholds) {
            require_shape("thresholds", thresholds.ndim() == 1, "a one-dimensional array");
            py::array_t<std::int32_t> out(thresholds.size());
            for (py::ssize_t i = 0; i < thresholds.size(); ++i)
                out.mutable_at(i) = math::last_event(thresholds.at(i));
            return out;
        },
        py::arg("thresholds"),
        "Largest half of a word that is below a threshold as a float, or -1.");
    register_function(module, "uniform", &Kernels::uniform, "words",
                      "Uniform numbers in (0, 1) of words.");
    register_function(module, "normal", &Kernels::normal, "words",
                      "Standard normal numbers of words.");
    register_function(module, "exp", &Kernels::exp, "x", "Exponential, arguments clamped to ±86.");
    register_function(module, "log", &Kernels::log, "x", "Natural logarithm of x ≥ 2^-126.");
    register_function(module, "logistic", &Kernels::logistic, "x", "1 / (1 + exp(-x)).");
}

} // namespace pycore::bindings
