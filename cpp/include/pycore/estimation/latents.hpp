// The covariance of the latent variables of one group, C = T Ω Tᵀ with T = (I − A)⁻¹, from the
// model's parameters, and the way back.
//
// The latent variables are the states and then the measured traits.  A holds the paths among them;
// Ω is block-diagonal: chance and dispositions of the states, Ψ + Q R Qᵀ, and the traits' own
// covariance, R scaled by their deviations.
#pragma once

#include "pycore/estimation/matrix.hpp"
#include "pycore/estimation/tape.hpp"

#include <utility>
#include <vector>

namespace pycore::estimation {

using Place = std::pair<Index, Index>;

// A correlation matrix that is estimated, and the rows it takes of a larger one.
struct Correlated {
    Index which;
    std::vector<Index> rows;
};

struct LatentForm {
    Index states = 0;                         // rows of Ψ
    Index traits = 0;                         // measured traits
    Index dispositions = 0;                   // columns of Q
    Tape tape;                                // entries of A, Ψ, Q, then deviations of `own_traits`
    std::vector<Place> paths, chance, spread; // where the entries of A, Ψ and Q stand
    std::vector<Index> own_traits;            // their deviation is an expression
    std::vector<Index> free_traits;           // their deviation is estimated
    std::vector<Correlated> inner, outer;     // among dispositions, among measured traits
};

class Latents {
  public:
    explicit Latents(LatentForm form); // throws std::invalid_argument

    Index size() const { return form_.states + form_.traits; }
    Index parameters() const { return static_cast<Index>(form_.tape.parameters()); }
    Index free_traits() const { return form_.free_traits.size(); }
    const std::vector<Correlated>& inner() const { return form_.inner; }
    const std::vector<Correlated>& outer() const { return form_.outer; }

    // What forward() leaves for backward().
    struct Point {
        double* values; // of the tape
        double* sd;
        Matrix total, disturbance, spread, inner, outer, covariance;
    };
    Index memory() const;
    Point point(Memory& memory) const;

    // False where I − A is singular.
    bool forward(const double* parameters, const double* trait_sd,
                 const std::vector<Matrix>& correlations, const Point& at) const;

    // Add the gradients by parameters, free deviations and correlation matrices.
    void backward(const Point& at, const Matrix& by_covariance, double* by_parameters,
                  double* by_trait_sd, const std::vector<Matrix>& by_correlations) const;

  private:
    LatentForm form_;
};

} // namespace pycore::estimation
