// What was seen of one item or outcome, and its likelihood given the predictors.
#pragma once

#include "pycore/estimation/matrix.hpp"

#include <cstdint>
#include <vector>

namespace pycore::estimation {

enum class Kind : std::int32_t {
    CONTINUOUS,        // μ + error
    ORDERED,           // μ + error, cut at thresholds
    BERNOULLI,         // μ is the log-odds
    POISSON,           // μ is the logarithm of the mean
    NEGATIVE_BINOMIAL, // likewise; variance = mean + mean²/size
    COUNT,
};

// A number per respondent, NaN where nothing was seen.
struct Column {
    Kind kind;
    Index cuts;       // of ORDERED: where its thresholds stand among what is further
    Index categories; // of ORDERED, whose values are categories from 0
    std::vector<double> values;
};

// Values with their predictors, the column's parameter, and the gradients by them.
struct Seen {
    const double* values;
    const double* predictor;
    double* by_predictor;
    Index count;
    double scale;                    // error variance or size
    double by_scale = 0.0;           // its gradient
    const double* weights = nullptr; // of each value; one where there are none
    double* log_density = nullptr;   // where wanted, of each value alone

    // Weight of a value whose log density is known now.
    double note(Index n, double density, double& total) const {
        const double weight = weights == nullptr ? 1.0 : weights[n];
        if (log_density != nullptr) log_density[n] = density;
        total += weight * density;
        return weight;
    }
};

// Weighted log densities, without their constants; −∞ where the scale is not positive.
double log_likelihood(const Column& column, Seen& seen, const double* further, double* by_further);

} // namespace pycore::estimation
