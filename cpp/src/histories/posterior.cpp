#include "pycore/histories/posterior.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

namespace pycore::histories {

namespace {

double factor_of(const double* x, std::int64_t number) {
    return number < 0 ? 1.0 : x[number];
}

} // namespace

Posterior::Posterior(estimation::ScalarPriors scalars, std::vector<Product> products,
                     std::shared_ptr<const Likelihood> likelihood)
    : scalars_(std::move(scalars)), products_(std::move(products)),
      likelihood_(std::move(likelihood)) {
    const auto most = static_cast<std::int64_t>(scalars_.size());
    for (const Product& product : products_) {
        if (product.of >= likelihood_->size() || std::max(product.first, product.second) >= most ||
            std::min(product.first, product.second) < -1) {
            throw std::invalid_argument("products: allowed are numbers of scalars and parameters");
        }
    }
}

void Posterior::precondition(std::vector<double> centre, std::vector<double> factor) {
    if (centre.size() != size() || factor.size() != size() * size()) {
        throw std::invalid_argument("factor: allowed is one row and column per scalar");
    }
    centre_ = std::move(centre);
    factor_ = std::move(factor);
}

void Posterior::place(const double* zeta, double* z) const {
    if (centre_.empty()) {
        std::copy_n(zeta, size(), z);
        return;
    }
    for (Index i = 0; i < size(); ++i) {
        z[i] = centre_[i];
        for (Index j = 0; j <= i; ++j)
            z[i] += factor_[i * size() + j] * zeta[j];
    }
}

double Posterior::evaluate(const double* zeta, double* gradient) const {
    if (centre_.empty()) return density(zeta, gradient, true);
    std::vector<double> z(size()), by_z(size());
    place(zeta, z.data());
    const double total = density(z.data(), by_z.data(), true);
    std::fill_n(gradient, size(), 0.0);
    for (Index i = 0; i < size(); ++i) {
        for (Index j = 0; j <= i; ++j)
            gradient[j] += factor_[i * size() + j] * by_z[i];
    }
    return total;
}

double Posterior::log_likelihood(const double* z, double* gradient) const {
    return density(z, gradient, false);
}

void Posterior::expand(const double* z, double* scalars, double* theta) const {
    std::vector<double> unused(2 * size(), 0.0);
    scalars_.evaluate(z, scalars, unused.data(), unused.data() + size());
    std::fill_n(theta, likelihood_->size(), 0.0);
    for (const Product& p : products_)
        theta[p.of] += p.scale * factor_of(scalars, p.first) * factor_of(scalars, p.second);
}

double Posterior::density(const double* z, double* gradient, bool priors) const {
    const Index scalars = size();
    const Index parameters = likelihood_->size();
    estimation::Memory memory(3 * scalars + 2 * parameters);
    double* const x = memory.vector(scalars);
    double* const slope = memory.vector(scalars);
    double* const by_x = memory.vector(scalars);
    double* const theta = memory.vector(parameters);
    double* const by_theta = memory.vector(parameters);
    std::fill_n(gradient, scalars, 0.0);
    const double prior = scalars_.evaluate(z, x, slope, gradient);
    if (!priors) std::fill_n(gradient, scalars, 0.0);
    for (const Product& p : products_)
        theta[p.of] += p.scale * factor_of(x, p.first) * factor_of(x, p.second);
    const double total = (priors ? prior : 0.0) + likelihood_->evaluate(theta, by_theta);
    for (const Product& p : products_) {
        const double by = p.scale * by_theta[p.of];
        if (p.first >= 0) by_x[p.first] += by * factor_of(x, p.second);
        if (p.second >= 0) by_x[p.second] += by * factor_of(x, p.first);
    }
    bool finite = std::isfinite(total);
    for (Index k = 0; k < scalars; ++k) {
        gradient[k] += by_x[k] * slope[k];
        finite = finite && std::isfinite(gradient[k]);
    }
    if (finite) return total;
    std::fill_n(gradient, scalars, 0.0);
    return -std::numeric_limits<double>::infinity();
}

} // namespace pycore::histories
