// Likelihood of answers and outcomes of any kind, by quadrature over the disturbances.
//
// At a node of the disturbances everybody's latent variables are the same, so an answer has one
// probability for all who gave it, and a respondent's likelihood is the sum over nodes of weight
// and the product of her answers' probabilities.  The gradient is that of the nodes as if they were
// respondents, with the expected number of each answer in place of answers.
#pragma once

#include "pycore/estimation/nodes.hpp"
#include "pycore/estimation/respondents.hpp"
#include "pycore/estimation/structure.hpp"

#include <vector>

namespace pycore::estimation {

class Grid {
  public:
    // Nodes in as many dimensions as there are disturbances.  Throws std::invalid_argument.
    Grid(const Respondents& respondents, Nodes nodes);

    // Whether every index exists in a structure.
    bool fits(const Structure& structure) const;

    // Adds to the gradients by the blocks.  −∞ where Ω is not positive definite, or answers are
    // impossible.
    double log_likelihood(const Structure::Point& at, const Structure::Gradient& by) const;

    // Different respondents.
    Index patterns() const { return sizes_.size(); }

  private:
    struct Answers {
        Column column; // with each value that occurs; of ORDERED, with each category
        Index first;   // row of the first of them in the table of all answers
    };

    // Of every answer, at every node.
    struct Table {
        Matrix share;    // its probability, as a share of the largest
        Matrix expected; // how often it is expected there, given what all answered
        Matrix density;  // of ORDERED: of the standard normal at the bound above a category
        double* most;    // logarithm of the largest probability; 0 of ORDERED
    };

    bool ordered(const Answers& answers, const double* predictor, double scale,
                 const Structure::Point& at, const Table& table) const;
    bool other(const Answers& answers, const double* predictor, double scale,
               const Table& table) const;
    // From probabilities to expected numbers; the log likelihood.
    double add_patterns(const Table& table) const;
    // The gradient by the predictors; by thresholds; by the scale, which is returned.
    double pull_ordered(const Answers& answers, const double* predictor, double scale,
                        const Structure::Point& at, const Table& table,
                        const Structure::Gradient& by, double* by_predictor) const;
    double pull_other(const Answers& answers, const double* predictor, double scale,
                      const Table& table, double* by_predictor) const;

    Nodes nodes_;
    std::vector<Index> drawn_;
    std::vector<Product> products_;
    std::vector<Answers> answers_;
    Index rows_ = 0;            // of the table of all answers
    std::vector<Index> begins_; // of each pattern in given_, and where the last one ends
    std::vector<Index> given_;  // rows of the answers of one pattern after another
    std::vector<double> sizes_; // respondents of each
    double constant_ = 0.0;
};

} // namespace pycore::estimation
