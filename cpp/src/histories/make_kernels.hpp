#pragma once

#include "purchase_kernel.hpp"
#include "stage_kernel.hpp"

namespace pycore::histories {

template <int WIDTH>
constexpr Kernels make_kernels(const char* isa) {
    using L = Lanes<WIDTH>;
    return {isa, &StageKernel<L>::run, &BgNbdKernel<L>::run, &ParetoNbdKernel<L>::run};
}

} // namespace pycore::histories
