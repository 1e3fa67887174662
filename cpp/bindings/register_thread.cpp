#include "register.hpp"

#include <pybind11/pybind11.h>

namespace pycore::bindings {
namespace {

bool finalizing() {
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing() != 0;
#else
    return _Py_IsFinalizing() != 0;
#endif
}

/// Python's state of a thread that Python did not make, held until the thread ends.
///
/// Such a thread is given a state at every call into Python and loses it at the return, which costs
/// several times what the density of a small model does.
class ThreadState {
  public:
    ThreadState() { static_cast<void>(PyGILState_Ensure()); }
    ThreadState(const ThreadState&) = delete;
    ThreadState& operator=(const ThreadState&) = delete;

    ~ThreadState() {
        // A state that is gone already was of a thread of Python's own, or Python has ended.
        if (Py_IsInitialized() == 0 || finalizing() || PyGILState_GetThisThreadState() == nullptr)
            return;
        const PyGILState_STATE now = PyGILState_Ensure();
        PyGILState_Release(PyGILState_LOCKED); // the constructor's
        PyGILState_Release(now);
    }
};

} // namespace

void register_thread(pybind11::module_& module) {
    module.def(
        "keep_thread_state", [] { static thread_local const ThreadState held; },
        "Hold Python's state of the calling thread until the thread ends.");
}

} // namespace pycore::bindings
