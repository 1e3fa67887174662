#include "pycore/estimation/posterior.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace pycore::estimation {

namespace {

constexpr double NOTHING = -std::numeric_limits<double>::infinity();
constexpr double LOG_2PI = 1.8378770664093454836;

void require(bool fits, const char* what) {
    if (!fits) throw std::invalid_argument(std::string("design: allowed is ") + what);
}

void require_free(const std::vector<Free>& free, Index count, Index scalars) {
    require(free.size() == count, "one scalar per free quantity");
    for (const Free& one : free)
        require(one.scalar < scalars, "scalars that exist");
}

void require_indices(const std::vector<Index>& indices, Index below, const char* what) {
    for (const Index one : indices)
        require(one < below, what);
}

} // namespace

Posterior::Posterior(Design design) : design_(std::move(design)), size_(design_.scalars.size()) {
    const Index scalars = design_.scalars.size();
    const Index items = design_.measures.size();
    for (const CorrelationPrior& prior : design_.correlations)
        size_ += prior.size();
    require(design_.loading.size() == items && design_.error.size() == items,
            "one loading and one error per item");
    require_indices(design_.free_loadings, items, "free loadings of items");
    require_indices(design_.free_errors, items, "free errors of items");
    for (const Group& group : design_.groups) {
        require_indices(design_.measures, group.latents.size(), "items of latent variables");
        require(group.parameters.size() == group.latents.parameters(), "one scalar per parameter");
        require_indices(group.parameters, scalars, "scalars that exist");
        require_indices(group.correlations, design_.correlations.size(), "matrices that exist");
        require_free(group.loadings, design_.free_loadings.size(), scalars);
        require_free(group.errors, design_.free_errors.size(), scalars);
        require_free(group.traits, group.latents.free_traits(), scalars);
        for (const auto* blocks : {&group.latents.inner(), &group.latents.outer()}) {
            for (const Correlated& block : *blocks) {
                require(block.which < group.correlations.size() &&
                            design_.correlations[group.correlations[block.which]].rows() ==
                                block.rows.size(),
                        "blocks of the size of their matrix");
            }
        }
    }
    for (const Unit& unit : design_.units) {
        const Index p = unit.items.size();
        require(unit.group < design_.groups.size(), "units of groups that exist");
        require_indices(unit.items, items, "answered items that exist");
        require(unit.mean.size() == p && unit.scatter.size() == p * p,
                "means and scatter of the answered items");
        constant_ -= 0.5 * LOG_2PI * unit.freedom * static_cast<double>(p);
    }
    if (!design_.intercepts.empty()) {
        const Index count = design_.groups.size() * items;
        require(design_.intercepts.size() == count && design_.centre.size() == count &&
                    design_.scale.size() == items,
                "an intercept per group and item");
        require_indices(design_.intercepts, scalars, "scalars that exist");
    }
}

double Posterior::evaluate(const double* z, double* gradient) const {
    std::fill_n(gradient, size_, 0.0);
    const double total = log_density(z, gradient);
    bool finite = std::isfinite(total);
    for (Index i = 0; finite && i < size_; ++i)
        finite = std::isfinite(gradient[i]);
    if (finite) return total;
    std::fill_n(gradient, size_, 0.0);
    return NOTHING;
}

