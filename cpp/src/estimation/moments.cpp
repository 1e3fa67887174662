#include "pycore/estimation/moments.hpp"

namespace pycore::estimation {

double log_likelihood(const Moments& moments, const std::vector<Structure::Point>& at,
                      const std::vector<Structure::Gradient>& by) {
    const Index count = moments.value.size();
    std::vector<double> away(count);
    for (Index k = 0; k < count; ++k) {
        const Matrix& sigma = at[moments.group[k]].sigma;
        away[k] = moments.value[k] - sigma(moments.row[k], moments.column[k]);
    }
    double total = 0.0;
    for (Index k = 0; k < count; ++k) {
        const double* const weight = moments.weight.data() + k * count;
        double pull = 0.0; // W (s − σ)
        for (Index l = 0; l < count; ++l)
            pull += weight[l] * away[l];
        total -= 0.5 * pull * away[k];
        const Matrix& by_sigma = by[moments.group[k]].sigma;
        // The entry stands twice in a symmetric matrix; on the diagonal both are the same.
        by_sigma(moments.row[k], moments.column[k]) += 0.5 * pull;
        by_sigma(moments.column[k], moments.row[k]) += 0.5 * pull;
    }
    return total;
}

} // namespace pycore::estimation
