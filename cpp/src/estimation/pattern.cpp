#include "pycore/estimation/pattern.hpp"

#include <cmath>
#include <limits>
#include <utility>

namespace pycore::estimation {

namespace {

constexpr double NOTHING = -std::numeric_limits<double>::infinity();
constexpr double NEGLIGIBLE = -50.0; // a logarithm: 2e-22
constexpr double HALF_LOG_2PI = 0.91893853320467274178;

// Number of moments of so many numbers, and where the product of two of them stands (j ≤ i).
Index moments(Index size) {
    return 1 + size + size * (size + 1) / 2;
}

Index product_at(Index size, Index i, Index j) {
    return 1 + size + i * (i + 1) / 2 + j;
}

double dot(const double* a, const double* b, Index count) {
    double sum = 0.0;
    for (Index k = 0; k < count; ++k)
        sum += a[k] * b[k];
    return sum;
}

// Make logarithms shares of their exponentials' sum, whose logarithm is returned.
double normalise(double* share, Index count) {
    double most = share[0];
    for (Index k = 1; k < count; ++k)
        most = share[k] > most ? share[k] : most;
    if (!std::isfinite(most)) return NOTHING;
    double sum = 0.0;
    for (Index k = 0; k < count; ++k) {
        const double away = share[k] - most;
        share[k] = away < NEGLIGIBLE ? 0.0 : std::exp(away);
        sum += share[k];
    }
    const double inverse = 1.0 / sum;
    for (Index k = 0; k < count; ++k)
        share[k] *= inverse;
    return most + std::log(sum);
}

} // namespace

// With p items, m states and k nodes.
struct Pattern::Work {
    Work(Index p, Index m, Index k)
        : memory(3 * p * p + 4 * p * m + p + m * m + (2 * m * m + m + 2 * moments(m)) * k),
          factor(memory.matrix(p, p)), precision(memory.matrix(p, p)), loading(memory.matrix(p, m)),
          weighed(memory.matrix(p, m)), told(memory.matrix(m, m)), offset(memory.vector(p)),
          coefficients(memory.matrix(moments(m), k)), means(memory.matrix(k, m)),
          sums(memory.matrix(moments(m), k)), by_weighed(memory.matrix(p, m)) {
        for (Index node = 0; node < k; ++node) {
            spreads.push_back(memory.matrix(m, m));
            kepts.push_back(memory.matrix(m, m));
        }
    }

    // From what the items say; false where a node has no density.
    bool place(const std::vector<Node>& nodes, const std::vector<double>& weights);

    // Adds to the gradients of the nodes; to that by G where b stands, and Σ E η.
    void pull(const std::vector<Node>& nodes, const Matrix& by_told, double* together) const;

