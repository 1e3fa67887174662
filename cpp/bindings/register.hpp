// The subjects of pycore._core; module.cpp calls them in this order.
#pragma once

#include <pybind11/pybind11.h>

namespace pycore::bindings {

void register_program(pybind11::module_& module);
void register_run(pybind11::module_& module);
void register_cohort(pybind11::module_& module);
void register_arithmetic(pybind11::module_& module);
void register_build(pybind11::module_& module);
void register_estimation(pybind11::module_& module);
void register_histories(pybind11::module_& module);
void register_thread(pybind11::module_& module);

} // namespace pycore::bindings
