#include "pycore/run.hpp"
#include "register.hpp"

namespace py = pybind11;

namespace pycore::bindings {

void register_build(py::module_& module) {
    module.attr("__version__") = PYCORE_VERSION;
    module.def(
        "build_config",
        [] {
            py::dict config;
            config["version"] = PYCORE_VERSION;
            config["compiler"] = PYCORE_COMPILER;
            config["flags"] = PYCORE_FLAGS;
            config["build_type"] = PYCORE_BUILD_TYPE;
            config["cxx_standard"] = "C++17";
            config["pybind11"] = PYBIND11_TOSTRING(PYBIND11_VERSION_MAJOR) "." PYBIND11_TOSTRING(
                PYBIND11_VERSION_MINOR) "." PYBIND11_TOSTRING(PYBIND11_VERSION_PATCH);
            py::list isas;
            for (const Kernels* kernels : available_kernels())
                isas.append(kernels->isa);
            config["isas"] = isas;
            return config;
        },
        "Compiler, flags and instruction sets of this build.");
}

} // namespace pycore::bindings
