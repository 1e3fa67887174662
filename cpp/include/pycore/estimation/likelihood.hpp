// Normal log-likelihood of the sufficient statistics of respondents who answered the same items.
//
// The latent variables are integrated out and respondents enter through their number, mean and
// scatter alone, so the cost does not grow with their number.
#pragma once

#include "pycore/estimation/structure.hpp"

#include <vector>

namespace pycore::estimation {

// Statistics of one pattern of answered items in one group; arrays are over answered items only.
struct Unit {
    Index group;
    double n;
    double freedom;           // n, or n − 1 where the intercepts are integrated out
    std::vector<Index> items; // which items were answered
    std::vector<double> mean;
    std::vector<double> scatter; // Σ (y − ȳ)(y − ȳ)ᵀ
};

// Log-likelihood without the constant −½ f p log 2π; adds its gradient to `by`.  Without `means`
// the intercepts are integrated out, or stand at the observed means.  Returns −∞ where Σ is not
// positive definite.
double log_likelihood(const Unit& unit, const Structure& structure, const Structure::Point& at,
                      bool means, const Structure::Gradient& by);

} // namespace pycore::estimation
