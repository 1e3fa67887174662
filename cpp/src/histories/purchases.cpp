#include "pycore/histories/purchases.hpp"

#include "kernels.hpp"
#include "pycore/histories/lanes.hpp"

#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>

namespace pycore::histories {

namespace {

// Where nobody can have left, since leaving follows a purchase.
constexpr double NO_ODDS = -1e4;

double lanes(const double* sums, Index number) {
    double total = 0.0;
    for (Index lane = 0; lane < ROW; ++lane)
        total += sums[number * ROW + lane];
    return total;
}

} // namespace

void RisingFactorials::add(std::int64_t count, double weight) {
    const auto size = static_cast<Index>(count);
    if (beyond_.size() < size) beyond_.resize(size, 0.0);
    for (Index j = 0; j < size; ++j)
        beyond_[j] += weight;
}

double RisingFactorials::evaluate(double u, double& derivative) const {
    double total = 0.0;
    for (Index j = 0; j < beyond_.size(); ++j) {
        const double factor = u + static_cast<double>(j);
        total += beyond_[j] * std::log(factor);
        derivative += beyond_[j] / factor;
    }
    return total;
}

Customers::Customers(const std::vector<std::int64_t>& count, const std::vector<double>& recent,
                     const std::vector<double>& old, const std::vector<double>& weights)
    : rows(count.size()) {
    if (recent.size() != rows || old.size() != rows || weights.size() != rows) {
        throw std::invalid_argument("recency: allowed is one number per row");
    }
    for (Index k = 0; k < rows; ++k) {
        const bool fits = count[k] >= 0 && count[k] <= 1'000'000 && recent[k] >= 0.0 &&
                          recent[k] <= old[k] && std::isfinite(old[k]) && weights[k] >= 0.0;
        if (!fits || (k > 0 && count[k] < count[k - 1])) {
            throw std::invalid_argument("rows: allowed are 0 ≤ tₓ ≤ T, sorted by x");
        }
        if (groups.empty() || static_cast<double>(count[k]) != groups.back().count) {
            groups.push_back({static_cast<double>(count[k]), 0.0, recency.size(), 0, 0});
        }
        PurchaseGroup& group = groups.back();
        recency.push_back(recent[k]);
        age.push_back(old[k]);
        weight.push_back(weights[k]);
        group.weight += weights[k];
        ++group.real;
        const bool last = k + 1 == rows || count[k + 1] != count[k];
        while (last && recency.size() % ROW != 0) {
            recency.push_back(0.0);
            age.push_back(1.0);
            weight.push_back(0.0);
        }
        group.size = recency.size() - group.first;
    }
    for (const PurchaseGroup& group : groups)
        rising.add(static_cast<std::int64_t>(group.count), group.weight);
}

PurchaseModel::PurchaseModel(Customers customers, const char* isa)
    : customers_(std::move(customers)), isa_(kernels(isa).isa) {}

void PurchaseModel::pointwise(const double* theta, double* out) const {
    std::vector<double> unused(customers_.rows);
    by_row(theta, out, unused.data());
}

void PurchaseModel::alive(const double* theta, double* out) const {
    std::vector<double> unused(customers_.rows);
    by_row(theta, unused.data(), out);
}

BgNbd::BgNbd(Customers customers, const char* isa) : PurchaseModel(std::move(customers), isa) {
    std::map<double, std::pair<double, double>> by_age;
    for (const PurchaseGroup& group : customers_.groups) {
        for (Index k = group.first; k < group.first + group.real; ++k) {
            auto& [people, purchases] = by_age[customers_.age[k]];
            people += customers_.weight[k];
            purchases += customers_.weight[k] * group.count;
        }
    }
    for (const auto& [age, found] : by_age) {
        ages_.push_back(age);
        customers_of_age_.push_back(found.first);
        purchases_of_age_.push_back(found.second);
    }
}

double BgNbd::evaluate(const double* theta, double* gradient) const {
    const double r = theta[0], alpha = theta[1], a = theta[2], b = theta[3];
    const Kernels& kernel = kernels(isa_);
    double by_r = 0.0, by_alpha = 0.0, by_a = 0.0, by_b = 0.0, by_both = 0.0, customers = 0.0;
    double total = customers_.rising.evaluate(r, by_r) + customers_.rising.evaluate(b, by_b) -
                   customers_.rising.evaluate(a + b, by_both);
    for (const PurchaseGroup& group : customers_.groups) {
        customers += group.weight;
        if (group.count == 0.0) continue; // nobody of these can have left
        double sums[4 * ROW];
        const double shape = r + group.count;
        const double other = b + group.count - 1.0;
        kernel.bg_nbd({group.size, customers_.recency.data() + group.first,
                       customers_.age.data() + group.first, customers_.weight.data() + group.first,
                       nullptr, nullptr},
                      shape, alpha, std::log(a / other), sums);
        const double left = lanes(sums, 1);
        total += lanes(sums, 0);
        by_r += lanes(sums, 2);
        by_alpha += shape * lanes(sums, 3);
        by_a += left / a;
        by_b -= left / other;
    }
    for (Index k = 0; k < ages_.size(); ++k) {
        const double log_age = std::log(alpha + ages_[k]);
        const double exponent = customers_of_age_[k] * r + purchases_of_age_[k];
        total -= exponent * log_age;
        by_r -= customers_of_age_[k] * log_age;
        by_alpha -= exponent / (alpha + ages_[k]);
    }
    total += customers * r * std::log(alpha);
    gradient[0] = by_r + customers * std::log(alpha);
    gradient[1] = by_alpha + customers * r / alpha;
    gradient[2] = by_a - by_both;
    gradient[3] = by_b - by_both;
    return total;
}

void BgNbd::by_row(const double* theta, double* log_likelihood, double* alive) const {
    const double r = theta[0], alpha = theta[1], a = theta[2], b = theta[3];
    std::vector<double> found(customers_.recency.size()), living(customers_.recency.size());
    for (const PurchaseGroup& group : customers_.groups) {
        double sums[4 * ROW];
        const double x = group.count;
        const double odds = x > 0.0 ? std::log(a / (b + x - 1.0)) : NO_ODDS;
        kernels(isa_).bg_nbd({group.size, customers_.recency.data() + group.first,
                              customers_.age.data() + group.first,
                              customers_.weight.data() + group.first, found.data() + group.first,
                              living.data() + group.first},
                             r + x, alpha, odds, sums);
        RisingFactorials one;
        one.add(static_cast<std::int64_t>(x), 1.0);
        double unused = 0.0;
        const double shared = one.evaluate(r, unused) + one.evaluate(b, unused) -
                              one.evaluate(a + b, unused) + r * std::log(alpha);
        for (Index k = group.first; k < group.first + group.real; ++k) {
            *log_likelihood++ = shared + found[k] - (r + x) * std::log(alpha + customers_.age[k]);
            *alive++ = living[k];
        }
    }
}

double ParetoNbd::evaluate(const double* theta, double* gradient) const {
    const double r = theta[0], alpha = theta[1], s = theta[2], beta = theta[3];
    double customers = 0.0;
    std::fill_n(gradient, 4, 0.0);
    double total = customers_.rising.evaluate(r, gradient[0]);
    for (const PurchaseGroup& group : customers_.groups) {
        double sums[5 * ROW];
        kernels(isa_).pareto_nbd({group.size, customers_.recency.data() + group.first,
                                  customers_.age.data() + group.first,
                                  customers_.weight.data() + group.first, nullptr, nullptr},
                                 r + group.count, alpha, s, beta, sums);
        customers += group.weight;
        total += lanes(sums, 0);
        for (Index k = 0; k < 4; ++k)
            gradient[k] += lanes(sums, k + 1);
    }
    gradient[0] += customers * std::log(alpha);
    gradient[1] += customers * r / alpha;
    gradient[2] += customers * std::log(beta);
    gradient[3] += customers * s / beta;
    return total + customers * (r * std::log(alpha) + s * std::log(beta));
}

void ParetoNbd::by_row(const double* theta, double* log_likelihood, double* alive) const {
    const double r = theta[0], alpha = theta[1], s = theta[2], beta = theta[3];
    std::vector<double> found(customers_.recency.size()), living(customers_.recency.size());
    for (const PurchaseGroup& group : customers_.groups) {
        double sums[5 * ROW];
        kernels(isa_).pareto_nbd({group.size, customers_.recency.data() + group.first,
                                  customers_.age.data() + group.first,
                                  customers_.weight.data() + group.first,
                                  found.data() + group.first, living.data() + group.first},
                                 r + group.count, alpha, s, beta, sums);
        RisingFactorials one;
        one.add(static_cast<std::int64_t>(group.count), 1.0);
        double unused = 0.0;
        const double shared = one.evaluate(r, unused) + r * std::log(alpha) + s * std::log(beta);
        for (Index k = group.first; k < group.first + group.real; ++k) {
            *log_likelihood++ = shared + found[k];
            *alive++ = living[k];
        }
    }
}

Retention::Retention(std::vector<double> stayed, std::vector<double> left)
    : stayed_(std::move(stayed)), left_(std::move(left)) {
    if (stayed_.size() != left_.size()) {
        throw std::invalid_argument("left: allowed is one number per renewal");
    }
}

double Retention::evaluate(const double* theta, double* gradient) const {
    const double alpha = theta[0], beta = theta[1];
    double total = 0.0;
    gradient[0] = gradient[1] = 0.0;
    for (Index j = 0; j < stayed_.size(); ++j) {
        const double kept = beta + static_cast<double>(j);
        const double all = stayed_[j] + left_[j];
        total +=
            stayed_[j] * std::log(kept) + left_[j] * std::log(alpha) - all * std::log(alpha + kept);
        gradient[0] += left_[j] / alpha - all / (alpha + kept);
        gradient[1] += stayed_[j] / kept - all / (alpha + kept);
    }
    return total;
}

void Retention::pointwise(const double* theta, double* out) const {
    for (Index j = 0; j < stayed_.size(); ++j) {
        const double kept = theta[1] + static_cast<double>(j);
        const double all = theta[0] + kept;
        out[j] = stayed_[j] * std::log(kept / all) + left_[j] * std::log(theta[0] / all);
    }
}

} // namespace pycore::histories
