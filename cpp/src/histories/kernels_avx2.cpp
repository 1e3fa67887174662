// Four lanes.
#include "make_kernels.hpp"

namespace pycore::histories {

const Kernels& kernels_avx2() {
    static constexpr Kernels KERNELS = make_kernels<4>("avx2");
    return KERNELS;
}

} // namespace pycore::histories
