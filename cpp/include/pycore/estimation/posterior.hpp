// Log posterior density and gradient of a structural model on an unconstrained space.
//
// The unconstrained vector holds the scalars (parameters, loadings, errors, trait deviations,
// intercepts) and then the partial correlations of every correlation matrix.
#pragma once

#include "pycore/estimation/latents.hpp"
#include "pycore/estimation/likelihood.hpp"
#include "pycore/estimation/priors.hpp"

#include <vector>

namespace pycore::estimation {

// A free quantity: which scalar, and what one unit of it is.
struct Free {
    Index scalar;
    double unit;
};

struct Group {
    Latents latents;
    std::vector<Index> parameters;   // scalar of each parameter of the tape
    std::vector<Free> loadings;      // of `free_loadings`
    std::vector<Free> errors;        // of `free_errors`
    std::vector<Free> traits;        // deviations of the free traits
    std::vector<Index> correlations; // matrix of each one that the latents name
};

struct Design {
    ScalarPriors scalars;
    std::vector<CorrelationPrior> correlations;
    std::vector<Group> groups;
    std::vector<Unit> units;
    std::vector<Index> measures;                   // latent variable of each item
    std::vector<double> loading, error;            // as declared
    std::vector<Index> free_loadings, free_errors; // items
    // Intercepts are integrated out where this is empty; else scalar = intercepts[g · items + i],
    // around `centre`, in units of `scale`.
    std::vector<Index> intercepts;
    std::vector<double> centre, scale;
};

class Posterior {
  public:
    explicit Posterior(Design design); // throws std::invalid_argument

    Index size() const { return size_; }
    Index scalars() const { return design_.scalars.size(); }
    const std::vector<CorrelationPrior>& correlations() const { return design_.correlations; }

    // Returns the log density, −∞ where it or a gradient is not finite; `gradient` is overwritten.
    double evaluate(const double* z, double* gradient) const;

    // Values of the scalars, and the Cholesky factors of the correlation matrices one after
    // another.
    void expand(const double* z, double* scalars, double* factors) const;

  private:
    double log_density(const double* z, double* gradient) const;

    Design design_;
    Index size_;
    double constant_ = 0.0;
};

} // namespace pycore::estimation
