// Kernels for four lanes.  Only templates on the vector type are instantiated here.
#include "pycore/block.hpp"

namespace pycore {

const Kernels& v128_kernels() noexcept {
#ifdef __aarch64__
    static constexpr Kernels KERNELS = make_kernels<V128>("neon");
#else
    static constexpr Kernels KERNELS = make_kernels<V128>("wasm simd128");
#endif
    return KERNELS;
}

} // namespace pycore
