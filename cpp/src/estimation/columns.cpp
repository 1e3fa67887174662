#include "pycore/estimation/columns.hpp"

#include <cmath>
#include <limits>

namespace pycore::estimation {

namespace {

constexpr double NOTHING = -std::numeric_limits<double>::infinity();
constexpr double ROOT_HALF = 0.70710678118654752440;
constexpr double INVERSE_ROOT_2PI = 0.39894228040143267794;
constexpr double HALF_LOG_2PI = 0.91893853320467274178;
constexpr double LEAST = 1e-280; // below it a probability is taken from the tail's expansion

double continuous(Seen& seen) {
    const double precision = 1.0 / seen.scale;
    const double logarithm = std::log(seen.scale);
    double total = 0.0;
    for (Index n = 0; n < seen.count; ++n) {
        if (std::isnan(seen.values[n])) continue;
        const double away = seen.values[n] - seen.predictor[n];
        const double square = away * away * precision;
        const double weight = seen.note(n, -0.5 * (square + logarithm), total);
        seen.by_predictor[n] = weight * away * precision;
        seen.by_scale += weight * 0.5 * (square - 1.0) * precision;
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
        double density = 0.0;
        double slope_low = 0.0; // of log share by each bound
        double slope_high = 0.0;
        if (share > LEAST) {
            density = std::log(share);
            slope_low = -low.density / share;
            slope_high = high.density / share;
        } else if (low.x > 0.0) {
            density = -0.5 * low.x * low.x - std::log(low.x) - HALF_LOG_2PI;
            slope_low = -low.x - 1.0 / low.x;
        } else if (high.x < 0.0) {
            density = -0.5 * high.x * high.x - std::log(-high.x) - HALF_LOG_2PI;
            slope_high = -high.x - 1.0 / high.x;
        } else {
            return NOTHING; // thresholds that are the same
        }
        const double weight = seen.note(n, density, total);
        slope_low *= weight * inverse;
        slope_high *= weight * inverse;
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
        const double density =
            seen.values[n] * odds - std::fmax(odds, 0.0) - std::log1p(std::exp(-std::fabs(odds)));
        seen.by_predictor[n] =
            seen.note(n, density, total) * (seen.values[n] - 0.5 * (1.0 + std::tanh(0.5 * odds)));
    }
    return total;
}

double poisson(Seen& seen) {
    double total = 0.0;
    for (Index n = 0; n < seen.count; ++n) {
        if (std::isnan(seen.values[n])) continue;
        const double mean = std::exp(std::fmin(seen.predictor[n], 700.0));
        const double weight = seen.note(n, seen.values[n] * seen.predictor[n] - mean, total);
        seen.by_predictor[n] = weight * (seen.values[n] - mean);
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
        double density =
            size * std::log(size / both) + count * (seen.predictor[n] - std::log(both));
        double slope = std::log(size / both) + 1.0 - (size + count) / both;
        // log Γ(count + size) − log Γ(size), by what the gamma function is for whole numbers
        for (double k = 0.0; k < count; k += 1.0) {
            density += std::log(size + k);
            slope += 1.0 / (size + k);
        }
        const double weight = seen.note(n, density, total);
        seen.by_predictor[n] = weight * (count - (count + size) * mean / both);
        seen.by_scale += weight * slope;
    }
    return total;
}

} // namespace

double log_likelihood(const Column& column, Seen& seen, const double* further, double* by_further) {
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

} // namespace pycore::estimation
