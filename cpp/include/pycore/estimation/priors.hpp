// Parameters on the whole real line: transforms, their Jacobians, priors and gradients.
#pragma once

#include "pycore/estimation/matrix.hpp"

#include <cstdint>
#include <vector>

namespace pycore::estimation {

// A scalar in its unconstrained z.  REAL: x = z.  POSITIVE: x = exp(z).  BOUNDED: z is the log-odds
// of x between `low` and `low + width`.  The log density of z is
//   −½ precision (z − centre)²  +  power z − rate x − square x²        (REAL, POSITIVE)
//   first · log s + second · log(1 − s),  s the share of the interval   (BOUNDED)
enum class Form : std::int32_t { REAL, POSITIVE, BOUNDED };

struct ScalarPrior {
    Form form;
    double centre, precision, power, rate, square, low, width, first, second;
};

class ScalarPriors {
  public:
    ScalarPriors(std::vector<ScalarPrior> priors, double constant);

    Index size() const { return priors_.size(); }

    // Values and dx/dz; returns the log density of z and adds its gradient.
    double evaluate(const double* z, double* x, double* slope, double* gradient) const;

  private:
    std::vector<ScalarPrior> priors_;
    double constant_;
};

// The LKJ(η) prior of a correlation matrix, by Fisher-transformed partial correlations (C-vine).
//
// Lewandowski, Kurowicka and Joe (2009), doi:10.1016/j.jmva.2009.04.008: the partial correlation of
// column j (counted from 0) of a matrix of size n is 2·Beta(b, b) − 1 with b = η + (n − 2 − j)/2.
class CorrelationPrior {
  public:
    CorrelationPrior(Index rows, double eta);

    Index rows() const { return rows_; }
    Index size() const { return rows_ * (rows_ - 1) / 2; }

    // The lower Cholesky factor of the matrix.
    void factor(const double* z, const Matrix& factor) const;

    // The matrix; returns the log density of z and adds its gradient.
    double evaluate(const double* z, const Matrix& factor, const Matrix& matrix,
                    double* gradient) const;

    // Add to the gradient by z what the symmetric gradient by the matrix gives.
    void pull_back(const double* z, const Matrix& factor, const Matrix& by_matrix,
                   const Matrix& scratch, double* gradient) const;

  private:
    double b(Index column) const;

    Index rows_;
    double eta_;
    double constant_ = 0.0;
};

} // namespace pycore::estimation
