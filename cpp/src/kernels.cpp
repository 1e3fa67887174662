// Which instruction sets this processor and this build offer.
#include "pycore/run.hpp"

#include <stdexcept>

namespace pycore {

std::vector<const Kernels*> available_kernels() {
    std::vector<const Kernels*> found;
#ifdef PYCORE_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        found.push_back(&avx512_kernels());
    }
    if (__builtin_cpu_supports("avx2")) found.push_back(&avx2_kernels());
#endif
#ifdef __aarch64__
    found.push_back(&v128_kernels());
#endif
    found.push_back(&scalar_kernels());
    return found;
}

const Kernels& choose_kernels(const std::string& isa) {
    const auto available = available_kernels();
    if (isa == "auto") return *available.front();
    std::string names = "auto";
    for (const Kernels* kernels : available) {
        if (isa == kernels->isa) return *kernels;
        names += ", " + std::string(kernels->isa);
    }
    throw std::invalid_argument("isa: received '" + isa +
                                "', allowed on this processor is one of " + names);
}

} // namespace pycore
