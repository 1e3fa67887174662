// Log posterior density of event histories on an unconstrained space.
#pragma once

#include "pycore/estimation/priors.hpp"
#include "pycore/histories/likelihood.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace pycore::histories {

// One summand of a parameter of the likelihood: scale · first · second, scalars by their numbers, a
// missing one (−1) counting as 1.  Sums of products are all that order constraints (a level less
// gaps), partial pooling (mean + sd · deviation) and mean–ratio forms need.
struct Product {
    Index of;
    double scale;
    std::int64_t first, second;
};

class Posterior {
  public:
    Posterior(estimation::ScalarPriors scalars, std::vector<Product> products,
              std::shared_ptr<const Likelihood> likelihood);

    Index size() const { return scalars_.size(); }
    const Likelihood& likelihood() const { return *likelihood_; }

    // z = centre + factor · ζ from now on, factor lower triangular (size, size), row by row: at the
    // mode, with the Cholesky factor of the inverse curvature, the density of ζ is nearly round.
    void precondition(std::vector<double> centre, std::vector<double> factor);

    // Log density of ζ and its gradient; −∞, with a zero gradient, where it is not finite.
    double evaluate(const double* zeta, double* gradient) const;

    // Log-likelihood alone and its gradient by z, for maximum likelihood.
    double log_likelihood(const double* z, double* gradient) const;

    // z of ζ; the scalars x of z; θ of the scalars.
    void place(const double* zeta, double* z) const;
    void expand(const double* z, double* scalars, double* theta) const;

  private:
    double density(const double* z, double* gradient, bool priors) const;

    estimation::ScalarPriors scalars_;
    std::vector<Product> products_;
    std::shared_ptr<const Likelihood> likelihood_;
    std::vector<double> centre_, factor_;
};

} // namespace pycore::histories
