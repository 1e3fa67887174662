#include "pycore/estimation/respondents.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pycore::estimation {

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
    Latents latents(respondents.drawn, respondents.products, at, count);
    if (!latents.forward(z)) return -std::numeric_limits<double>::infinity();
    Memory memory(2 * count);
    double* const predictor = memory.vector(count);
    double* const by_predictor = memory.vector(count);
    double total = 0.0;
    for (Index i = 0; i < respondents.columns.size(); ++i) {
        const Column& column = respondents.columns[i];
        latents.predict(i, predictor);
        std::fill_n(by_predictor, count, 0.0);
        Seen seen{column.values.data(), predictor, by_predictor, count, at.blocks.error(i, i)};
        total += log_likelihood(column, seen, at.blocks.further, by.blocks.further);
        by.blocks.error(i, i) += seen.by_scale;
        latents.pull(i, by_predictor, by);
    }
    latents.backward(z, by, by_z);
    for (Index n = 0; n < respondents.latents(); ++n) {
        total -= 0.5 * z[n] * z[n];
        by_z[n] -= z[n];
    }
    return total;
}

} // namespace pycore::estimation
