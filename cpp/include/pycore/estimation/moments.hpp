// Gaussian pseudo-likelihood of estimated moments of the items, such as polychoric correlations:
// −½ (s − σ)ᵀ W (s − σ), with σ entries of the covariances that the structures imply.
#pragma once

#include "pycore/estimation/structure.hpp"

#include <vector>

namespace pycore::estimation {

struct Moments {
    std::vector<Index> group, row, column; // which entry each one is
    std::vector<double> value;
    std::vector<double> weight; // W, row by row
};

// Adds to the gradients by Σ.  The structures must hold Σ itself (see Structure::Point::dense).
double log_likelihood(const Moments& moments, const std::vector<Structure::Point>& at,
                      const std::vector<Structure::Gradient>& by);

} // namespace pycore::estimation
