// Likelihood of respondents who answered the same items, where at every node of a quadrature the
// states are normal: a sum over nodes of weight and normal density.
//
// What an answer says about the states is in b = Λᵀ Θ⁻¹ (y − ν), of as many rows as there are
// states, and G = Λᵀ Θ⁻¹ Λ.  With the states' mean μ and covariance C at a node, the part of its
// log density that differs between nodes is
//
//   −½ (log |I + G C| + μᵀ G u) + bᵀ u + ½ bᵀ Q b,   Q = C (I + G C)⁻¹,   u = (I − Q G) μ
//
// where u + Q b and Q are mean and covariance of the states given y.  The matrices of items are
// worked with once, not once per node.
#pragma once

#include "pycore/estimation/respondents.hpp"
#include "pycore/estimation/structure.hpp"

#include <vector>

namespace pycore::estimation {

// The states at one node, and the gradients by them.
struct Node {
    Structure::Point at; // without items
    Structure::Gradient by;
    double* by_level;
};

class Pattern {
  public:
    // `members` are the respondents who answered `items` and nothing else; of each answer its
    // distance from the item's `centre` is kept.
    Pattern(std::vector<Index> items, const std::vector<Index>& members,
            const Respondents& respondents, const std::vector<double>& centre);

    // Adds to the gradients of the nodes, and to those by Λ, Θ and ν.  −∞ where errors have no
    // positive definite covariance.
    double log_likelihood(const Structure::Point& at, const std::vector<double>& weights,
                          const std::vector<Node>& nodes, const Structure::Gradient& by) const;

  private:
    static constexpr Index LANES = 4; // respondents at once
    struct Work;

    // What the items say of the states; false where Θ is not positive definite.
    bool tell(const Structure::Point& at, Work& work) const;
    // The part of the log likelihood that differs between nodes, and sums over respondents.
    double weigh(Work& work) const;
    // Gradients; returns what every node has to subtract,
    // ½ (n log |2π Θ| + Σ (y − ν)ᵀ Θ⁻¹ (y − ν)).
    double pull(const std::vector<Node>& nodes, const Work& work,
                const Structure::Gradient& by) const;

    std::vector<Index> items_;
    std::vector<double> centre_;
    Index count_;
    std::vector<double> answers_; // an item of all LANES of a block stands together
    std::vector<double> sum_;     // Σ y
    std::vector<double> squares_; // Σ y yᵀ
};

} // namespace pycore::estimation
