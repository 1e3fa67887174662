// Choices that a seed makes.
#pragma once

#include <cstddef>
#include <random>

namespace fuzz {

using Random = std::minstd_rand;

inline std::size_t pick(Random& random, std::size_t size) {
    return random() % size;
}

} // namespace fuzz
