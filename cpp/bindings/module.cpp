#include "register.hpp"

#include <pybind11/pybind11.h>

PYBIND11_MODULE(_core, module) {
    module.doc() =
        "The block machine (programs, runs, single lives) and the likelihoods of surveys.";
    pycore::bindings::register_program(module);
    pycore::bindings::register_run(module);
    pycore::bindings::register_cohort(module);
    pycore::bindings::register_arithmetic(module);
    pycore::bindings::register_build(module);
    pycore::bindings::register_estimation(module);
    pycore::bindings::register_histories(module);
    pycore::bindings::register_thread(module);
}
