// Log posterior density and gradient of a structural model on an unconstrained space.
//
// The unconstrained vector holds the scalars, then the partial correlations of every correlation
// matrix, then what is drawn for each respondent where latent variables are explicit.  What the
// groups' tapes read are the scalars' values and then the entries of the correlation matrices below
// their diagonals, row by row.
#pragma once

#include "pycore/estimation/grid.hpp"
#include "pycore/estimation/likelihood.hpp"
#include "pycore/estimation/mixture.hpp"
#include "pycore/estimation/moments.hpp"
#include "pycore/estimation/priors.hpp"
#include "pycore/estimation/respondents.hpp"
#include "pycore/estimation/structure.hpp"

#include <vector>

namespace pycore::estimation {

struct Group {
    Structure structure;
    std::vector<Index> inputs; // which value each input of the structure is
};

struct Design {
    ScalarPriors scalars;
    std::vector<CorrelationPrior> correlations;
    std::vector<Group> groups;
    std::vector<Unit> units;
    bool means;      // whether the structures say the means; else they are integrated out
    Moments moments; // in place of units
    std::vector<Respondents> respondents; // in place of units, one per group
    std::vector<Mixture> mixtures;        // likewise
    std::vector<Grid> grids;              // likewise
};

class Posterior {
  public:
    explicit Posterior(Design design); // throws std::invalid_argument

    Index size() const { return size_; }
    Index parameters() const { return parameters_; }
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
    Index parameters_; // scalars and partial correlations
    Index size_;
    double constant_ = 0.0;
};

} // namespace pycore::estimation
