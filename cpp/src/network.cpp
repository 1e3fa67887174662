#include "network.hpp"

namespace pycore {

void check_network(const std::vector<std::uint64_t>& sizes, const Network& network) {
    for (const std::uint64_t size : sizes) {
        require(size == network.nodes && size < std::uint64_t{1} << 32,
                "network: allowed is one node for every consumer, fewer than 2^32");
    }
    if (network.degree > 0) {
        require(network.degree < 4096, "network: allowed is a degree below 4096");
        return;
    }
    require(network.starts != nullptr && network.starts[0] == 0, "network: no starts");
    for (std::uint64_t k = 0; k < network.nodes; ++k) {
        require(network.starts[k + 1] >= network.starts[k], "network: allowed are rising starts");
        require(network.starts[k + 1] - network.starts[k] < INT32_MAX,
                "network: allowed are fewer than 2^31 - 1 neighbours each");
    }
    for (std::int64_t e = 0; e < network.starts[network.nodes]; ++e) {
        require(network.targets[e] < network.nodes, "network: allowed are numbers of nodes");
    }
}

// Whether all listening is mutual: edges and turned edges are the same set, as told by the sum of
// their hashes (SplitMix64), which is wrong once in 2^64 networks.
bool is_mutual(const Network& network) noexcept {
    if (network.degree > 0 || network.starts == nullptr) return false;
    const auto hash = [](std::uint64_t from, std::uint64_t to) {
        std::uint64_t x = (from << 32 | to) + 0x9E3779B97F4A7C15U;
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9U;
        x = (x ^ x >> 27) * 0x94D049BB133111EBU;
        return x ^ x >> 31;
    };
    std::uint64_t difference = 0;
    for (std::uint64_t k = 0; k < network.nodes; ++k) {
        for (std::int64_t e = network.starts[k]; e < network.starts[k + 1]; ++e)
            difference += hash(k, network.targets[e]) - hash(network.targets[e], k);
    }
    return difference == 0;
}

} // namespace pycore
