#include "kernels.hpp"

#include <stdexcept>
#include <string>

namespace pycore::histories {

const Kernels& kernels(const char* isa) {
    const std::string asked = isa;
    const bool widest = asked == "auto";
#ifdef PYCORE_X86
    __builtin_cpu_init();
    if ((widest || asked == "avx512") && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl")) {
        return kernels_avx512();
    }
    if ((widest || asked == "avx2") && __builtin_cpu_supports("avx2")) return kernels_avx2();
#endif
    if (widest || asked == "128") return kernels_128();
    throw std::invalid_argument("isa: received '" + asked +
                                "', allowed are auto, 128, and what this processor has of avx2, "
                                "avx512");
}

} // namespace pycore::histories
