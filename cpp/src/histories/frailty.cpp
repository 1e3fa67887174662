#include "pycore/histories/frailty.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace pycore::histories {

namespace {

// log(1 + θ a)/θ, its derivatives by a and θ; a² (½ − ⅔ θ a + ¾ θ² a² …) where θ a is small.
struct Integrated {
    double value, by_a, by_theta;
};

Integrated integrated(double theta, double a) {
    const double z = theta * a;
    const double by_a = 1.0 / (1.0 + z);
    if (z < 1e-3) {
        return {a * (1.0 - z * (0.5 - z * (1.0 / 3 - z / 4))), by_a,
                -a * a * (0.5 - z * (2.0 / 3 - z * (0.75 - 0.8 * z)))};
    }
    const double value = std::log1p(z) / theta;
    return {value, by_a, (a * by_a - value) / theta};
}

} // namespace

Frailty::Frailty(Spells spells, bool frail) : spells_(std::move(spells)), frail_(frail) {
    const Index rows = spells_.group.size();
    const Index cells = rows * spells_.intervals;
    if (spells_.exposed.size() != cells || spells_.before.size() != cells ||
        spells_.ended.size() != cells ||
        spells_.covariates.size() != rows * spells_.covariate_count) {
        throw std::invalid_argument("spells: allowed is one number per row and interval");
    }
    events_.assign(spells_.groups, 0.0);
    for (Index row = 0; row < rows; ++row) {
        if (spells_.group[row] >= spells_.groups) {
            throw std::invalid_argument("group: allowed are numbers of groups");
        }
        for (Index k = 0; k < spells_.intervals; ++k)
            events_[spells_.group[row]] += spells_.ended[row * spells_.intervals + k];
    }
}

double Frailty::evaluate(const double* theta, double* gradient) const {
    return all(theta, gradient, nullptr);
}

void Frailty::pointwise(const double* theta, double* out) const {
    std::vector<double> unused(size());
    all(theta, unused.data(), out);
}

double Frailty::all(const double* theta, double* gradient, double* by_group) const {
    const Index intervals = spells_.intervals;
    const Index covariates = spells_.covariate_count;
    const Index rows = spells_.group.size();
    const double* const slope = theta + intervals;
    const double variance = frail_ ? slope[covariates] : 0.0;
    std::vector<double> hazard(intervals), risk(rows);
    for (Index k = 0; k < intervals; ++k)
        hazard[k] = std::exp(theta[k]);
    std::vector<double> whole(spells_.groups, 0.0), before(spells_.groups, 0.0);
    std::vector<double> found(spells_.groups, 0.0);
    std::fill_n(gradient, size(), 0.0);
    for (Index row = 0; row < rows; ++row) {
        double line = 0.0;
        for (Index c = 0; c < covariates; ++c)
            line += slope[c] * spells_.covariates[row * covariates + c];
        risk[row] = std::exp(line);
        const Index group = spells_.group[row];
        for (Index k = 0; k < intervals; ++k) {
            const Index at = row * intervals + k;
            const double each = hazard[k] * risk[row];
            before[group] += each * spells_.before[at];
            whole[group] += each * (spells_.before[at] + spells_.exposed[at]);
            found[group] += spells_.ended[at] * (theta[k] + line);
        }
    }
    double total = 0.0;
    double by_variance = 0.0;
    for (Index group = 0; group < spells_.groups; ++group) {
        const double events = events_[group];
        const Integrated after = integrated(variance, whole[group]);
        const Integrated until = integrated(variance, before[group]);
        found[group] += until.value - after.value - events * std::log1p(variance * whole[group]);
        const double spread = events * after.by_a;
        by_variance += until.by_theta - after.by_theta - spread * whole[group];
        for (double j = 1.0; frail_ && j < events; ++j) {
            found[group] += std::log1p(variance * j);
            by_variance += j / (1.0 + variance * j);
        }
        total += found[group];
        // From here on: what a unit of accumulated hazard adds.
        whole[group] = -after.by_a - variance * spread;
        before[group] = until.by_a;
    }
    for (Index row = 0; row < rows; ++row) {
        const Index group = spells_.group[row];
        double by_line = 0.0;
        for (Index k = 0; k < intervals; ++k) {
            const Index at = row * intervals + k;
            const double added = hazard[k] * risk[row] *
                                     (before[group] * spells_.before[at] +
                                      whole[group] * (spells_.before[at] + spells_.exposed[at])) +
                                 spells_.ended[at];
            gradient[k] += added;
            by_line += added;
        }
        for (Index c = 0; c < covariates; ++c)
            gradient[intervals + c] += by_line * spells_.covariates[row * covariates + c];
    }
    if (frail_) gradient[intervals + covariates] = by_variance;
    if (by_group != nullptr) std::copy(found.begin(), found.end(), by_group);
    return total;
}

} // namespace pycore::histories