double Posterior::log_density(const double* z, double* gradient) const {
    const Index scalars = design_.scalars.size();
    const Index items = design_.measures.size();
    Index room = 3 * scalars + 5 * items;
    for (const CorrelationPrior& prior : design_.correlations) {
        room += 4 * prior.rows() * prior.rows();
    }
    for (const Group& group : design_.groups) {
        const Index n = group.latents.size();
        room += group.latents.memory() + n * n + 2 * group.latents.free_traits() +
                2 * group.parameters.size() + 4 * items;
    }
    Memory memory(room);
    double* const x = memory.vector(scalars);
    double* const slope = memory.vector(scalars);
    double* const by_x = memory.vector(scalars);
    double total = constant_ + design_.scalars.evaluate(z, x, slope, gradient);

    std::vector<Matrix> factors, matrices, by_matrices;
    const double* own = z + scalars;
    for (const CorrelationPrior& prior : design_.correlations) {
        const Index rows = prior.rows();
        factors.push_back(memory.matrix(rows, rows));
        matrices.push_back(memory.matrix(rows, rows));
        by_matrices.push_back(memory.matrix(rows, rows));
        total += prior.evaluate(own, factors.back(), matrices.back(), gradient + (own - z));
        own += prior.size();
    }
    const auto named = [](const Group& group, const std::vector<Matrix>& all) {
        std::vector<Matrix> found;
        for (const Index which : group.correlations)
            found.push_back(all[which]);
        return found;
    };

    struct Part {
        Latents::Point point;
        Measurement at;
        ByMeasurement by;
        double* error;
    };
    std::vector<Part> parts;
    for (const Group& group : design_.groups) {
        double* const parameters = memory.vector(group.parameters.size());
        for (Index k = 0; k < group.parameters.size(); ++k)
            parameters[k] = x[group.parameters[k]];
        double* const traits = memory.vector(group.traits.size());
        for (Index k = 0; k < group.traits.size(); ++k) {
            traits[k] = group.traits[k].unit * x[group.traits[k].scalar];
        }
        const Latents::Point point = group.latents.point(memory);
        if (!group.latents.forward(parameters, traits, named(group, matrices), point)) {
            return NOTHING;
        }
        double* const loading = memory.vector(items);
        double* const error = memory.vector(items);
        std::copy(design_.loading.begin(), design_.loading.end(), loading);
        std::copy(design_.error.begin(), design_.error.end(), error);
        for (Index k = 0; k < group.loadings.size(); ++k) {
            loading[design_.free_loadings[k]] =
                group.loadings[k].unit * x[group.loadings[k].scalar];
        }
        for (Index k = 0; k < group.errors.size(); ++k) {
            error[design_.free_errors[k]] = group.errors[k].unit * x[group.errors[k].scalar];
        }
        const Index n = group.latents.size();
        parts.push_back({point,
                         {&design_.measures, loading, error, point.covariance},
                         {memory.vector(items), memory.vector(items), memory.matrix(n, n)},
                         error});
    }

    double* const away = memory.vector(items);
    double* const pull = memory.vector(items);
    const bool sampled = !design_.intercepts.empty();
    for (const Unit& unit : design_.units) {
        const Part& part = parts[unit.group];
        const Index* const intercept =
            sampled ? design_.intercepts.data() + unit.group * items : nullptr;
        const double* const centre = sampled ? design_.centre.data() + unit.group * items : nullptr;
        for (Index i = 0; sampled && i < unit.items.size(); ++i) {
            const Index item = unit.items[i];
            away[i] = unit.mean[i] - centre[item] - design_.scale[item] * x[intercept[item]];
        }
        total += log_likelihood(unit, part.at, sampled ? away : nullptr, part.by,
                                sampled ? pull : nullptr);
        if (!std::isfinite(total)) return NOTHING;
        for (Index i = 0; sampled && i < unit.items.size(); ++i) {
            const Index item = unit.items[i];
            by_x[intercept[item]] += design_.scale[item] * pull[i];
        }
    }

    for (Index g = 0; g < design_.groups.size(); ++g) {
        const Group& group = design_.groups[g];
        const Part& part = parts[g];
        double* const by_parameters = memory.vector(group.parameters.size());
        double* const by_traits = memory.vector(group.traits.size());
        group.latents.backward(part.point, part.by.covariance, by_parameters, by_traits,
                               named(group, by_matrices));
        for (Index k = 0; k < group.parameters.size(); ++k) {
            by_x[group.parameters[k]] += by_parameters[k];
        }
        const auto add = [by_x](const std::vector<Free>& free, Index k, double by) {
            by_x[free[k].scalar] += free[k].unit * by;
        };
        for (Index k = 0; k < group.traits.size(); ++k)
            add(group.traits, k, by_traits[k]);
        for (Index k = 0; k < group.loadings.size(); ++k) {
            add(group.loadings, k, part.by.loading[design_.free_loadings[k]]);
        }
        for (Index k = 0; k < group.errors.size(); ++k) {
            add(group.errors, k, part.by.error[design_.free_errors[k]]);
        }
    }
    for (Index k = 0; k < scalars; ++k)
        gradient[k] += by_x[k] * slope[k];
    own = z + scalars;
    for (Index c = 0; c < design_.correlations.size(); ++c) {
        const CorrelationPrior& prior = design_.correlations[c];
        const Matrix scratch = memory.matrix(prior.rows(), prior.rows());
        prior.pull_back(own, factors[c], by_matrices[c], scratch, gradient + (own - z));
        own += prior.size();
    }
    return total;
}

void Posterior::expand(const double* z, double* scalars, double* factors) const {
    std::vector<double> unused(2 * design_.scalars.size(), 0.0);
    design_.scalars.evaluate(z, scalars, unused.data(), unused.data() + design_.scalars.size());
    z += design_.scalars.size();
    for (const CorrelationPrior& prior : design_.correlations) {
        prior.factor(z, {factors, prior.rows(), prior.rows()});
        z += prior.size();
        factors += prior.rows() * prior.rows();
    }
}

} // namespace pycore::estimation
