#include "pycore/estimation/mixture.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

namespace pycore::estimation {

namespace {

constexpr double NOTHING = -std::numeric_limits<double>::infinity();

void require(bool fits, const char* what) {
    if (!fits) throw std::invalid_argument(std::string("mixture: allowed is ") + what);
}

void add(const double* from, double* into, Index count) {
    for (Index k = 0; k < count; ++k)
        into[k] += from[k];
}

double dot(const double* a, const double* b, Index count) {
    double sum = 0.0;
    for (Index k = 0; k < count; ++k)
        sum += a[k] * b[k];
    return sum;
}

} // namespace

Mixture::Mixture(const Respondents& respondents, Nodes nodes, Index shared)
    : nodes_(std::move(nodes)), shared_(shared) {
    require(estimation::fits(nodes_) && nodes_.dimensions == 1, "nodes in one dimension");
    require(!respondents.columns.empty(), "at least one item");
    for (const Product& one : respondents.products) {
        require(one.first == shared || one.second == shared, "products that share a state");
        paths_.push_back(
            {one.state, one.first == shared ? one.second : one.first, one.coefficient});
    }
    std::map<std::vector<Index>, std::vector<Index>> rows;
    std::vector<double> sums(respondents.columns.size(), 0.0);
    std::vector<double> seen(respondents.columns.size(), 0.0);
    for (const Column& column : respondents.columns) {
        require(column.kind == Kind::CONTINUOUS, "continuous items");
        require(column.values.size() == respondents.count, "one answer per respondent");
    }
    for (Index n = 0; n < respondents.count; ++n) {
        std::vector<Index> answered;
        for (Index i = 0; i < respondents.columns.size(); ++i) {
            const double value = respondents.columns[i].values[n];
            if (std::isnan(value)) continue;
            answered.push_back(i);
            sums[i] += value;
            seen[i] += 1.0;
        }
        if (!answered.empty()) rows[std::move(answered)].push_back(n);
    }
    for (Index i = 0; i < sums.size(); ++i)
        centre_.push_back(seen[i] > 0.0 ? sums[i] / seen[i] : 0.0);
    for (const auto& [items, members] : rows)
        patterns_.emplace_back(items, members, respondents, centre_);
}

bool Mixture::fits(const Structure& structure) const {
    const Index latents = structure.latents();
    for (const Path& one : paths_) {
        if (one.state >= latents || one.from >= latents || one.coefficient >= structure.further())
            return false;
    }
    return shared_ < latents && centre_.size() == structure.items();
}

double Mixture::log_likelihood(const Structure::Point& at, const Structure::Gradient& by) const {
    const Index count = nodes_.count();
    const Index n = at.total.rows;
    const double* const row = at.total.row(shared_); // t
    Memory small(5 * n + count);
    double* const spread = small.vector(n); // Ω tᵀ
    for (Index i = 0; i < n; ++i)
        spread[i] = dot(at.blocks.disturbance.row(i), row, n);
    const double variance = dot(row, spread, n);
    if (!(variance > 0.0)) return NOTHING;
    const double deviation = std::sqrt(variance);
    double* const along = small.vector(n); // h
    for (Index i = 0; i < n; ++i)
        along[i] = spread[i] / deviation;
    const double level = dot(row, at.blocks.mean, n);

    Memory memory(count * (7 * n * n + 4 * n));
    double* const value = small.vector(count); // η_a at each node
    std::vector<Node> nodes(count);
    for (Index k = 0; k < count; ++k) {
        value[k] = level + deviation * nodes_.at[k];
        Structure::Point& point = nodes[k].at;
        Structure::Gradient& gradient = nodes[k].by;
        for (Matrix* one :
             {&point.blocks.path, &point.blocks.disturbance, &point.total, &point.covariance,
              &gradient.blocks.path, &gradient.blocks.disturbance, &gradient.covariance})
            *one = memory.matrix(n, n);
        for (double** one :
             {&point.blocks.mean, &point.level, &gradient.blocks.mean, &nodes[k].by_level})
            *one = memory.vector(n);
        for (Index i = 0; i < n; ++i) {
            point.blocks.mean[i] = at.blocks.mean[i] + along[i] * nodes_.at[k];
            for (Index j = 0; j < n; ++j) {
                point.blocks.path(i, j) = at.blocks.path(i, j);
                point.blocks.disturbance(i, j) = at.blocks.disturbance(i, j) - along[i] * along[j];
            }
        }
        for (const Path& one : paths_)
            point.blocks.path(one.state, one.from) += at.blocks.further[one.coefficient] * value[k];
        if (!Structure::imply(point)) return NOTHING;
    }
    double total = 0.0;
    for (const Pattern& pattern : patterns_) {
        total += pattern.log_likelihood(at, nodes_.weights, nodes, by);
        if (!std::isfinite(total)) return NOTHING;
    }

    double* const by_row = small.vector(n);
    double* const by_along = small.vector(n);
    double by_deviation = 0.0;
    for (Index k = 0; k < count; ++k) {
        const Blocks& own = nodes[k].by.blocks;
        Structure::gather(nodes[k].at, nodes[k].by, nodes[k].by_level);
        add(own.path.data, by.blocks.path.data, n * n);
        add(own.disturbance.data, by.blocks.disturbance.data, n * n);
        add(own.mean, by.blocks.mean, n);
        for (Index i = 0; i < n; ++i) {
            by_along[i] += nodes_.at[k] * own.mean[i];
            for (Index j = 0; j < n; ++j)
                by_along[i] -= (own.disturbance(i, j) + own.disturbance(j, i)) * along[j];
        }
        double by_value = 0.0;
        for (const Path& one : paths_) {
            const double slope = own.path(one.state, one.from);
            by_value += at.blocks.further[one.coefficient] * slope;
            by.blocks.further[one.coefficient] += value[k] * slope;
        }
        by_deviation += by_value * nodes_.at[k];
        for (Index i = 0; i < n; ++i) {
            by_row[i] += by_value * at.blocks.mean[i];
            by.blocks.mean[i] += by_value * row[i];
        }
    }
    // Back through h = Ω tᵀ / s and s² = t Ω tᵀ; what is left of by_along is by Ω tᵀ.
    by_deviation -= dot(by_along, spread, n) / variance;
    const double by_variance = 0.5 * by_deviation / deviation;
    for (Index i = 0; i < n; ++i) {
        by_along[i] = by_along[i] / deviation + by_variance * row[i];
        by_row[i] += by_variance * spread[i];
    }
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < n; ++j) {
            by.blocks.disturbance(i, j) += by_along[i] * row[j];
            by_row[j] += at.blocks.disturbance(i, j) * by_along[i];
        }
    }
    for (Index j = 0; j < n; ++j) {
        const double pull = dot(at.total.row(j), by_row, n);
        for (Index i = 0; i < n; ++i)
            by.blocks.path(i, j) += row[i] * pull;
    }
    return total;
}

} // namespace pycore::estimation
