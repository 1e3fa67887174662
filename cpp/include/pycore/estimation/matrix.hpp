// Small dense matrices, row by row in memory that somebody else owns.
//
// A likelihood of surveys has matrices of ten or thirty rows.  At that size a call of a BLAS costs
// more than the arithmetic, and its last bits depend on the processor; these loops do not.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace pycore::estimation {

using Index = std::size_t;

struct Matrix {
    double* data = nullptr;
    Index rows = 0;
    Index columns = 0;

    double& operator()(Index i, Index j) const { return data[i * columns + j]; }
    double* row(Index i) const { return data + i * columns; }
    Index size() const { return rows * columns; }
    void fill(double value) const { std::fill_n(data, size(), value); }
};

// Hands out parts of one allocation; what it hands out is zero.
class Memory {
  public:
    explicit Memory(Index size) : values_(size, 0.0) {}

    double* vector(Index size) {
        double* const found = values_.data() + used_;
        used_ += size;
        return found;
    }
    Matrix matrix(Index rows, Index columns) { return {vector(rows * columns), rows, columns}; }

  private:
    std::vector<double> values_;
    Index used_ = 0;
};

// into += a · b
inline void add_product(const Matrix& a, const Matrix& b, const Matrix& into) {
    for (Index i = 0; i < a.rows; ++i) {
        double* const out = into.row(i);
        for (Index k = 0; k < a.columns; ++k) {
            const double scale = a(i, k);
            if (scale == 0.0) continue; // paths and disturbances are mostly zero
            const double* const other = b.row(k);
            for (Index j = 0; j < b.columns; ++j)
                out[j] += scale * other[j];
        }
    }
}

inline void product(const Matrix& a, const Matrix& b, const Matrix& into) {
    into.fill(0.0);
    add_product(a, b, into);
}

inline void transpose(const Matrix& a, const Matrix& into) {
    for (Index i = 0; i < a.rows; ++i) {
        for (Index j = 0; j < a.columns; ++j)
            into(j, i) = a(i, j);
    }
}

// Replace a symmetric matrix by its lower Cholesky factor; false where it is not positive definite.
inline bool factorise(const Matrix& a) {
    for (Index j = 0; j < a.rows; ++j) {
        double* const own = a.row(j);
        double pivot = own[j];
        for (Index k = 0; k < j; ++k)
            pivot -= own[k] * own[k];
        if (!(pivot > 0.0) || !std::isfinite(pivot)) return false;
        own[j] = std::sqrt(pivot);
        for (Index i = j + 1; i < a.rows; ++i) {
            double* const other = a.row(i);
            double sum = other[j];
            for (Index k = 0; k < j; ++k)
                sum -= other[k] * own[k];
            other[j] = sum / own[j];
        }
    }
    return true;
}

inline double log_determinant(const Matrix& factor) {
    double sum = 0.0;
    for (Index i = 0; i < factor.rows; ++i)
        sum += std::log(factor(i, i));
    return 2.0 * sum;
}

// Solve factor · factorᵀ · x = b for every column of b, in place.
inline void solve(const Matrix& factor, const Matrix& b) {
    const auto subtract = [&b](Index from, double scale, Index at) {
        const double* const other = b.row(from);
        double* const own = b.row(at);
        for (Index j = 0; j < b.columns; ++j)
            own[j] -= scale * other[j];
    };
    const auto divide = [&b](Index at, double by) {
        double* const own = b.row(at);
        for (Index j = 0; j < b.columns; ++j)
            own[j] /= by;
    };
    for (Index i = 0; i < factor.rows; ++i) {
        for (Index k = 0; k < i; ++k)
            subtract(k, factor(i, k), i);
        divide(i, factor(i, i));
    }
    for (Index i = factor.rows; i-- > 0;) {
        for (Index k = i + 1; k < factor.rows; ++k)
            subtract(k, factor(k, i), i);
        divide(i, factor(i, i));
    }
}

// Gauss and Jordan with pivots; `work` is lost.  False where the matrix is singular.  Adds the
// logarithm of the determinant's size to `log_size`, if given.
inline bool invert(const Matrix& work, const Matrix& into, double* log_size = nullptr) {
    const Index n = work.rows;
    into.fill(0.0);
    for (Index i = 0; i < n; ++i)
        into(i, i) = 1.0;
    for (Index c = 0; c < n; ++c) {
        Index best = c;
        for (Index i = c + 1; i < n; ++i) {
            if (std::fabs(work(i, c)) > std::fabs(work(best, c))) best = i;
        }
        const double pivot = work(best, c);
        if (!(std::fabs(pivot) > 0.0) || !std::isfinite(pivot)) return false;
        if (log_size != nullptr) *log_size += std::log(std::fabs(pivot));
        if (best != c) {
            std::swap_ranges(work.row(c), work.row(c) + n, work.row(best));
            std::swap_ranges(into.row(c), into.row(c) + n, into.row(best));
        }
        for (Index j = 0; j < n; ++j)
            work(c, j) /= pivot;
        for (Index j = 0; j < n; ++j)
            into(c, j) /= pivot;
        for (Index i = 0; i < n; ++i) {
            const double scale = work(i, c);
            if (i == c || scale == 0.0) continue;
            for (Index j = 0; j < n; ++j)
                work(i, j) -= scale * work(c, j);
            for (Index j = 0; j < n; ++j)
                into(i, j) -= scale * into(c, j);
        }
    }
    return true;
}

} // namespace pycore::estimation
