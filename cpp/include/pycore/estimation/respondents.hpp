// Likelihood of what each respondent answered and did, given her own latent variables.
//
//   ω = L z, z standard normal, L Lᵀ = Ω;    η = T (α + ω + Σ γ η_a η_b e_state)
//   column i:  predictor μ = ν_i + Λ_i η, and what is seen of it depends on its kind
//
// Given η the columns are independent, so Θ holds only its diagonal: the error variance of an item,
// the size of a negative binomial.  The z are part of the point at which the density is evaluated.
#pragma once

#include "pycore/estimation/columns.hpp"
#include "pycore/estimation/latents.hpp"
#include "pycore/estimation/structure.hpp"

#include <vector>

namespace pycore::estimation {

struct Respondents {
    Index count;
    std::vector<Index> drawn;      // latent variables with a disturbance of their own
    std::vector<Product> products; // in an order in which no factor depends on a later one
    std::vector<Column> columns;   // one per row of Λ

    Index latents() const { return count * drawn.size(); }
};

// Whether every index exists in a structure.
bool fits(const Respondents& respondents, const Structure& structure);

// Log density of answers and z, without its constants; −∞ where Ω is not positive definite.  z
// holds the respondents of one latent variable after those of another.  Adds to the gradients by
// the blocks and by z.
double log_likelihood(const Respondents& respondents, const Structure::Point& at, const double* z,
                      const Structure::Gradient& by, double* by_z);

} // namespace pycore::estimation
