#include "pycore/refusal.hpp"

#include <stdexcept>

namespace pycore {

void refuse(const Text& reason) {
    throw std::invalid_argument(reason.characters());
}

} // namespace pycore
