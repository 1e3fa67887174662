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

void require_indices(const std::vector<Index>& indices, Index below, const char* what) {
    for (const Index one : indices)
        require(one < below, what);
}

} // namespace

Posterior::Posterior(Design design)
    : design_(std::move(design)), parameters_(design_.scalars.size()) {
    for (const CorrelationPrior& prior : design_.correlations)
        parameters_ += prior.size(); // as many partial correlations as entries below the diagonal
    size_ = parameters_;
    for (const Group& group : design_.groups) {
        require(group.inputs.size() == group.structure.inputs(), "one value per input");
        require_indices(group.inputs, parameters_, "values that exist");
    }
    for (const Unit& unit : design_.units) {
        const Index p = unit.items.size();
        require(unit.group < design_.groups.size(), "units of groups that exist");
        require_indices(unit.items, design_.groups[unit.group].structure.items(),
                        "answered items that exist");
        require(unit.mean.size() == p && unit.scatter.size() == p * p,
                "means and scatter of the answered items");
        constant_ -= 0.5 * LOG_2PI * unit.freedom * static_cast<double>(p);
    }
    const Moments& moments = design_.moments;
    const Index count = moments.group.size();
    require(moments.row.size() == count && moments.column.size() == count &&
                moments.value.size() == count && moments.weight.size() == count * count,
            "one row, column and value per moment, and their weights");
    for (Index k = 0; k < count; ++k) {
        require(moments.group[k] < design_.groups.size(), "moments of groups that exist");
        const Index items = design_.groups[moments.group[k]].structure.items();
        require(moments.row[k] < items && moments.column[k] < items, "moments of items that exist");
    }
    const Index ways = (design_.units.empty() ? 0 : 1) + (design_.respondents.empty() ? 0 : 1) +
                       (design_.mixtures.empty() ? 0 : 1) + (design_.grids.empty() ? 0 : 1);
    require(ways < 2, "one likelihood");
    const auto every = [this](Index size) { return size == 0 || size == design_.groups.size(); };
    require(every(design_.respondents.size()) && every(design_.mixtures.size()) &&
                every(design_.grids.size()),
            "respondents of every group");
    for (Index g = 0; g < design_.respondents.size(); ++g) {
        require(fits(design_.respondents[g], design_.groups[g].structure),
                "respondents whose answers and products exist");
        size_ += design_.respondents[g].latents();
    }
    for (Index g = 0; g < design_.mixtures.size(); ++g)
        require(design_.mixtures[g].fits(design_.groups[g].structure), "products that exist");
    for (Index g = 0; g < design_.grids.size(); ++g) {
        require(design_.grids[g].fits(design_.groups[g].structure),
                "answers and products that exist");
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
    Index room = scalars + 2 * parameters_;
    for (const CorrelationPrior& prior : design_.correlations)
        room += 4 * prior.rows() * prior.rows();
    for (const Group& group : design_.groups)
        room += group.structure.memory() + 2 * group.inputs.size();
    Memory memory(room);
    double* const values = memory.vector(parameters_);
    double* const by_values = memory.vector(parameters_);
    double* const slope = memory.vector(scalars);
    double total = constant_ + design_.scalars.evaluate(z, values, slope, gradient);

    std::vector<Matrix> factors;
    Index at = scalars;
    for (const CorrelationPrior& prior : design_.correlations) {
        const Index rows = prior.rows();
        factors.push_back(memory.matrix(rows, rows));
        const Matrix matrix = memory.matrix(rows, rows);
        total += prior.evaluate(z + at, factors.back(), matrix, gradient + at);
        for (Index i = 1; i < rows; ++i) {
            for (Index j = 0; j < i; ++j)
                values[at++] = matrix(i, j);
        }
    }

    std::vector<Structure::Point> points;
    std::vector<Structure::Gradient> gradients;
    for (const Group& group : design_.groups) {
        double* const inputs = memory.vector(group.inputs.size());
        for (Index k = 0; k < group.inputs.size(); ++k)
            inputs[k] = values[group.inputs[k]];
        points.push_back(group.structure.point(memory));
        points.back().dense = !design_.moments.value.empty();
        gradients.push_back(group.structure.gradient(memory));
        if (!group.structure.forward(inputs, points.back())) return NOTHING;
    }
    for (const Unit& unit : design_.units) {
        total += log_likelihood(unit, design_.groups[unit.group].structure, points[unit.group],
                                design_.means, gradients[unit.group]);
        if (!std::isfinite(total)) return NOTHING;
    }
    total += log_likelihood(design_.moments, points, gradients);
    Index drawn = parameters_;
    for (Index g = 0; g < design_.respondents.size(); ++g) {
        const Respondents& respondents = design_.respondents[g];
        total += log_likelihood(respondents, points[g], z + drawn, gradients[g], gradient + drawn);
        if (!std::isfinite(total)) return NOTHING;
        drawn += respondents.latents();
    }
    for (Index g = 0; g < design_.mixtures.size(); ++g) {
        total += design_.mixtures[g].log_likelihood(points[g], gradients[g]);
        if (!std::isfinite(total)) return NOTHING;
    }
    for (Index g = 0; g < design_.grids.size(); ++g) {
        total += design_.grids[g].log_likelihood(points[g], gradients[g]);
        if (!std::isfinite(total)) return NOTHING;
    }
    const bool by_blocks =
        !(design_.respondents.empty() && design_.mixtures.empty() && design_.grids.empty());
    for (Index g = 0; g < design_.groups.size(); ++g) {
        const Group& group = design_.groups[g];
        double* const by_inputs = memory.vector(group.inputs.size());
        if (by_blocks)
            group.structure.pull_back(points[g], gradients[g], by_inputs);
        else
            group.structure.backward(points[g], gradients[g], by_inputs);
        for (Index k = 0; k < group.inputs.size(); ++k)
            by_values[group.inputs[k]] += by_inputs[k];
    }

    for (Index k = 0; k < scalars; ++k)
        gradient[k] += by_values[k] * slope[k];
    at = scalars;
    for (Index c = 0; c < design_.correlations.size(); ++c) {
        const CorrelationPrior& prior = design_.correlations[c];
        const Index rows = prior.rows();
        const Matrix by_matrix = memory.matrix(rows, rows);
        const Matrix scratch = memory.matrix(rows, rows);
        const Index own = at;
        for (Index i = 1; i < rows; ++i) {
            for (Index j = 0; j < i; ++j, ++at)
                by_matrix(i, j) = by_matrix(j, i) = 0.5 * by_values[at];
        }
        prior.pull_back(z + own, factors[c], by_matrix, scratch, gradient + own);
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
