// What a sampler needs to know of a likelihood of event histories.
#pragma once

#include "pycore/estimation/matrix.hpp"

namespace pycore::histories {

using estimation::Index;

class Likelihood {
  public:
    Likelihood() = default;
    Likelihood(const Likelihood&) = delete;
    Likelihood& operator=(const Likelihood&) = delete;
    virtual ~Likelihood() = default;

    // Number of its own parameters θ.
    virtual Index size() const = 0;

    // Independent histories (consumers, groups, different rows), for pointwise().
    virtual Index units() const = 0;

    // Log-likelihood; writes its gradient by θ.  −∞ where the data are impossible.
    virtual double evaluate(const double* theta, double* gradient) const = 0;

    // Log-likelihood of every unit.
    virtual void pointwise(const double* theta, double* out) const = 0;
};

} // namespace pycore::histories
