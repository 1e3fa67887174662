// Arguments of our own classes that __init__ has made.
//
// What __new__ alone made, as a pickle can, holds nothing; pybind11 would hand out memory that
// nobody has written.  A class that is named in a PYCORE_INITIALISED, before anything is bound, is
// refused as such an object by its own methods and by whoever takes it as an argument.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace pycore::bindings {

template <class T>
struct InitialisedCaster : pybind11::detail::type_caster_base<T> {
    bool load(pybind11::handle source, bool convert) {
        using Instance = pybind11::detail::instance;
        if (pybind11::isinstance<T>(source) && !reinterpret_cast<Instance*>(source.ptr())
                                                    ->get_value_and_holder()
                                                    .holder_constructed()) {
            const auto made = pybind11::type::of(source).attr("__name__");
            throw pybind11::type_error(
                "received an object that is not initialised, allowed is what " +
                made.template cast<std::string>() + "(…) returns");
        }
        return pybind11::detail::type_caster_base<T>::load(source, convert);
    }
};

} // namespace pycore::bindings

#define PYCORE_INITIALISED(T)                                                                      \
    template <>                                                                                    \
    struct pybind11::detail::type_caster<T> : pycore::bindings::InitialisedCaster<T> {}
