#include "pycore/estimation/latents.hpp"

namespace pycore::estimation {

namespace {

// into += scale · from
void add(double scale, const double* from, double* into, Index count) {
    for (Index n = 0; n < count; ++n)
        into[n] += scale * from[n];
}

double dot(const double* a, const double* b, Index count) {
    double sum = 0.0;
    for (Index n = 0; n < count; ++n)
        sum += a[n] * b[n];
    return sum;
}

// The gradient by Ω of what depends on it through its Cholesky factor (Murray 2016,
// arXiv:1602.07527): L⁻ᵀ Φ(Lᵀ G) L⁻¹, symmetric, Φ the lower triangle with half its diagonal.
void pull_factor(const Matrix& factor, const Matrix& by_factor, const Matrix& into,
                 const std::vector<Index>& rows) {
    const Index n = factor.rows;
    Memory memory(2 * n * n);
    const Matrix inner = memory.matrix(n, n);
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j <= i; ++j) {
            for (Index k = i; k < n; ++k)
                inner(i, j) += factor(k, i) * by_factor(k, j);
        }
        inner(i, i) *= 0.5;
    }
    const Matrix inverse = memory.matrix(n, n); // L⁻¹
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j <= i; ++j) {
            double sum = i == j ? 1.0 : 0.0;
            for (Index k = j; k < i; ++k)
                sum -= factor(i, k) * inverse(k, j);
            inverse(i, j) = sum / factor(i, i);
        }
    }
    for (Index a = 0; a < n; ++a) {
        for (Index b = 0; b < n; ++b) {
            double sum = 0.0;
            for (Index i = a; i < n; ++i) {
                for (Index j = b; j <= i; ++j)
                    sum += inverse(i, a) * inner(i, j) * inverse(j, b);
            }
            into(rows[a], rows[b]) += 0.5 * sum;
            into(rows[b], rows[a]) += 0.5 * sum;
        }
    }
}

} // namespace

Latents::Latents(const std::vector<Index>& drawn, const std::vector<Product>& products,
                 const Structure::Point& at, Index count)
    : drawn_(drawn), products_(products), at_(at), count_(count),
      memory_(drawn.size() * drawn.size() + (3 * at.total.rows + 2 * products.size()) * count) {
    const Index size = at.total.rows;
    factor_ = memory_.matrix(drawn.size(), drawn.size());
    enters_ = memory_.matrix(size, count);
    latent_ = memory_.matrix(size, count);
    factors_ = memory_.matrix(2 * products.size(), count);
    by_latent_ = memory_.matrix(size, count);
}

bool Latents::forward(const double* z) {
    const Index size = at_.total.rows;
    const Index own = drawn_.size();
    for (Index j = 0; j < own; ++j) {
        for (Index k = 0; k < own; ++k)
            factor_(j, k) = at_.blocks.disturbance(drawn_[j], drawn_[k]);
    }
    if (!factorise(factor_)) return false;
    for (Index i = 0; i < size; ++i)
        std::fill_n(enters_.row(i), count_, at_.blocks.mean[i]);
    for (Index j = 0; j < own; ++j) {
        for (Index k = 0; k <= j; ++k)
            add(factor_(j, k), z + k * count_, enters_.row(drawn_[j]), count_);
    }
    for (Index c = 0; c < products_.size(); ++c) {
        const Product& one = products_[c];
        double* const first = factors_.row(2 * c);
        double* const second = factors_.row(2 * c + 1);
        for (Index j = 0; j < size; ++j) {
            add(at_.total(one.first, j), enters_.row(j), first, count_);
            add(at_.total(one.second, j), enters_.row(j), second, count_);
        }
        const double coefficient = at_.blocks.further[one.coefficient];
        double* const into = enters_.row(one.state);
        for (Index n = 0; n < count_; ++n)
            into[n] += coefficient * first[n] * second[n];
    }
    product(at_.total, enters_, latent_);
    return true;
}

