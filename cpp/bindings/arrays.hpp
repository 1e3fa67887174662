// NumPy arrays in and out.  Only lossless conversions are made: a float64 array where float32 is
// asked for is a TypeError, not a silent rounding.
#pragma once

#include <pybind11/numpy.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace pycore::bindings {

template <class T>
using Array = pybind11::array_t<T, pybind11::array::c_style>;

template <class T>
std::vector<T> to_vector(const char* name, const Array<T>& array) {
    if (array.ndim() != 1) {
        throw std::invalid_argument(std::string(name) + ": received an array of " +
                                    std::to_string(array.ndim()) +
                                    " dimensions, allowed is one dimension");
    }
    return std::vector<T>(array.data(), array.data() + array.size());
}

// The value of an argument.  What __new__ alone made, as a pickle can, holds none; pybind11 would
// hand out memory that nobody has written.
template <class T>
T& initialised(const char* name, const pybind11::handle& object) {
    using Instance = pybind11::detail::instance;
    if (!pybind11::isinstance<T>(object) ||
        !reinterpret_cast<Instance*>(object.ptr())->get_value_and_holder().holder_constructed()) {
        throw pybind11::type_error(std::string(name) + ": received no initialised object");
    }
    return object.cast<T&>();
}

inline void require_shape(const char* name, bool fits, const char* allowed) {
    if (!fits) throw std::invalid_argument(std::string(name) + ": allowed is " + allowed);
}

} // namespace pycore::bindings
