// Two lanes, which every 64-bit processor has.
#include "make_kernels.hpp"

namespace pycore::histories {

const Kernels& kernels_128() {
    static constexpr Kernels KERNELS = make_kernels<2>("128");
    return KERNELS;
}

} // namespace pycore::histories
