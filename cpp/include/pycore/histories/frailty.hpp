// Survival with a hazard that is constant between cuts, and a frailty that a group shares.
#pragma once

#include "pycore/histories/likelihood.hpp"

#include <vector>

namespace pycore::histories {

// Spells with the same group and covariates, summed: by interval, the time at risk while seen, the
// time at risk before (nobody is seen who left earlier), and the events.
struct Spells {
    std::vector<Index> group;                   // (rows)
    std::vector<double> covariates;             // (rows, covariates)
    std::vector<double> exposed, before, ended; // (rows, intervals)
    Index covariate_count, intervals, groups;
};

// θ: log hazards (intervals), slopes (covariates), and the variance of the frailty where there is
// one.
//
// The frailty u of a group is Gamma with mean 1 and variance θ at time 0.  Integrated out, a group
// with D events, accumulated hazard A in all and B before it was seen has the likelihood
//   Π hazards · Π (1 + θ j), j < D, · (1 + θ A)^−(1/θ + D) · (1 + θ B)^(1/θ),
// the last factor because the group is seen at all (van den Berg and Drepper 2016, Econometric
// Reviews 35, Inference for shared-frailty survival models with left-truncated data).
class Frailty : public Likelihood {
  public:
    Frailty(Spells spells, bool frail);

    Index size() const override {
        return spells_.intervals + spells_.covariate_count + (frail_ ? 1 : 0);
    }
    Index units() const override { return spells_.groups; }
    double evaluate(const double* theta, double* gradient) const override;
    void pointwise(const double* theta, double* out) const override;

  private:
    double all(const double* theta, double* gradient, double* by_group) const;

    Spells spells_;
    bool frail_;
    std::vector<double> events_; // (groups)
};

} // namespace pycore::histories
