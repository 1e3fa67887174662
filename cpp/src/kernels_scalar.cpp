// Kernels for one lane at a time, on any processor; also the scalar code of every program.
#include "pycore/block.hpp"

namespace pycore {

void prepare_scalar_code(const Code& code, Step* steps) noexcept {
    prepare<Scalar>(code, {}, 1, 0, steps);
}

void run_scalar_code(const Step* steps, std::int32_t count, float* scalars) noexcept {
    execute(steps, count, {scalars, scalars, nullptr, nullptr}, 1);
}

const Kernels& scalar_kernels() noexcept {
    static constexpr Kernels KERNELS = make_kernels<Scalar>("scalar");
    return KERNELS;
}

} // namespace pycore
