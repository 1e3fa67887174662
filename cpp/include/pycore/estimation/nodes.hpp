// A rule for integrals over standard normal numbers.
#pragma once

#include "pycore/estimation/matrix.hpp"

#include <vector>

namespace pycore::estimation {

struct Nodes {
    Index dimensions;
    std::vector<double> at;      // one dimension after the other
    std::vector<double> weights; // positive

    Index count() const { return weights.size(); }
};

inline bool fits(const Nodes& nodes) {
    return nodes.count() > 0 && nodes.at.size() == nodes.dimensions * nodes.count() &&
           std::all_of(nodes.weights.begin(), nodes.weights.end(),
                       [](double weight) { return weight > 0.0 && std::isfinite(weight); }) &&
           std::all_of(nodes.at.begin(), nodes.at.end(),
                       [](double one) { return std::isfinite(one); });
}

} // namespace pycore::estimation
