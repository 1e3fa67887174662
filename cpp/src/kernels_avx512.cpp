// Kernels for Avx512 lanes.  Only templates on the vector type are instantiated here: nothing that
// another translation unit could share and the linker could merge.
#include "pycore/block.hpp"

namespace pycore {

const Kernels& avx512_kernels() noexcept {
    static constexpr Kernels KERNELS = make_kernels<Avx512>("avx512");
    return KERNELS;
}

} // namespace pycore