    Memory memory;
    // Of the items.
    Matrix factor;    // of Θ
    Matrix precision; // Θ⁻¹
    Matrix loading;   // Λ
    Matrix weighed;   // F = Θ⁻¹ Λ
    Matrix told;      // G = Λᵀ F
    double* offset;   // ν from the centre
    // Of the nodes: a log density is linear in the moments of b; one column of coefficients each.
    Matrix coefficients;
    Matrix means;                       // u
    std::vector<Matrix> spreads, kepts; // Q, and H = I − Q G
    // Of the respondents.
    Matrix sums;       // of moments of b times shares of the nodes
    Matrix by_weighed; // Σ (y − ν) (E η)ᵀ, the gradient by F
};

bool Pattern::Work::place(const std::vector<Node>& nodes, const std::vector<double>& weights) {
    const Index m = told.rows;
    Memory scratch(2 * m * m);
    const Matrix inner = scratch.matrix(m, m);
    const Matrix inverse = scratch.matrix(m, m);
    for (Index k = 0; k < nodes.size(); ++k) {
        const Matrix& spread = spreads[k];
        const Matrix& kept = kepts[k];
        const double* const level = nodes[k].at.level;
        double* const mean = means.row(k);
        product(told, nodes[k].at.covariance, inner);
        for (Index a = 0; a < m; ++a)
            inner(a, a) += 1.0;
        double determinant = 0.0;
        if (!invert(inner, inverse, &determinant)) return false;
        product(nodes[k].at.covariance, inverse, spread);
        product(spread, told, kept);
        for (Index a = 0; a < m; ++a) {
            for (Index c = 0; c < m; ++c) {
                kept(a, c) = (a == c ? 1.0 : 0.0) - kept(a, c);
                mean[a] += kept(a, c) * level[c];
            }
        }
        double square = 0.0;
        for (Index a = 0; a < m; ++a) {
            square += level[a] * dot(told.row(a), mean, m);
            coefficients(1 + a, k) = mean[a];
            for (Index c = 0; c <= a; ++c)
                coefficients(product_at(m, a, c), k) = (a == c ? 0.5 : 1.0) * spread(a, c);
        }
        coefficients(0, k) = std::log(weights[k]) - 0.5 * (determinant + square);
    }
    return true;
}

// By μ: Hᵀ Σ r (b − G μ);  by C: ½ (Hᵀ W H − r G H) with W = Σ r (b − G μ)(b − G μ)ᵀ;  by G, where
// b stands: −½ Σ r E η ηᵀ.
void Pattern::Work::pull(const std::vector<Node>& nodes, const Matrix& by_told,
                         double* together) const {
    const Index m = told.rows;
    Memory scratch(3 * m * m + 2 * m);
    const Matrix scatter = scratch.matrix(m, m);
    const Matrix half = scratch.matrix(m, m);
    const Matrix second = scratch.matrix(m, m);
    double* const away = scratch.vector(m);   // G μ
    double* const turned = scratch.vector(m); // Q Σ r b
    for (Index k = 0; k < nodes.size(); ++k) {
        const Node& node = nodes[k];
        const Matrix& spread = spreads[k];
        const Matrix& kept = kepts[k];
        const double* const mean = means.row(k);
        const double share = sums(0, k);
        for (Index a = 0; a < m; ++a)
            away[a] = dot(told.row(a), node.at.level, m);
        for (Index a = 0; a < m; ++a) {
            for (Index c = 0; c <= a; ++c) {
                second(a, c) = second(c, a) = sums(product_at(m, a, c), k);
                scatter(a, c) = scatter(c, a) = second(a, c) - sums(1 + a, k) * away[c] -
                                                away[a] * sums(1 + c, k) +
                                                share * away[a] * away[c];
            }
        }
        product(scatter, kept, half);
        for (Index a = 0; a < m; ++a) {
            turned[a] = 0.0;
            for (Index c = 0; c < m; ++c) {
                node.by_level[a] += kept(c, a) * (sums(1 + c, k) - share * away[c]);
                turned[a] += spread(a, c) * sums(1 + c, k);
                double both = 0.0;
                for (Index d = 0; d < m; ++d)
                    both += kept(d, a) * half(d, c) - share * told(a, d) * kept(d, c);
                node.by.covariance(a, c) += 0.5 * both;
            }
            together[a] += share * mean[a] + turned[a];
        }
        product(second, spread, half);
        product(spread, half, scatter); // Q Σ r b bᵀ Q
        for (Index a = 0; a < m; ++a) {
            for (Index c = 0; c < m; ++c) {
                by_told(a, c) -= 0.5 * (share * (spread(a, c) + mean[a] * mean[c]) +
                                        mean[a] * turned[c] + turned[a] * mean[c] + scatter(a, c));
            }
        }
    }
}

Pattern::Pattern(std::vector<Index> items, const std::vector<Index>& members,
                 const Respondents& respondents, const std::vector<double>& centre)
    : items_(std::move(items)), count_(members.size()) {
    const Index p = items_.size();
    const Index blocks = (count_ + LANES - 1) / LANES;
    answers_.assign(blocks * p * LANES, 0.0);
    sum_.assign(p, 0.0);
    squares_.assign(p * p, 0.0);
    for (const Index item : items_)
        centre_.push_back(centre[item]);
    for (Index m = 0; m < count_; ++m) {
        double* const own = answers_.data() + m / LANES * p * LANES + m % LANES;
        for (Index i = 0; i < p; ++i) {
            own[i * LANES] = respondents.columns[items_[i]].values[members[m]] - centre_[i];
            sum_[i] += own[i * LANES];
        }
        for (Index i = 0; i < p; ++i) {
            for (Index j = 0; j < p; ++j)
                squares_[i * p + j] += own[i * LANES] * own[j * LANES];
        }
    }
}

double Pattern::log_likelihood(const Structure::Point& at, const std::vector<double>& weights,
                               const std::vector<Node>& nodes,
                               const Structure::Gradient& by) const {
    Work work(items_.size(), at.total.rows, nodes.size());
    if (!tell(at, work) || !work.place(nodes, weights)) return NOTHING;
    const double total = weigh(work);
    if (!std::isfinite(total)) return NOTHING;
    return total - pull(nodes, work, by);
}

bool Pattern::tell(const Structure::Point& at, Work& work) const {
    const Index p = items_.size();
    const Index m = at.total.rows;
    for (Index i = 0; i < p; ++i) {
        work.offset[i] = at.blocks.intercept[items_[i]] - centre_[i];
        work.precision(i, i) = 1.0;
        for (Index j = 0; j < p; ++j)
            work.factor(i, j) = at.blocks.error(items_[i], items_[j]);
        for (Index a = 0; a < m; ++a)
            work.loading(i, a) = at.blocks.loading(items_[i], a);
    }
    if (!factorise(work.factor)) return false;
    solve(work.factor, work.precision);
    product(work.precision, work.loading, work.weighed);
    for (Index i = 0; i < p; ++i) {
        for (Index a = 0; a < m; ++a) {
            for (Index c = 0; c < m; ++c)
                work.told(a, c) += work.loading(i, a) * work.weighed(i, c);
        }
    }
    return true;
}

double Pattern::weigh(Work& work) const {
    const Index count = work.means.rows;
    const Index p = items_.size();
    const Index m = work.told.rows;
    const Index width = moments(m);
    Memory scratch(LANES * (count + width + m));
    const Matrix shares = scratch.matrix(LANES, count);
    const Matrix moment = scratch.matrix(width, LANES);
    const Matrix expected = scratch.matrix(m, LANES); // E η given y
    double* const __restrict s0 = shares.row(0);
    double* const __restrict s1 = shares.row(1);
    double* const __restrict s2 = shares.row(2);
    double* const __restrict s3 = shares.row(3);
    const auto averages = [&](Index c, double* into) { // of a coefficient over the nodes
        const double* const with = work.coefficients.row(c);
        double e0 = 0.0, e1 = 0.0, e2 = 0.0, e3 = 0.0;
        for (Index k = 0; k < count; ++k) {
            e0 += with[k] * s0[k];
            e1 += with[k] * s1[k];
            e2 += with[k] * s2[k];
            e3 += with[k] * s3[k];
        }
        into[0] = e0, into[1] = e1, into[2] = e2, into[3] = e3;
    };
    double total = 0.0;
    for (Index first = 0; first < count_; first += LANES) {
        const double* const own = answers_.data() + first * p;
        const Index rows = std::min(LANES, count_ - first);
        moment.fill(0.0);
        for (Index i = 0; i < p; ++i) {
            for (Index a = 0; a < m; ++a) {
                for (Index r = 0; r < LANES; ++r)
                    moment(1 + a, r) += work.weighed(i, a) * (own[i * LANES + r] - work.offset[i]);
            }
        }
        for (Index r = 0; r < LANES; ++r)
            moment(0, r) = 1.0;
        for (Index a = 0; a < m; ++a) {
            for (Index c = 0; c <= a; ++c) {
                for (Index r = 0; r < LANES; ++r)
                    moment(product_at(m, a, c), r) = moment(1 + a, r) * moment(1 + c, r);
            }
        }
        shares.fill(0.0);
        for (Index c = 0; c < width; ++c) {
            const double* const x = moment.row(c);
            const double* const __restrict with = work.coefficients.row(c);
            for (Index k = 0; k < count; ++k) {
                s0[k] += x[0] * with[k];
                s1[k] += x[1] * with[k];
                s2[k] += x[2] * with[k];
                s3[k] += x[3] * with[k];
            }
        }
        for (Index r = 0; r < rows; ++r)
            total += normalise(shares.row(r), count);
        for (Index r = rows; r < LANES; ++r) // nobody
            std::fill_n(shares.row(r), count, 0.0);
        if (!std::isfinite(total)) return NOTHING;
        expected.fill(0.0);
        for (Index c = 0; c < width; ++c) {
            const double* const x = moment.row(c);
            double* const __restrict into = work.sums.row(c);
            for (Index k = 0; k < count; ++k)
                into[k] += x[0] * s0[k] + x[1] * s1[k] + x[2] * s2[k] + x[3] * s3[k];
        }
        double average[LANES];
        for (Index a = 0; a < m; ++a) {
            averages(1 + a, average);
            for (Index r = 0; r < LANES; ++r)
                expected(a, r) += average[r];
            for (Index c = 0; c <= a; ++c) {
                averages(product_at(m, a, c), average); // half of Q where both are the same
                for (Index r = 0; r < LANES; ++r) {
                    expected(a, r) += average[r] * moment(1 + c, r);
                    expected(c, r) += average[r] * moment(1 + a, r);
                }
            }
        }
        for (Index i = 0; i < p; ++i) {
            for (Index a = 0; a < m; ++a) {
                for (Index r = 0; r < LANES; ++r)
                    work.by_weighed(i, a) += (own[i * LANES + r] - work.offset[i]) * expected(a, r);
            }
        }
    }
    return total;
}

double Pattern::pull(const std::vector<Node>& nodes, const Work& work,
                     const Structure::Gradient& by) const {
    const Index p = items_.size();
    const Index m = work.told.rows;
    const auto size = static_cast<double>(count_);
    Memory scratch(m * m + m + 2 * p * p + p * m + p);
    const Matrix by_told = scratch.matrix(m, m);
    double* const together = scratch.vector(m); // Σ E η
    work.pull(nodes, by_told, together);
    const Matrix by_precision = scratch.matrix(p, p);
    const Matrix bent = scratch.matrix(p, p);
    const Matrix reach = scratch.matrix(p, m);  // Λ · by G
    double* const distance = scratch.vector(p); // Σ (y − ν)
    product(work.loading, by_told, reach);
    double square = 0.0;
    for (Index i = 0; i < p; ++i) {
        const double own = work.offset[i];
        distance[i] = sum_[i] - size * own;
        for (Index j = 0; j < p; ++j) {
            const double other = work.offset[j];
            const double sum =
                squares_[i * p + j] - sum_[i] * other - own * sum_[j] + size * own * other;
            square += work.precision(i, j) * sum;
            by_precision(i, j) = -0.5 * sum + dot(reach.row(i), work.loading.row(j), m) +
                                 0.5 * (dot(work.by_weighed.row(i), work.loading.row(j), m) +
                                        dot(work.by_weighed.row(j), work.loading.row(i), m));
        }
    }
    product(work.precision, by_precision, bent);
    product(bent, work.precision, by_precision);
    product(work.precision, work.by_weighed, reach);
    for (Index i = 0; i < p; ++i) {
        const Index item = items_[i];
        by.blocks.intercept[item] +=
            dot(work.precision.row(i), distance, p) - dot(work.weighed.row(i), together, m);
        for (Index j = 0; j < p; ++j)
            by.blocks.error(item, items_[j]) -=
                0.5 * size * work.precision(i, j) + by_precision(i, j);
        for (Index a = 0; a < m; ++a) {
            by.blocks.loading(item, a) +=
                reach(i, a) + 2.0 * dot(work.weighed.row(i), by_told.row(a), m);
        }
    }
    const double everybody = 2.0 * HALF_LOG_2PI * static_cast<double>(p);
    return 0.5 * (size * (everybody + log_determinant(work.factor)) + square);
}

} // namespace pycore::estimation
