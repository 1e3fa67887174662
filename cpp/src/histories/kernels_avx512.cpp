// Eight lanes.  As everywhere, nothing is instantiated here that the linker could share.
#include "make_kernels.hpp"

namespace pycore::histories {

const Kernels& kernels_avx512() {
    static constexpr Kernels KERNELS = make_kernels<8>("avx512");
    return KERNELS;
}

} // namespace pycore::histories
