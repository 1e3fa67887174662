#include "pycore/estimation/grid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

namespace pycore::estimation {

namespace {

constexpr double NOTHING = -std::numeric_limits<double>::infinity();
constexpr double ROOT_HALF = 0.70710678118654752440;
constexpr double INVERSE_ROOT_2PI = 0.39894228040143267794;
constexpr double HALF_LOG_2PI = 0.91893853320467274178;
constexpr Index MOST_CATEGORIES = 1000; // each has a row of the table

void require(bool fits, const char* what) {
    if (!fits) throw std::invalid_argument(std::string("grid: allowed is ") + what);
}

// What log_likelihood() of a column leaves out.
double constant_of(Kind kind, double value) {
    if (kind == Kind::CONTINUOUS) return -HALF_LOG_2PI;
    if (kind != Kind::POISSON && kind != Kind::NEGATIVE_BINOMIAL) return 0.0;
    return -std::lgamma(value + 1.0);
}

} // namespace

Grid::Grid(const Respondents& respondents, Nodes nodes)
    : nodes_(std::move(nodes)), drawn_(respondents.drawn), products_(respondents.products) {
    require(estimation::fits(nodes_) && nodes_.dimensions == drawn_.size(),
            "nodes in as many dimensions as disturbances");
    require(!respondents.columns.empty(), "at least one item or outcome");
    const Index count = respondents.count;
    std::vector<std::vector<Index>> rows(count); // of the answers of each respondent
    for (const Column& column : respondents.columns) {
        require(column.values.size() == count, "one answer per respondent");
        std::vector<double> levels;
        if (column.kind == Kind::ORDERED) {
            require(column.categories <= MOST_CATEGORIES, "at most 1000 categories");
            for (Index c = 0; c < column.categories; ++c)
                levels.push_back(static_cast<double>(c));
        } else {
            for (const double value : column.values) {
                if (!std::isnan(value)) levels.push_back(value);
            }
            std::sort(levels.begin(), levels.end());
            levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
        }
        for (Index n = 0; n < count; ++n) {
            const double value = column.values[n];
            if (std::isnan(value)) continue;
            const auto at = std::lower_bound(levels.begin(), levels.end(), value);
            require(at != levels.end() && *at == value, "answers that are categories");
            rows[n].push_back(rows_ + static_cast<Index>(at - levels.begin()));
            constant_ += constant_of(column.kind, value);
        }
        answers_.push_back({{column.kind, column.cuts, column.categories, levels}, rows_});
        rows_ += levels.size();
    }
    std::map<std::vector<Index>, Index> patterns;
    for (std::vector<Index>& own : rows) {
        if (!own.empty()) ++patterns[std::move(own)];
    }
    for (const auto& [own, size] : patterns) {
        begins_.push_back(given_.size());
        given_.insert(given_.end(), own.begin(), own.end());
        sizes_.push_back(static_cast<double>(size));
    }
    begins_.push_back(given_.size());
}

bool Grid::fits(const Structure& structure) const {
    Respondents without{0, drawn_, products_, {}};
    for (const Answers& one : answers_) {
        without.columns.push_back(one.column);
        without.columns.back().values.clear();
    }
    return estimation::fits(without, structure);
}

double Grid::log_likelihood(const Structure::Point& at, const Structure::Gradient& by) const {
    const Index count = nodes_.count();
    Latents latents(drawn_, products_, at, count);
    if (!latents.forward(nodes_.at.data())) return NOTHING;
    Memory memory((3 * rows_ + 2 * answers_.size()) * count + rows_);
    const Matrix predictors = memory.matrix(answers_.size(), count);
    const Matrix by_predictors = memory.matrix(answers_.size(), count);
    Table table{memory.matrix(rows_, count), memory.matrix(rows_, count),
                memory.matrix(rows_, count), memory.vector(rows_)};
    for (Index i = 0; i < answers_.size(); ++i) {
        latents.predict(i, predictors.row(i));
        const double scale = at.blocks.error(i, i);
        const bool known = answers_[i].column.kind == Kind::ORDERED
                               ? ordered(answers_[i], predictors.row(i), scale, at, table)
                               : other(answers_[i], predictors.row(i), scale, table);
        if (!known) return NOTHING;
    }
    const double total = add_patterns(table);
    if (!std::isfinite(total)) return NOTHING;
    for (Index i = 0; i < answers_.size(); ++i) {
        double* const by_predictor = by_predictors.row(i);
        const double scale = at.blocks.error(i, i);
        by.blocks.error(i, i) +=
            answers_[i].column.kind == Kind::ORDERED
                ? pull_ordered(answers_[i], predictors.row(i), scale, at, table, by, by_predictor)
                : pull_other(answers_[i], predictors.row(i), scale, table, by_predictor);
        latents.pull(i, by_predictor, by);
    }
    latents.backward(nodes_.at.data(), by, nullptr);
    return constant_ + total;
}

bool Grid::ordered(const Answers& answers, const double* predictor, double scale,
                   const Structure::Point& at, const Table& table) const {
    if (!(scale > 0.0)) return false;
    const Index count = nodes_.count();
    const Index categories = answers.column.categories;
    const double inverse = 1.0 / std::sqrt(scale);
    const double* const cuts = at.blocks.further + answers.column.cuts;
    Memory memory(2 * (categories + 1) * count);
    // Of the bounds between categories: what lies below and above them.
    const Matrix below = memory.matrix(categories + 1, count);
    const Matrix above = memory.matrix(categories + 1, count);
    std::fill_n(above.row(0), count, 1.0);
    std::fill_n(below.row(categories), count, 1.0);
    for (Index c = 0; c + 1 < categories; ++c) {
        double* const density = table.density.row(answers.first + c);
        for (Index k = 0; k < count; ++k) {
            const double x = (cuts[c] - predictor[k]) * inverse;
            const double tail = 0.5 * std::erfc(ROOT_HALF * std::fabs(x));
            below(c + 1, k) = x < 0.0 ? tail : 1.0 - tail;
            above(c + 1, k) = x < 0.0 ? 1.0 - tail : tail;
            density[k] = INVERSE_ROOT_2PI * std::exp(-0.5 * x * x);
        }
    }
    for (Index c = 0; c < categories; ++c) {
        double* const share = table.share.row(answers.first + c);
        for (Index k = 0; k < count; ++k) {
            // The smaller tails are subtracted, so that nothing cancels far from the middle.
            const double found =
                below(c, k) > 0.5 ? above(c, k) - above(c + 1, k) : below(c + 1, k) - below(c, k);
            share[k] = found > 0.0 ? found : 0.0;
        }
    }
    return true;
}

bool Grid::other(const Answers& answers, const double* predictor, double scale,
                 const Table& table) const {
    if (answers.column.kind != Kind::BERNOULLI && answers.column.kind != Kind::POISSON &&
        !(scale > 0.0))
        return false;
    const Index count = nodes_.count();
    Memory memory(2 * count);
    double* const value = memory.vector(count);
    double* const slope = memory.vector(count);
    for (Index v = 0; v < answers.column.values.size(); ++v) {
        double* const share = table.share.row(answers.first + v);
        std::fill_n(value, count, answers.column.values[v]);
        Seen seen{value, predictor, slope, count, scale, 0.0, nullptr, share};
        estimation::log_likelihood(answers.column, seen, nullptr, nullptr);
        const double most = *std::max_element(share, share + count);
        if (!std::isfinite(most)) return false;
        table.most[answers.first + v] = most;
        for (Index k = 0; k < count; ++k)
            share[k] = std::exp(share[k] - most);
    }
    return true;
}

double Grid::add_patterns(const Table& table) const {
    const Index count = nodes_.count();
    std::vector<double> found(count);
    double* const __restrict share = found.data();
    double total = 0.0;
    for (Index n = 0; n < sizes_.size(); ++n) {
        const Index* const given = given_.data() + begins_[n];
        const Index answered = begins_[n + 1] - begins_[n];
        double most = 0.0;
        std::copy(nodes_.weights.begin(), nodes_.weights.end(), share);
        for (Index i = 0; i < answered; ++i) {
            const double* const __restrict own = table.share.row(given[i]);
            most += table.most[given[i]];
            for (Index k = 0; k < count; ++k)
                share[k] *= own[k];
        }
        double sum = 0.0;
        for (Index k = 0; k < count; ++k)
            sum += share[k];
        if (!(sum > 0.0)) return NOTHING;
        total += sizes_[n] * (most + std::log(sum));
        const double scale = sizes_[n] / sum;
        for (Index k = 0; k < count; ++k)
            share[k] *= scale;
        for (Index i = 0; i < answered; ++i) {
            double* const __restrict into = table.expected.row(given[i]);
            for (Index k = 0; k < count; ++k)
                into[k] += share[k];
        }
    }
    return total;
}

double Grid::pull_ordered(const Answers& answers, const double* predictor, double scale,
                          const Structure::Point& at, const Table& table,
                          const Structure::Gradient& by, double* by_predictor) const {
    const double inverse = 1.0 / std::sqrt(scale);
    const Column& column = answers.column;
    const auto ratio = [&](Index c, Index k) { // expected number by probability
        const double share = table.share(answers.first + c, k);
        return share > 0.0 ? table.expected(answers.first + c, k) / share : 0.0;
    };
    double by_scale = 0.0;
    for (Index c = 0; c + 1 < column.categories; ++c) {
        const double cut = at.blocks.further[column.cuts + c];
        double by_cut = 0.0;
        for (Index k = 0; k < nodes_.count(); ++k) {
            const double slope =
                inverse * table.density(answers.first + c, k) * (ratio(c, k) - ratio(c + 1, k));
            by_cut += slope;
            by_predictor[k] -= slope;
            by_scale -= 0.5 * slope * (cut - predictor[k]) / scale;
        }
        by.blocks.further[column.cuts + c] += by_cut;
    }
    return by_scale;
}

double Grid::pull_other(const Answers& answers, const double* predictor, double scale,
                        const Table& table, double* by_predictor) const {
    const Index count = nodes_.count();
    Memory memory(2 * count);
    double* const value = memory.vector(count);
    double* const slope = memory.vector(count);
    double by_scale = 0.0;
    for (Index v = 0; v < answers.column.values.size(); ++v) {
        std::fill_n(value, count, answers.column.values[v]);
        Seen seen{
            value, predictor, slope, count, scale, 0.0, table.expected.row(answers.first + v)};
        estimation::log_likelihood(answers.column, seen, nullptr, nullptr);
        by_scale += seen.by_scale;
        for (Index k = 0; k < count; ++k)
            by_predictor[k] += slope[k];
    }
    return by_scale;
}

} // namespace pycore::estimation
