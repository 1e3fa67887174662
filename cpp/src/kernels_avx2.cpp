// Kernels for Avx2 lanes.  Only templates on the vector type are instantiated here: nothing that
// another translation unit could share and the linker could merge.
#include "pycore/block.hpp"

namespace pycore {

const Kernels& avx2_kernels() noexcept {
    static constexpr Kernels KERNELS = make_kernels<Avx2>("avx2");
    return KERNELS;
}

} // namespace pycore
