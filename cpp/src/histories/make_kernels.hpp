#pragma once

#include "purchase_kernel.hpp"
#include "stage_kernel.hpp"

namespace pycore::histories {

template <class L>
void stages(const StageGraph& graph, const StageBlock& block, const StageNumbers& at,
            const StageMemory& memory, const StageSums& sums) {
    switch (graph.stages) {
    case 2:
        return StageKernel<L, 2>::run(graph, block, at, memory, sums);
    case 3:
        return StageKernel<L, 3>::run(graph, block, at, memory, sums);
    case 4:
        return StageKernel<L, 4>::run(graph, block, at, memory, sums);
    case 5:
        return StageKernel<L, 5>::run(graph, block, at, memory, sums);
    default:
        return StageKernel<L, 0>::run(graph, block, at, memory, sums);
    }
}

template <int WIDTH>
constexpr Kernels make_kernels(const char* isa) {
    using L = Lanes<WIDTH>;
    return {isa, &stages<L>, &BgNbdKernel<L>::run, &ParetoNbdKernel<L>::run};
}

} // namespace pycore::histories
