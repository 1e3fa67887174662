// Latent variables from standard normal numbers, and predictors from latent variables.
//
//   ω = L z,  L Lᵀ = Ω;    η = T (α + ω + Σ γ η_a η_b e_state);    predictor of item i: ν_i + Λ_i η
#pragma once

#include "pycore/estimation/structure.hpp"

#include <vector>

namespace pycore::estimation {

// γ η_first η_second added to the equation of a state; γ stands among what is further.
struct Product {
    Index state, first, second, coefficient;
};

class Latents {
  public:
    // `drawn` are the latent variables with a disturbance; `products` stand in an order in which no
    // factor depends on a later one.  Both are kept by reference.
    Latents(const std::vector<Index>& drawn, const std::vector<Product>& products,
            const Structure::Point& at, Index count);

    // From z, all of one latent variable after all of another; false where Ω is not positive
    // definite.
    bool forward(const double* z);

    void predict(Index item, double* predictor) const;

    // Adds to the gradients by Λ and ν, and to that by η.
    void pull(Index item, const double* by_predictor, const Structure::Gradient& by);

    // Once, after all items: adds to the gradients by the other blocks and by z, if asked for.
    void backward(const double* z, const Structure::Gradient& by, double* by_z);

  private:
    const std::vector<Index>& drawn_;
    const std::vector<Product>& products_;
    const Structure::Point& at_;
    Index count_;
    Memory memory_;
    Matrix factor_;  // L
    Matrix enters_;  // what enters each equation, one row per variable
    Matrix latent_;  // η
    Matrix factors_; // both factors of each product
    Matrix by_latent_;
};

} // namespace pycore::estimation
