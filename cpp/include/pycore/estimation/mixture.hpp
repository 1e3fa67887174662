// Likelihood of continuous items of a model with products of states, by quadrature over the state
// that all the products share (latent moderated structural equations, Klein and Moosbrugger 2000,
// doi:10.1007/BF02296338).
//
// Given that state η_a, a product γ η_a η_b is a path of γ η_a from b, so all else is normal.  With
// t row a of T, s² = t Ω tᵀ and h = Ω tᵀ / s, at a node ξ of the standard normal
//
//   η_a = t α + s ξ,   A_ξ = A + Σ γ η_a e_state e_bᵀ,   α_ξ = α + h ξ,   Ω_ξ = Ω − h hᵀ
//
// imply a mean and a covariance of the items, and a respondent's likelihood is the sum over nodes
// of weight and normal density (pattern.hpp).
#pragma once

#include "pycore/estimation/nodes.hpp"
#include "pycore/estimation/pattern.hpp"
#include "pycore/estimation/respondents.hpp"
#include "pycore/estimation/structure.hpp"

#include <vector>

namespace pycore::estimation {

class Mixture {
  public:
    // `shared` is a factor of every product, and no product acts on it.  Throws
    // std::invalid_argument.
    Mixture(const Respondents& respondents, Nodes nodes, Index shared);

    // Whether every index exists in a structure.
    bool fits(const Structure& structure) const;

    // Adds to the gradients by the blocks.  −∞ where errors or the shared state have no positive
    // definite covariance.
    double log_likelihood(const Structure::Point& at, const Structure::Gradient& by) const;

  private:
    struct Path {
        Index state, from, coefficient;
    };

    Nodes nodes_;
    Index shared_;
    std::vector<Path> paths_;
    std::vector<double> centre_; // of each item: y is the distance from it
    std::vector<Pattern> patterns_;
};

} // namespace pycore::estimation