void Latents::predict(Index item, double* predictor) const {
    std::fill_n(predictor, count_, at_.blocks.intercept[item]);
    const double* const loading = at_.blocks.loading.row(item);
    for (Index j = 0; j < latent_.rows; ++j) {
        if (loading[j] != 0.0) add(loading[j], latent_.row(j), predictor, count_);
    }
}

void Latents::pull(Index item, const double* by_predictor, const Structure::Gradient& by) {
    const double* const loading = at_.blocks.loading.row(item);
    for (Index n = 0; n < count_; ++n)
        by.blocks.intercept[item] += by_predictor[n];
    for (Index j = 0; j < latent_.rows; ++j) {
        by.blocks.loading(item, j) += dot(by_predictor, latent_.row(j), count_);
        if (loading[j] != 0.0) add(loading[j], by_predictor, by_latent_.row(j), count_);
    }
}

void Latents::backward(const double* z, const Structure::Gradient& by, double* by_z) {
    const Index size = at_.total.rows;
    const Index own = drawn_.size();
    Memory memory((size + 2) * count_ + 2 * size * size + own * own);
    // Through η = T · enters, and the products from the last to the first.
    const Matrix by_enters = memory.matrix(size, count_);
    double* const by_first = memory.vector(count_);
    double* const by_second = memory.vector(count_);
    const Matrix by_total = memory.matrix(size, size);
    for (Index i = 0; i < size; ++i) {
        for (Index j = 0; j < size; ++j) {
            if (at_.total(i, j) != 0.0)
                add(at_.total(i, j), by_latent_.row(i), by_enters.row(j), count_);
            by_total(i, j) = dot(by_latent_.row(i), enters_.row(j), count_);
        }
    }
    for (Index c = products_.size(); c-- > 0;) {
        const Product& one = products_[c];
        const double coefficient = at_.blocks.further[one.coefficient];
        const double* const by_state = by_enters.row(one.state);
        double* const into = enters_.row(one.state);
        const double* const first = factors_.row(2 * c);
        const double* const second = factors_.row(2 * c + 1);
        double by_coefficient = 0.0;
        for (Index n = 0; n < count_; ++n) {
            const double both = first[n] * second[n];
            const double pull = coefficient * by_state[n];
            by_coefficient += by_state[n] * both;
            into[n] -= coefficient * both; // as it was when the factors were read
            by_first[n] = pull * second[n];
            by_second[n] = pull * first[n];
        }
        by.blocks.further[one.coefficient] += by_coefficient;
        for (Index j = 0; j < size; ++j) {
            by_total(one.first, j) += dot(by_first, enters_.row(j), count_);
            by_total(one.second, j) += dot(by_second, enters_.row(j), count_);
            add(at_.total(one.first, j), by_first, by_enters.row(j), count_);
            add(at_.total(one.second, j), by_second, by_enters.row(j), count_);
        }
    }
    for (Index i = 0; i < size; ++i) {
        for (Index n = 0; n < count_; ++n)
            by.blocks.mean[i] += by_enters(i, n);
    }
    // T = (I − A)⁻¹, so the gradient by A is Tᵀ G Tᵀ.
    const Matrix turned = memory.matrix(size, size);
    for (Index a = 0; a < size; ++a) {
        for (Index b = 0; b < size; ++b) {
            for (Index i = 0; i < size; ++i)
                turned(a, b) += at_.total(i, a) * by_total(i, b);
        }
    }
    for (Index a = 0; a < size; ++a) {
        for (Index b = 0; b < size; ++b) {
            for (Index j = 0; j < size; ++j)
                by.blocks.path(a, b) += turned(a, j) * at_.total(b, j);
        }
    }
    const Matrix by_factor = memory.matrix(own, own);
    for (Index j = 0; j < own; ++j) {
        const double* const pull = by_enters.row(drawn_[j]);
        for (Index k = 0; k <= j; ++k) {
            by_factor(j, k) = dot(pull, z + k * count_, count_);
            if (by_z != nullptr) add(factor_(j, k), pull, by_z + k * count_, count_);
        }
    }
    pull_factor(factor_, by_factor, by.blocks.disturbance, drawn_);
}

} // namespace pycore::estimation
