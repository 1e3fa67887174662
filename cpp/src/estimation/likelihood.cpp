#include "pycore/estimation/likelihood.hpp"

#include <cmath>
#include <limits>

namespace pycore::estimation {

namespace {

constexpr double NOTHING = -std::numeric_limits<double>::infinity();

// W = scatter + n · away awayᵀ
Matrix moments(const Unit& unit, const double* away, Memory& memory) {
    const Index p = unit.items.size();
    const Matrix w = memory.matrix(p, p);
    std::copy(unit.scatter.begin(), unit.scatter.end(), w.data);
    if (away != nullptr) {
        for (Index i = 0; i < p; ++i) {
            for (Index j = 0; j < p; ++j)
                w(i, j) += unit.n * away[i] * away[j];
        }
    }
    return w;
}

// By Cholesky factorisation of Σ itself.
double dense(const Unit& unit, const Structure::Point& at, const double* away,
             const Structure::Gradient& by) {
    const Index p = unit.items.size();
    Memory memory(4 * p * p + p);
    const Matrix w = moments(unit, away, memory);
    const Matrix sigma = memory.matrix(p, p);
    const Matrix inverse = memory.matrix(p, p);
    const Matrix weighted = memory.matrix(p, p);
    for (Index i = 0; i < p; ++i) {
        for (Index j = 0; j < p; ++j)
            sigma(i, j) = at.sigma(unit.items[i], unit.items[j]);
        inverse(i, i) = 1.0;
    }
    if (!factorise(sigma)) return NOTHING;
    solve(sigma, inverse);
    const double determinant = log_determinant(sigma);
    product(inverse, w, weighted);
    double trace = 0.0;
    for (Index i = 0; i < p; ++i)
        trace += weighted(i, i);
    // The gradient by Σ, −½ (f Σ⁻¹ − Σ⁻¹ W Σ⁻¹), takes the place of Σ.
    product(weighted, inverse, sigma);
    for (Index i = 0; i < p; ++i) {
        for (Index j = 0; j < p; ++j) {
            by.sigma(unit.items[i], unit.items[j]) +=
                0.5 * (sigma(i, j) - unit.freedom * inverse(i, j));
        }
        for (Index j = 0; j < p && away != nullptr; ++j)
            by.item_mean[unit.items[i]] += unit.n * inverse(i, j) * away[j];
    }
    return -0.5 * (unit.freedom * determinant + trace);
}

// By Woodbury's identity, in as many rows as there are latent variables.  With D = Θ⁻¹,
// Δ = Λᵀ D Λ (diagonal) and N = C − C Δ^½ (I + Δ^½ C Δ^½)⁻¹ Δ^½ C, which needs no inverse of C:
//   Σ⁻¹ = D − D Λ N Λᵀ D,   log |Σ| = log |Θ| + log |I + Δ^½ C Δ^½|.
double by_latents(const Unit& unit, const std::vector<Index>& measures, const Structure::Point& at,
                  const double* away, const Structure::Gradient& by) {
    const Index p = unit.items.size();
    const Index m = at.covariance.rows;
    const auto loading_of = [&](Index item) { return at.blocks.loading(item, measures[item]); };
    Memory memory(p * p + m * p + 9 * m * m + 4 * p + 3 * m);
    const Matrix w = moments(unit, away, memory);
    double* const precision = memory.vector(p); // D
    double* const scaled = memory.vector(p);    // D Λ, one number per row
    double* const delta = memory.vector(m);
    double log_theta = 0.0;
    for (Index i = 0; i < p; ++i) {
        const Index item = unit.items[i];
        const double variance = at.blocks.error(item, item);
        precision[i] = 1.0 / variance;
        scaled[i] = loading_of(item) * precision[i];
        delta[measures[item]] += loading_of(item) * scaled[i];
        log_theta += std::log(variance);
    }
    const Matrix inner = memory.matrix(m, m);   // I + Δ^½ C Δ^½, then its factor
    const Matrix half = memory.matrix(m, m);    // Δ^½ C
    const Matrix solved = memory.matrix(m, m);  // (I + Δ^½ C Δ^½)⁻¹ Δ^½ C
    const Matrix reduced = memory.matrix(m, m); // N
    for (Index i = 0; i < m; ++i) {
        for (Index j = 0; j < m; ++j) {
            half(i, j) = solved(i, j) = std::sqrt(delta[i]) * at.covariance(i, j);
            inner(i, j) = half(i, j) * std::sqrt(delta[j]);
        }
        inner(i, i) += 1.0;
    }
    if (!factorise(inner)) return NOTHING;
    solve(inner, solved);
    for (Index i = 0; i < m; ++i) {
        for (Index j = 0; j < m; ++j) {
            double sum = at.covariance(i, j);
            for (Index k = 0; k < m; ++k)
                sum -= half(k, i) * solved(k, j);
            reduced(i, j) = sum;
        }
    }
    const double determinant = log_theta + log_determinant(inner);

    const Matrix across = memory.matrix(m, p); // Λᵀ D W
    const Matrix within = memory.matrix(m, m); // Λᵀ D W D Λ
    for (Index i = 0; i < p; ++i) {
        double* const own = across.row(measures[unit.items[i]]);
        for (Index j = 0; j < p; ++j)
            own[j] += scaled[i] * w(i, j);
    }
    for (Index a = 0; a < m; ++a) {
        for (Index j = 0; j < p; ++j) {
            within(a, measures[unit.items[j]]) += across(a, j) * scaled[j];
        }
    }
    const Matrix spread = memory.matrix(m, m);  // N Λᵀ D W D Λ
    const Matrix doubled = memory.matrix(m, m); // the same times N
    product(reduced, within, spread);
    product(spread, reduced, doubled);
    double trace = 0.0;
    for (Index i = 0; i < p; ++i)
        trace += precision[i] * w(i, i);
    for (Index a = 0; a < m; ++a)
        trace -= spread(a, a);

    // Λᵀ Σ⁻¹ Λ = Δ H and Λᵀ Σ⁻¹ W Σ⁻¹ Λ = Hᵀ Y H, with H = I − N Δ and Y = Λᵀ D W D Λ.
    const Matrix kept = memory.matrix(m, m);    // H
    const Matrix settled = memory.matrix(m, m); // H C = N, since (I − N Δ) C = N
    for (Index i = 0; i < m; ++i) {
        for (Index j = 0; j < m; ++j)
            kept(i, j) = (i == j ? 1.0 : 0.0) - reduced(i, j) * delta[j];
    }
    product(within, kept, settled);
    for (Index i = 0; i < m; ++i) {
        for (Index j = 0; j < m; ++j) {
            double sum = 0.0;
            for (Index k = 0; k < m; ++k)
                sum += kept(k, i) * settled(k, j);
            by.covariance(i, j) += 0.5 * (sum - unit.freedom * delta[i] * kept(i, j));
        }
    }
    for (Index i = 0; i < p; ++i) {
        const Index item = unit.items[i];
        const Index measured = measures[item];
        const double loading = loading_of(item);
        // Σ⁻¹ Λ C = D Λ N, of which row i, column `measured` is asked for.
        double weighted = 0.0;
        double once = 0.0;
        for (Index a = 0; a < m; ++a) {
            weighted += (across(a, i) - loading * spread(measured, a)) * reduced(a, measured);
            once += reduced(measured, a) * across(a, i);
        }
        by.blocks.loading(item, measured) +=
            precision[i] * weighted - unit.freedom * scaled[i] * reduced(measured, measured);
        const double inverse = precision[i] - scaled[i] * scaled[i] * reduced(measured, measured);
        const double squared =
            precision[i] * precision[i] *
            (w(i, i) - 2.0 * loading * once + loading * loading * doubled(measured, measured));
        by.blocks.error(item, item) += 0.5 * (squared - unit.freedom * inverse);
    }
    if (away != nullptr) {
        double* const gathered = memory.vector(m);
        for (Index i = 0; i < p; ++i)
            gathered[measures[unit.items[i]]] += scaled[i] * away[i];
        for (Index i = 0; i < p; ++i) {
            const double* const own = reduced.row(measures[unit.items[i]]);
            double shared = 0.0;
            for (Index a = 0; a < m; ++a)
                shared += own[a] * gathered[a];
            by.item_mean[unit.items[i]] += unit.n * (precision[i] * away[i] - scaled[i] * shared);
        }
    }
    return -0.5 * (unit.freedom * determinant + trace);
}

} // namespace

double log_likelihood(const Unit& unit, const Structure& structure, const Structure::Point& at,
                      bool means, const Structure::Gradient& by) {
    std::vector<double> distance;
    if (means) {
        for (Index i = 0; i < unit.items.size(); ++i)
            distance.push_back(unit.mean[i] - at.item_mean[unit.items[i]]);
    }
    const double* const away = means ? distance.data() : nullptr;
    if (at.dense) return dense(unit, at, away, by);
    return by_latents(unit, structure.measures(), at, away, by);
}

} // namespace pycore::estimation
