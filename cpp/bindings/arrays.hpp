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

inline void require_shape(const char* name, bool fits, const char* allowed) {
    if (!fits) throw std::invalid_argument(std::string(name) + ": allowed is " + allowed);
}

} // namespace pycore::bindings
