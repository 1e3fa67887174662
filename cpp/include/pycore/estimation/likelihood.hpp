// Normal log-likelihood of the sufficient statistics of respondents who answered the same items.
//
// Σ = Λ C Λᵀ + Θ, where Λ has one loading per row and Θ is diagonal.  The latent variables are
// integrated out and respondents enter through their number, mean and scatter alone, so the cost
// does not grow with their number.
#pragma once

#include "pycore/estimation/matrix.hpp"

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

// Of one group: loadings and error standard deviations of all items, covariance of what they
// measure.
struct Measurement {
    const std::vector<Index>* measures; // column of Λ of each item
    const double* loading;
    const double* error;
    Matrix covariance;
};

// Gradients of one group, added to.
struct ByMeasurement {
    double* loading;
    double* error;
    Matrix covariance;
};

// Log-likelihood without the constant −½ f p log 2π.  `away` holds mean − intercept of the answered
// items, or is null where intercepts are integrated out; `pull` takes the gradient by the
// intercept. Returns −∞ where Σ is not positive definite.
double log_likelihood(const Unit& unit, const Measurement& at, const double* away,
                      const ByMeasurement& by, double* pull);

} // namespace pycore::estimation
