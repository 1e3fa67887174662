// Consumers who move through stages that nobody sees, and what they are seen to do meanwhile.
//
// A hidden Markov model (Netzer, Lattin and Srinivasan 2008, doi:10.1287/mksc.1070.0294): what is
// seen in period t depends on the stage in t; the move between t and t + 1 is a multinomial logit
// in the covariates of t, with staying as reference and an intercept of the consumer's group.
#pragma once

#include "pycore/histories/likelihood.hpp"

#include <cstdint>
#include <vector>

namespace pycore::histories {

enum class Family : std::int32_t { BERNOULLI, POISSON, CATEGORICAL };

// One thing that is seen; its value by code (a code is one combination of all that is seen), NaN
// where it is missing.
struct Outcome {
    Family family;
    Index categories; // of a CATEGORICAL one; the first is the reference, and means that nothing is
    std::vector<double> values;
};

struct StageDesign {
    std::vector<std::vector<std::uint32_t>> goals; // stage → where it leads
    std::vector<Outcome> outcomes;
    std::vector<std::int32_t> known; // (codes): the stage where it was seen, else −1
    std::vector<bool> silent;        // (stages): where nothing happens
    bool free_start;                 // else everybody starts in the first stage
    Index groups;
};

// Consumers one after the other; a consumer has `length` rows from `first`.
struct Histories {
    std::vector<std::uint32_t> codes;  // (rows)
    std::vector<double> covariates;    // (rows, covariates)
    std::vector<std::uint32_t> groups; // (consumers)
    std::vector<Index> first, length;  // (consumers)
    Index covariate_count;
};

// θ: start logits of the stages after the first (if free), intercepts (groups, moves), slopes
// (moves, covariates), then outcome after outcome (stages that are not silent, parameters): the
// logit, the log rate, or the logits of the categories after the first.
class StageModel : public Likelihood {
  public:
    StageModel(StageDesign design, const Histories& histories, std::int64_t threads,
               const char* isa);

    Index size() const override { return size_; }
    Index units() const override { return place_.size(); }
    Index rows() const { return rows_; }
    Index stages() const { return design_.goals.size(); }
    const char* isa() const { return isa_; }

    double evaluate(const double* theta, double* gradient) const override;
    void pointwise(const double* theta, double* out) const override;

    // Probabilities of the stages (rows, stages), given all until then, and given everything.
    void recover(const double* theta, double* filtered, double* smoothed) const;

    // The most probable path of each consumer as a whole (rows), by Viterbi's algorithm.
    void most_likely(const double* theta, std::int32_t* path) const;

  private:
    struct Tables;
    struct Block {
        Index periods, at; // its longest history, its first row of eight
    };

    Tables tables(const double* theta) const;
    void pull_back(const double* theta, const Tables& at, const double* sums,
                   double* gradient) const;
    template <class Visit>
    void work(const Tables& at, Visit visit) const;

    StageDesign design_;
    Index size_ = 0, moves_ = 0, covariates_ = 0, rows_ = 0, codes_ = 0, longest_ = 0;
    std::int64_t threads_;
    const char* isa_;
    std::vector<std::uint32_t> goal_, first_move_;
    std::vector<Block> blocks_;
    std::vector<std::uint32_t> block_codes_, block_groups_;
    std::vector<double> block_covariates_;
    std::vector<double> seen_;          // (codes): how often
    std::vector<Index> place_;          // (consumers): block · 8 + lane
    std::vector<Index> first_, length_; // (consumers)
};

} // namespace pycore::histories
