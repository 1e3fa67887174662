// The matrices of one group and what they imply.
//
//   y = ν + Λ η + ε,  Var ε = Θ;    η = α + A η + ω,  Var ω = Ω;    T = (I − A)⁻¹
//   Var η = C = T Ω Tᵀ,  Var y = Σ = Λ C Λᵀ + Θ,  mean of y = ν + Λ T α
//
// η holds the states and then the measured traits.  The entries that depend on parameters come from
// a tape, the others are numbers; so any pattern of free, fixed and equal entries is one and the
// same program.
#pragma once

#include "pycore/estimation/matrix.hpp"
#include "pycore/estimation/tape.hpp"

#include <vector>

namespace pycore::estimation {

// Λ, A, Ω, Θ, ν and α one after another, and then what else the parameters say, such as thresholds;
// gradients are laid out alike.
struct Blocks {
    Matrix loading, path, disturbance, error;
    double* intercept = nullptr;
    double* mean = nullptr;
    double* further = nullptr;

    static Index size(Index items, Index latents) {
        return items * latents + 2 * latents * latents + items * items + items + latents;
    }
    static Blocks over(double* data, Index items, Index latents);
};

class Structure {
  public:
    // `places` says where in the blocks each output of the tape stands, `base` what stands
    // elsewhere; what `base` holds beyond the matrices is further.  Throws std::invalid_argument.
    Structure(Index items, Index latents, Tape tape, std::vector<double> base,
              std::vector<Index> places);

    Index items() const { return items_; }
    Index latents() const { return latents_; }
    Index inputs() const { return static_cast<Index>(tape_.parameters()); }
    Index further() const { return base_.size() - Blocks::size(items_, latents_); }

    // Latent variable of each item, where every item has one loading and no errors covary; else
    // empty.
    const std::vector<Index>& measures() const { return measures_; }

    // What forward() leaves for backward().
    struct Point {
        double* values; // of the tape
        double* data;   // of the blocks
        Blocks blocks;
        Matrix total, covariance;
        double* level;      // T α
        double* item_mean;  // ν + Λ T α
        Matrix sigma;       // Σ, where `dense`
        bool dense = false; // whether Σ itself is needed, or asked for
    };
    struct Gradient {
        double* data;
        Blocks blocks;
        Matrix covariance; // by C, of units that do without Σ
        Matrix sigma;      // by Σ, of those that need it
        double* item_mean;
    };
    Index memory() const;
    Point point(Memory& memory) const;
    Gradient gradient(Memory& memory) const;

    // False where I − A is singular.
    bool forward(const double* inputs, Point& at) const;

    // Of it, T, C and T α alone, of matrices that stand; these are zero before.
    static bool imply(Point& at);

    // Add the gradient by the inputs of the tape; `by` is used up.
    void backward(const Point& at, const Gradient& by, double* by_inputs) const;

    // Of it, the gradients by A, Ω and α, which are zero before, from those by C and T α.
    static void gather(const Point& at, const Gradient& by, const double* by_level);

    // The last step of it alone, where the gradient by the blocks is complete.
    void pull_back(const Point& at, const Gradient& by, double* by_inputs) const;

  private:
    Index items_, latents_;
    Tape tape_;
    std::vector<double> base_;
    std::vector<Index> places_;
    std::vector<Index> measures_;
};

} // namespace pycore::estimation
