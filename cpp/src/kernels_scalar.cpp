// Kernels for one lane at a time, on any processor; also the scalar code of every program.
#include "pycore/block.hpp"

namespace pycore {

void run_scalar_code(const Code& code, float* scalars) noexcept {
    const Registers file{scalars, 1, scalars, nullptr, 0};
    execute<Scalar>(code, file, 1);
}

const Kernels& scalar_kernels() noexcept {
    static constexpr Kernels KERNELS = make_kernels<Scalar>("scalar");
    return KERNELS;
}

}  // namespace pycore
