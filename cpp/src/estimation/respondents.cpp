#include "pycore/estimation/respondents.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pycore::estimation {

namespace {

constexpr double NOTHING = -std::numeric_limits<double>::infinity();
constexpr double ROOT_HALF = 0.70710678118654752440;
constexpr double INVERSE_ROOT_2PI = 0.39894228040143267794;
constexpr double HALF_LOG_2PI = 0.91893853320467274178;
constexpr double LEAST = 1e-280; // below it a probability is taken from the tail's expansion

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

// Predictors of one column, its parameters, and the gradients by them.
struct Seen {
    const double* values;
    const double* predictor;
    double* by_predictor;
    Index count;
    double scale;    // error variance or size
    double by_scale; // its gradient
};

double continuous(Seen& seen) {
    const double precision = 1.0 / seen.scale;
    double total = 0.0;
    for (Index n = 0; n < seen.count; ++n) {
        if (std::isnan(seen.values[n])) continue;
        const double away = seen.values[n] - seen.predictor[n];
        const double square = away * away * precision;
        total -= 0.5 * (square + std::log(seen.scale));
        seen.by_predictor[n] = away * precision;
        seen.by_scale += 0.5 * (square - 1.0) * precision;
    }
    return total;
}

struct Bound {
    double x;       // in standard deviations of the error
    double density; // of the standard normal there
};

Bound bound(double cut, double predictor, double inverse) {
    const double x = (cut - predictor) * inverse;
    return {x, INVERSE_ROOT_2PI * std::exp(-0.5 * x * x)};
}

double below(double x) {
    return 0.5 * std::erfc(-ROOT_HALF * x);
}

double ordered(Seen& seen, const double* cuts, Index categories, double* by_cuts) {
    const double inverse = 1.0 / std::sqrt(seen.scale);
    constexpr double FAR = std::numeric_limits<double>::infinity();
    double total = 0.0;
    for (Index n = 0; n < seen.count; ++n) {
        if (std::isnan(seen.values[n])) continue;
        const auto category = static_cast<Index>(seen.values[n]);
        const bool first = category == 0;
        const bool last = category + 1 == categories;
        Bound low =
            first ? Bound{-FAR, 0.0} : bound(cuts[category - 1], seen.predictor[n], inverse);
        Bound high = last ? Bound{FAR, 0.0} : bound(cuts[category], seen.predictor[n], inverse);
        // The smaller tails are subtracted, so that nothing cancels far from the middle.
        double share = low.x > 0.0 ? (last ? below(-low.x) : below(-low.x) - below(-high.x))
                       : first     ? below(high.x)
                       : last      ? below(-low.x)
                                   : below(high.x) - below(low.x);
        double slope_low = 0.0; // of log share by each bound
        double slope_high = 0.0;
        if (share > LEAST) {
            total += std::log(share);
            slope_low = -low.density / share;
            slope_high = high.density / share;
        } else if (low.x > 0.0) {
            total -= 0.5 * low.x * low.x + std::log(low.x) + HALF_LOG_2PI;
            slope_low = -low.x - 1.0 / low.x;
        } else if (high.x < 0.0) {
            total -= 0.5 * high.x * high.x + std::log(-high.x) + HALF_LOG_2PI;
            slope_high = -high.x - 1.0 / high.x;
        } else {
            return NOTHING; // thresholds that are the same
        }
        slope_low *= inverse;
        slope_high *= inverse;
        seen.by_predictor[n] = -slope_low - slope_high;
        if (!first) {
            by_cuts[category - 1] += slope_low;
            seen.by_scale -= 0.5 * slope_low * low.x * inverse;
        }
        if (!last) {
            by_cuts[category] += slope_high;
            seen.by_scale -= 0.5 * slope_high * high.x * inverse;
        }
    }
    return total;
}

double bernoulli(Seen& seen) {
    double total = 0.0;
    for (Index n = 0; n < seen.count; ++n) {
        if (std::isnan(seen.values[n])) continue;
        const double odds = seen.predictor[n];
        total +=
            seen.values[n] * odds - std::fmax(odds, 0.0) - std::log1p(std::exp(-std::fabs(odds)));
        seen.by_predictor[n] = seen.values[n] - 0.5 * (1.0 + std::tanh(0.5 * odds));
    }
    return total;
}

double poisson(Seen& seen) {
    double total = 0.0;
    for (Index n = 0; n < seen.count; ++n) {
        if (std::isnan(seen.values[n])) continue;
        const double mean = std::exp(std::fmin(seen.predictor[n], 700.0));
        total += seen.values[n] * seen.predictor[n] - mean;
        seen.by_predictor[n] = seen.values[n] - mean;
    }
    return total;
}

double negative_binomial(Seen& seen) {
    const double size = seen.scale;
    double total = 0.0;
    for (Index n = 0; n < seen.count; ++n) {
        if (std::isnan(seen.values[n])) continue;
        const double count = seen.values[n];
        const double mean = std::exp(std::fmin(seen.predictor[n], 700.0));
        const double both = size + mean;
        // log Γ(count + size) − log Γ(size), by what the gamma function is for whole numbers
        for (double k = 0.0; k < count; k += 1.0) {
            total += std::log(size + k);
            seen.by_scale += 1.0 / (size + k);
        }
        total += size * std::log(size / both) + count * (seen.predictor[n] - std::log(both));
        seen.by_predictor[n] = count - (count + size) * mean / both;
        seen.by_scale += std::log(size / both) + 1.0 - (size + count) / both;
    }
    return total;
}

double likelihood_of(const Column& column, Seen& seen, const double* further, double* by_further) {
    const bool scaled = column.kind != Kind::BERNOULLI && column.kind != Kind::POISSON;
    if (scaled && !(seen.scale > 0.0)) return NOTHING;
    switch (column.kind) {
    case Kind::CONTINUOUS:
        return continuous(seen);
    case Kind::ORDERED:
        return ordered(seen, further + column.cuts, column.categories, by_further + column.cuts);
    case Kind::BERNOULLI:
        return bernoulli(seen);
    case Kind::POISSON:
        return poisson(seen);
    default:
        return negative_binomial(seen);
    }
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

bool fits(const Respondents& respondents, const Structure& structure) {
    const Index latents = structure.latents();
    const auto exists = [latents](Index one) { return one < latents; };
    if (!std::all_of(respondents.drawn.begin(), respondents.drawn.end(), exists)) return false;
    for (const Product& one : respondents.products) {
        if (one.state >= latents || one.first >= latents || one.second >= latents ||
            one.coefficient >= structure.further())
            return false;
    }
    if (respondents.columns.size() != structure.items()) return false;
    for (const Column& column : respondents.columns) {
        if (column.values.size() != respondents.count) return false;
        if (column.kind < Kind::CONTINUOUS || column.kind >= Kind::COUNT) return false;
        if (column.kind != Kind::ORDERED) continue;
        if (column.categories < 2 || column.categories > structure.further() + 1 ||
            column.cuts > structure.further() + 1 - column.categories)
            return false;
        for (const double value : column.values) {
            if (!std::isnan(value) &&
                !(value >= 0.0 && value < static_cast<double>(column.categories)))
                return false;
        }
    }
    return true;
}

double log_likelihood(const Respondents& respondents, const Structure::Point& at, const double* z,
                      const Structure::Gradient& by, double* by_z) {
    const Index count = respondents.count;
    const Index size = at.total.rows;
    const std::vector<Index>& drawn = respondents.drawn;
    const Index own = drawn.size();
    const std::vector<Product>& products = respondents.products;
    Memory memory(2 * own * own + (4 * size + 2 * products.size() + 2) * count);

    const Matrix factor = memory.matrix(own, own);
    for (Index j = 0; j < own; ++j) {
        for (Index k = 0; k < own; ++k)
            factor(j, k) = at.blocks.disturbance(drawn[j], drawn[k]);
    }
    if (!factorise(factor)) return NOTHING;

    // What enters each equation, and the latent variables; one row per variable.
    const Matrix enters = memory.matrix(size, count);
    const Matrix latent = memory.matrix(size, count);
    for (Index i = 0; i < size; ++i)
        std::fill_n(enters.row(i), count, at.blocks.mean[i]);
    for (Index j = 0; j < own; ++j) {
        for (Index k = 0; k <= j; ++k)
            add(factor(j, k), z + k * count, enters.row(drawn[j]), count);
    }
    const Matrix factors = memory.matrix(2 * products.size(), count);
    for (Index c = 0; c < products.size(); ++c) {
        const Product& one = products[c];
        double* const first = factors.row(2 * c);
        double* const second = factors.row(2 * c + 1);
        for (Index j = 0; j < size; ++j) {
            add(at.total(one.first, j), enters.row(j), first, count);
            add(at.total(one.second, j), enters.row(j), second, count);
        }
        const double coefficient = at.blocks.further[one.coefficient];
        double* const into = enters.row(one.state);
        for (Index n = 0; n < count; ++n)
            into[n] += coefficient * first[n] * second[n];
    }
    product(at.total, enters, latent);

    const Matrix by_latent = memory.matrix(size, count);
    double* const predictor = memory.vector(count);
    double* const by_predictor = memory.vector(count);
    double total = 0.0;
    for (Index i = 0; i < respondents.columns.size(); ++i) {
        const Column& column = respondents.columns[i];
        std::fill_n(predictor, count, at.blocks.intercept[i]);
        std::fill_n(by_predictor, count, 0.0);
        const double* const loading = at.blocks.loading.row(i);
        for (Index j = 0; j < size; ++j) {
            if (loading[j] != 0.0) add(loading[j], latent.row(j), predictor, count);
        }
        Seen seen{column.values.data(), predictor, by_predictor, count, at.blocks.error(i, i), 0.0};
        total += likelihood_of(column, seen, at.blocks.further, by.blocks.further);
        by.blocks.error(i, i) += seen.by_scale;
        for (Index n = 0; n < count; ++n)
            by.blocks.intercept[i] += by_predictor[n];
        for (Index j = 0; j < size; ++j) {
            by.blocks.loading(i, j) += dot(by_predictor, latent.row(j), count);
            if (loading[j] != 0.0) add(loading[j], by_predictor, by_latent.row(j), count);
        }
    }

    // Back through η = T · enters, and the products from the last to the first.
    const Matrix by_enters = memory.matrix(size, count);
    Memory small(2 * size * size + own * own);
    const Matrix by_total = small.matrix(size, size);
    for (Index i = 0; i < size; ++i) {
        for (Index j = 0; j < size; ++j) {
            if (at.total(i, j) != 0.0)
                add(at.total(i, j), by_latent.row(i), by_enters.row(j), count);
            by_total(i, j) = dot(by_latent.row(i), enters.row(j), count);
        }
    }
    for (Index c = products.size(); c-- > 0;) {
        const Product& one = products[c];
        const double coefficient = at.blocks.further[one.coefficient];
        double* const by_state = by_enters.row(one.state);
        double* const into = enters.row(one.state);
        double* const first = factors.row(2 * c);
        double* const second = factors.row(2 * c + 1);
        double by_coefficient = 0.0;
        for (Index n = 0; n < count; ++n) {
            const double both = first[n] * second[n];
            const double pull = coefficient * by_state[n];
            by_coefficient += by_state[n] * both;
            into[n] -= coefficient * both; // as it was when the factors were read
            predictor[n] = pull * second[n];
            by_predictor[n] = pull * first[n];
        }
        by.blocks.further[one.coefficient] += by_coefficient;
        for (Index j = 0; j < size; ++j) {
            by_total(one.first, j) += dot(predictor, enters.row(j), count);
            by_total(one.second, j) += dot(by_predictor, enters.row(j), count);
            add(at.total(one.first, j), predictor, by_enters.row(j), count);
            add(at.total(one.second, j), by_predictor, by_enters.row(j), count);
        }
    }
    for (Index i = 0; i < size; ++i) {
        for (Index n = 0; n < count; ++n)
            by.blocks.mean[i] += by_enters(i, n);
    }
    // T = (I − A)⁻¹, so the gradient by A is Tᵀ G Tᵀ.
    const Matrix turned = small.matrix(size, size);
    for (Index a = 0; a < size; ++a) {
        for (Index b = 0; b < size; ++b) {
            for (Index i = 0; i < size; ++i)
                turned(a, b) += at.total(i, a) * by_total(i, b);
        }
    }
    for (Index a = 0; a < size; ++a) {
        for (Index b = 0; b < size; ++b) {
            for (Index j = 0; j < size; ++j)
                by.blocks.path(a, b) += turned(a, j) * at.total(b, j);
        }
    }
    const Matrix by_factor = small.matrix(own, own);
    for (Index j = 0; j < own; ++j) {
        const double* const pull = by_enters.row(drawn[j]);
        for (Index k = 0; k <= j; ++k) {
            by_factor(j, k) = dot(pull, z + k * count, count);
            add(factor(j, k), pull, by_z + k * count, count);
        }
    }
    pull_factor(factor, by_factor, by.blocks.disturbance, drawn);
    for (Index n = 0; n < own * count; ++n) {
        total -= 0.5 * z[n] * z[n];
        by_z[n] -= z[n];
    }
    return total;
}

} // namespace pycore::estimation
