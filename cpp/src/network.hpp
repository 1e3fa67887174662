// Who listens to whom, as a run may trust it.
#pragma once

#include "pycore/run.hpp"

#include <cstdint>
#include <stdexcept>
#include <vector>

namespace pycore {

inline void require(bool condition, const char* message) {
    if (!condition) throw std::invalid_argument(message);
}

// Refuses a network that is not one of groups of these sizes.
void check_network(const std::vector<std::uint64_t>& sizes, const Network& network);

// Whether all listening is mutual: whoever is heard by a consumer hears her.
bool is_mutual(const Network& network) noexcept;

} // namespace pycore
