#include "pycore/estimation/priors.hpp"

#include <cmath>
#include <utility>

namespace pycore::estimation {

namespace {

// log(1 + exp(x)) without overflow.
double softplus(double x) {
    return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
}

} // namespace

ScalarPriors::ScalarPriors(std::vector<ScalarPrior> priors, double constant)
    : priors_(std::move(priors)), constant_(constant) {}

double ScalarPriors::evaluate(const double* z, double* x, double* slope, double* gradient) const {
    double total = constant_;
    for (Index k = 0; k < priors_.size(); ++k) {
        const ScalarPrior& prior = priors_[k];
        if (prior.form == Form::BOUNDED) {
            const double share = 0.5 * (1.0 + std::tanh(0.5 * z[k]));
            x[k] = prior.low + prior.width * share;
            slope[k] = prior.width * share * (1.0 - share);
            total -= prior.first * softplus(-z[k]) + prior.second * softplus(z[k]);
            gradient[k] += prior.first * (1.0 - share) - prior.second * share;
            continue;
        }
        const double away = z[k] - prior.centre;
        total += prior.power * z[k] - 0.5 * prior.precision * away * away;
        gradient[k] += prior.power - prior.precision * away;
        if (prior.form == Form::REAL) {
            x[k] = z[k];
            slope[k] = 1.0;
        } else {
            const double grown = std::exp(std::fmin(z[k], 700.0));
            x[k] = slope[k] = grown;
            total -= grown * (prior.rate + prior.square * grown);
            gradient[k] -= grown * (prior.rate + 2.0 * prior.square * grown);
        }
    }
    return total;
}

CorrelationPrior::CorrelationPrior(Index rows, double eta) : rows_(rows), eta_(eta) {
    for (Index i = 1; i < rows_; ++i) {
        for (Index j = 0; j < i; ++j) {
            const double own = b(j);
            constant_ -= 2.0 * std::lgamma(own) - std::lgamma(2.0 * own);
            constant_ -= (2.0 * own - 1.0) * std::log(2.0);
        }
    }
}

double CorrelationPrior::b(Index column) const {
    return eta_ + (static_cast<double>(rows_) - 2.0 - static_cast<double>(column)) / 2.0;
}

void CorrelationPrior::factor(const double* z, const Matrix& factor) const {
    factor.fill(0.0);
    for (Index i = 0; i < rows_; ++i) {
        double left = 1.0; // what the columns before leave of the row's length
        for (Index j = 0; j < i; ++j) {
            const double partial = std::tanh(*z++);
            factor(i, j) = partial * left;
            left *= std::sqrt(1.0 - partial * partial);
        }
        factor(i, i) = left;
    }
}

double CorrelationPrior::evaluate(const double* z, const Matrix& factor, const Matrix& matrix,
                                  double* gradient) const {
    this->factor(z, factor);
    double total = constant_;
    for (Index i = 1, k = 0; i < rows_; ++i) {
        for (Index j = 0; j < i; ++j, ++k) {
            // log(1 − tanh² z), without cancellation
            const double size = std::fabs(z[k]);
            total += 2.0 * b(j) * (std::log(2.0) - size - std::log1p(std::exp(-2.0 * size)));
            gradient[k] -= 2.0 * b(j) * std::tanh(z[k]);
        }
    }
    for (Index i = 0; i < rows_; ++i) {
        for (Index j = 0; j <= i; ++j) {
            double sum = 0.0;
            for (Index k = 0; k <= j; ++k)
                sum += factor(i, k) * factor(j, k);
            matrix(i, j) = matrix(j, i) = sum;
        }
    }
    return total;
}

void CorrelationPrior::pull_back(const double* z, const Matrix& factor, const Matrix& by_matrix,
                                 const Matrix& scratch, double* gradient) const {
    product(by_matrix, factor, scratch); // half the gradient by the factor
    for (Index i = 1; i < rows_; ++i) {
        double after = 0.0; // what the entries from here on give
        for (Index j = 0; j <= i; ++j)
            after += 2.0 * scratch(i, j) * factor(i, j);
        double left = 1.0;
        for (Index j = 0; j < i; ++j, ++z, ++gradient) {
            const double partial = std::tanh(*z);
            const double rest = 1.0 - partial * partial;
            after -= 2.0 * scratch(i, j) * factor(i, j);
            *gradient += 2.0 * rest * scratch(i, j) * left - partial * after;
            left *= std::sqrt(rest);
        }
    }
}

} // namespace pycore::estimation
