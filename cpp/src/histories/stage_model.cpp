#include "pycore/histories/stage_model.hpp"

#include "kernels.hpp"
#include "pycore/histories/lanes.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <utility>

namespace pycore::histories {

namespace {

constexpr double NEVER = -std::numeric_limits<double>::infinity();
// Blocks whose sums are taken together; sums of chunks are added in their order, so that the result
// does not depend on who worked them out.
constexpr Index CHUNK = 32;

Index parameters(const Outcome& outcome) {
    return outcome.family == Family::CATEGORICAL ? outcome.categories - 1 : 1;
}

// log Pr(value) but for terms that no parameter changes.
double log_probability(const Outcome& outcome, double value, const double* at) {
    switch (outcome.family) {
    case Family::BERNOULLI: {
        const double logit = value > 0.0 ? *at : -*at;
        return -(std::fmax(-logit, 0.0) + std::log1p(std::exp(-std::fabs(logit))));
    }
    case Family::POISSON:
        return value * *at - std::exp(*at) - std::lgamma(value + 1.0);
    case Family::CATEGORICAL: {
        const Index others = outcome.categories - 1;
        const double most = std::fmax(0.0, *std::max_element(at, at + others));
        double total = std::exp(-most);
        for (Index k = 0; k < others; ++k)
            total += std::exp(at[k] - most);
        const auto chosen = static_cast<Index>(value);
        return (chosen == 0 ? 0.0 : at[chosen - 1]) - most - std::log(total);
    }
    }
    return 0.0;
}

// Add weight · its gradient.
void add_gradient(const Outcome& outcome, double value, const double* at, double weight,
                  double* gradient) {
    switch (outcome.family) {
    case Family::BERNOULLI:
        *gradient += weight * (value - 1.0 / (1.0 + std::exp(-*at)));
        return;
    case Family::POISSON:
        *gradient += weight * (value - std::exp(*at));
        return;
    case Family::CATEGORICAL: {
        const Index others = outcome.categories - 1;
        const double most = std::fmax(0.0, *std::max_element(at, at + others));
        double total = std::exp(-most);
        for (Index k = 0; k < others; ++k)
            total += std::exp(at[k] - most);
        for (Index k = 0; k < others; ++k) {
            const double chosen = value == static_cast<double>(k + 1) ? 1.0 : 0.0;
            gradient[k] += weight * (chosen - std::exp(at[k] - most) / total);
        }
    }
    }
}

} // namespace

struct StageModel::Tables {
    std::vector<double> start, emission; // probabilities; (stages), (codes, stages)
    std::vector<double> scale;           // (codes): logarithm of what each row was divided by
    const double* intercept;
    const double* slope;
    const double* outcomes;
};

StageModel::StageModel(StageDesign design, const Histories& histories, std::int64_t threads,
                       const char* isa)
    : design_(std::move(design)), covariates_(histories.covariate_count),
      rows_(histories.codes.size()), codes_(design_.known.size()),
      threads_(std::max<std::int64_t>(1, threads)), isa_(kernels(isa).isa), first_(histories.first),
      length_(histories.length) {
    const Index n = stages();
    const auto require = [](bool fits, const char* allowed) {
        if (!fits) throw std::invalid_argument(allowed);
    };
    require(n >= 1 && n <= MOST_STAGES, "goals: allowed are 1 to 16 stages");
    require(design_.silent.size() == n, "silent: allowed is one per stage");
    require(design_.groups >= 1, "groups: allowed is at least 1");
    first_move_.push_back(0);
    for (Index i = 0; i < n; ++i) {
        for (const std::uint32_t goal : design_.goals[i]) {
            require(goal < n && goal != i, "goals: allowed are numbers of other stages");
            goal_.push_back(goal);
        }
        first_move_.push_back(static_cast<std::uint32_t>(goal_.size()));
    }
    moves_ = goal_.size();
    require(moves_ <= MOST_MOVES, "goals: allowed are at most 64 moves");
    for (const std::int32_t stage : design_.known)
        require(stage < static_cast<std::int32_t>(n), "known: allowed are numbers of stages");
    const auto spoken =
        static_cast<Index>(std::count(design_.silent.begin(), design_.silent.end(), false));
    size_ = (design_.free_start ? n - 1 : 0) + design_.groups * moves_ + moves_ * covariates_;
    for (const Outcome& outcome : design_.outcomes) {
        require(outcome.values.size() == codes_, "values: allowed is one per code");
        const auto most = static_cast<double>(outcome.categories);
        for (const double value : outcome.values) {
            require(std::isnan(value) || (value >= 0.0 && value == std::floor(value)),
                    "values: allowed are whole numbers from 0 and NaN");
            require(outcome.family != Family::CATEGORICAL || !(value >= most),
                    "values: allowed are numbers of categories");
            require(outcome.family != Family::BERNOULLI || !(value > 1.0),
                    "values: allowed are 0 and 1");
        }
        require(outcome.family != Family::CATEGORICAL || outcome.categories >= 2,
                "categories: allowed are at least 2");
        size_ += spoken * parameters(outcome);
    }
    const Index consumers = first_.size();
    require(length_.size() == consumers && histories.groups.size() == consumers,
            "length: allowed is one per consumer");
    require(histories.covariates.size() == rows_ * covariates_,
            "covariates: allowed is one row per row");
    for (const double x : histories.covariates)
        require(std::isfinite(x), "covariates: allowed are finite numbers");

    // Histories of like length side by side; what is missing at their ends says nothing, as does
    // every gap: code `codes_`.
    std::vector<Index> order(consumers);
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(),
                     [this](Index a, Index b) { return length_[a] > length_[b]; });
    place_.resize(consumers);
    seen_.assign(codes_ + 1, 0.0);
    Index at = 0;
    for (Index block = 0; block * ROW < consumers; ++block) {
        const Index periods = length_[order[block * ROW]];
        blocks_.push_back({periods, at});
        block_codes_.resize((at + periods) * ROW, static_cast<std::uint32_t>(codes_));
        block_covariates_.resize((at + periods) * covariates_ * ROW, 0.0);
        block_groups_.resize((block + 1) * ROW, 0);
        for (Index lane = 0; lane < ROW && block * ROW + lane < consumers; ++lane) {
            const Index who = order[block * ROW + lane];
            require(length_[who] >= 1 && first_[who] <= rows_ &&
                        length_[who] <= rows_ - first_[who],
                    "first: allowed are numbers of rows");
            require(histories.groups[who] < design_.groups, "groups: allowed are their numbers");
            place_[who] = block * ROW + lane;
            block_groups_[block * ROW + lane] = histories.groups[who];
            for (Index t = 0; t < length_[who]; ++t) {
                const Index row = first_[who] + t;
                require(histories.codes[row] < codes_, "codes: allowed are numbers of codes");
                block_codes_[(at + t) * ROW + lane] = histories.codes[row];
                seen_[histories.codes[row]] += 1.0;
                for (Index c = 0; c < covariates_; ++c) {
                    block_covariates_[((at + t) * covariates_ + c) * ROW + lane] =
                        histories.covariates[row * covariates_ + c];
                }
            }
        }
        at += periods;
        longest_ = std::max(longest_, periods);
    }
}

StageModel::Tables StageModel::tables(const double* theta) const {
    const Index n = stages();
    Tables made;
    made.start.assign(n, 0.0);
    made.start[0] = 1.0;
    if (design_.free_start) {
        const double most = std::fmax(0.0, n > 1 ? *std::max_element(theta, theta + n - 1) : 0.0);
        double total = made.start[0] = std::exp(-most);
        for (Index s = 1; s < n; ++s)
            total += made.start[s] = std::exp(theta[s - 1] - most);
        for (double& share : made.start)
            share /= total;
        theta += n - 1;
    }
    made.intercept = theta;
    made.slope = made.intercept + design_.groups * moves_;
    made.outcomes = made.slope + moves_ * covariates_;
    made.emission.assign((codes_ + 1) * n, 1.0);
    made.scale.assign(codes_ + 1, 0.0);
    for (Index code = 0; code < codes_; ++code) {
        double* const row = made.emission.data() + code * n;
        const double* at = made.outcomes;
        for (Index s = 0; s < n; ++s)
            row[s] =
                design_.known[code] < 0 || design_.known[code] == static_cast<int>(s) ? 0.0 : NEVER;
        for (const Outcome& outcome : design_.outcomes) {
            const double value = outcome.values[code];
            for (Index s = 0; s < n; ++s) {
                if (!design_.silent[s]) {
                    if (!std::isnan(value)) row[s] += log_probability(outcome, value, at);
                    at += parameters(outcome);
                } else if (value > 0.0) {
                    row[s] = NEVER;
                }
            }
        }
        const double most = *std::max_element(row, row + n);
        made.scale[code] = most;
        for (Index s = 0; s < n; ++s)
            row[s] = std::exp(row[s] - most); // NaN if the code is impossible: refused as −∞
    }
    return made;
}

// Visit every chunk's blocks with the chunk's own memory; visit(chunk, block, kernel arguments).
template <class Visit>
void StageModel::work(const Tables& at, Visit visit) const {
    const Index n = stages();
    const StageGraph graph{n, moves_, covariates_, goal_.data(), first_move_.data()};
    const StageNumbers numbers{at.start.data(), at.intercept, at.slope, at.emission.data()};
    const Kernels& kernel = kernels(isa_);
    const Index chunks = (blocks_.size() + CHUNK - 1) / CHUNK;
    std::atomic<Index> next{0};
    const auto crew = [&] {
        const Index each = longest_ * ROW;
        std::vector<double> memory(each * (2 * n + n * n + 1), 0.0);
        const StageMemory own{memory.data(), memory.data() + each * n, memory.data() + each * 2 * n,
                              memory.data() + each * (2 * n + n * n)};
        for (Index chunk = next++; chunk < chunks; chunk = next++) {
            const Index last = std::min(blocks_.size(), (chunk + 1) * CHUNK);
            visit(chunk, last, own, [&](Index block, const StageSums& sums) {
                const Index first = blocks_[block].at;
                kernel.stages(
                    graph,
                    {blocks_[block].periods, block_covariates_.data() + first * covariates_ * ROW,
                     block_codes_.data() + first * ROW, block_groups_.data() + block * ROW},
                    numbers, own, sums);
            });
        }
    };
    const auto helpers = std::min<Index>(static_cast<Index>(threads_), chunks);
    std::vector<std::thread> others;
    try {
        for (Index k = 1; k < helpers; ++k)
            others.emplace_back(crew);
    } catch (...) { // those that could start do the work
    }
    crew();
    for (std::thread& thread : others)
        thread.join();
}

double StageModel::evaluate(const double* theta, double* gradient) const {
    const Index n = stages();
    const Tables at = tables(theta);
    // Sums of a chunk: log-likelihood, start, intercepts by group, slopes, emissions.
    const Index size = 1 + n + design_.groups * moves_ + moves_ * covariates_ + (codes_ + 1) * n;
    const Index chunks = (blocks_.size() + CHUNK - 1) / CHUNK;
    std::vector<double> sums(chunks * size, 0.0);
    work(at, [&](Index chunk, Index last, const StageMemory&, auto run) {
        double* const total = sums.data() + chunk * size;
        double* const by_group = total + 1 + n;
        double* const by_slope = by_group + design_.groups * moves_;
        std::vector<double> lanes((n + moves_ * covariates_ + (codes_ + 1) * n) * ROW, 0.0);
        std::vector<double> block_lanes((1 + moves_) * ROW);
        double* const slope = lanes.data() + n * ROW;
        double* const emission = slope + moves_ * covariates_ * ROW;
        for (Index block = chunk * CHUNK; block < last; ++block) {
            std::fill(block_lanes.begin(), block_lanes.end(), 0.0);
            double* const intercept = block_lanes.data() + ROW;
            run(block, {block_lanes.data(), lanes.data(), intercept, slope, emission});
            for (Index lane = 0; lane < ROW; ++lane) {
                const Index group = block_groups_[block * ROW + lane];
                for (Index m = 0; m < moves_; ++m)
                    by_group[group * moves_ + m] += intercept[m * ROW + lane];
                total[0] += block_lanes[lane];
            }
        }
        const auto gather = [](const double* from, Index count, double* to) {
            for (Index k = 0; k < count; ++k) {
                for (Index lane = 0; lane < ROW; ++lane)
                    to[k] += from[k * ROW + lane];
            }
        };
        gather(lanes.data(), n, total + 1);
        gather(slope, moves_ * covariates_ + (codes_ + 1) * n, by_slope);
    });
    for (Index chunk = 1; chunk < chunks; ++chunk) {
        for (Index k = 0; k < size; ++k)
            sums[k] += sums[chunk * size + k];
    }
    double total = sums[0];
    for (Index code = 0; code < codes_; ++code)
        total += seen_[code] > 0.0 ? seen_[code] * at.scale[code] : 0.0;
    pull_back(theta, at, sums.data() + 1, gradient);
    return total;
}

void StageModel::pull_back(const double* theta, const Tables& at, const double* sums,
                           double* gradient) const {
    const Index n = stages();
    std::fill_n(gradient, size_, 0.0);
    if (design_.free_start) {
        // Lanes beyond the last consumer start too; their pull is (probability − probability) = 0.
        double all = 0.0;
        for (Index s = 0; s < n; ++s)
            all += sums[s];
        for (Index s = 1; s < n; ++s)
            gradient[s - 1] = sums[s] - at.start[s] * all;
    }
    const Index moving = design_.groups * moves_ + moves_ * covariates_;
    std::copy_n(sums + n, moving, gradient + (at.intercept - theta));
    const double* const smoothed = sums + n + moving;
    for (Index code = 0; code < codes_; ++code) {
        const double* own = at.outcomes;
        for (const Outcome& outcome : design_.outcomes) {
            const double value = outcome.values[code];
            for (Index s = 0; s < n; ++s) {
                if (design_.silent[s]) continue;
                if (!std::isnan(value)) {
                    add_gradient(outcome, value, own, smoothed[code * n + s],
                                 gradient + (own - theta));
                }
                own += parameters(outcome);
            }
        }
    }
}

void StageModel::pointwise(const double* theta, double* out) const {
    const Index n = stages();
    const Tables at = tables(theta);
    std::vector<double> found(blocks_.size() * ROW);
    work(at, [&](Index chunk, Index last, const StageMemory&, auto run) {
        std::vector<double> unused((n + moves_ + moves_ * covariates_ + (codes_ + 1) * n) * ROW);
        double* const intercept = unused.data() + n * ROW;
        double* const slope = intercept + moves_ * ROW;
        for (Index block = chunk * CHUNK; block < last; ++block) {
            run(block, {found.data() + block * ROW, unused.data(), intercept, slope,
                        slope + moves_ * covariates_ * ROW});
        }
    });
    for (Index who = 0; who < place_.size(); ++who) {
        const Index lane = place_[who] % ROW;
        const Index first = blocks_[place_[who] / ROW].at;
        out[who] = found[place_[who]];
        for (Index t = 0; t < length_[who]; ++t)
            out[who] += at.scale[block_codes_[(first + t) * ROW + lane]];
    }
}

void StageModel::recover(const double* theta, double* filtered, double* smoothed) const {
    const Index n = stages();
    const Tables at = tables(theta);
    std::vector<Index> who(blocks_.size() * ROW, place_.size());
    for (Index k = 0; k < place_.size(); ++k)
        who[place_[k]] = k;
    work(at, [&](Index chunk, Index last, const StageMemory& memory, auto run) {
        std::vector<double> unused((1 + n + moves_ + moves_ * covariates_ + (codes_ + 1) * n) *
                                   ROW);
        double* const start = unused.data() + ROW;
        double* const intercept = start + n * ROW;
        double* const slope = intercept + moves_ * ROW;
        for (Index block = chunk * CHUNK; block < last; ++block) {
            run(block,
                {unused.data(), start, intercept, slope, slope + moves_ * covariates_ * ROW});
            for (Index lane = 0; lane < ROW; ++lane) {
                const Index consumer = who[block * ROW + lane];
                if (consumer == place_.size()) continue;
                for (Index k = 0; k < length_[consumer] * n; ++k) {
                    const Index to = first_[consumer] * n + k;
                    filtered[to] = memory.filtered[k * ROW + lane];
                    smoothed[to] = memory.emission[k * ROW + lane];
                }
            }
        }
    });
}

void StageModel::most_likely(const double* theta, std::int32_t* path) const {
    const Index n = stages();
    const Tables at = tables(theta);
    std::vector<double> best(n), next(n), logits(moves_);
    std::vector<std::int32_t> from(longest_ * n);
    for (Index who = 0; who < place_.size(); ++who) {
        const Index lane = place_[who] % ROW;
        const Index first = blocks_[place_[who] / ROW].at;
        const double* const intercept = at.intercept + block_groups_[place_[who]] * moves_;
        const auto seen = [&](Index t, Index s) {
            return std::log(at.emission[block_codes_[(first + t) * ROW + lane] * n + s]);
        };
        for (Index s = 0; s < n; ++s)
            best[s] = std::log(at.start[s]) + seen(0, s);
        for (Index t = 1; t < length_[who]; ++t) {
            for (Index m = 0; m < moves_; ++m) {
                logits[m] = intercept[m];
                for (Index c = 0; c < covariates_; ++c) {
                    logits[m] +=
                        at.slope[m * covariates_ + c] *
                        block_covariates_[((first + t - 1) * covariates_ + c) * ROW + lane];
                }
                logits[m] = std::fmax(-300.0, std::fmin(300.0, logits[m]));
            }
            std::fill(next.begin(), next.end(), NEVER);
            for (Index i = 0; i < n; ++i) {
                double total = 1.0;
                for (Index m = first_move_[i]; m < first_move_[i + 1]; ++m)
                    total += std::exp(logits[m]);
                const auto offer = [&](Index goal, double logit) {
                    const double reached = best[i] + logit - std::log(total);
                    if (reached > next[goal]) {
                        next[goal] = reached;
                        from[t * n + goal] = static_cast<std::int32_t>(i);
                    }
                };
                offer(i, 0.0);
                for (Index m = first_move_[i]; m < first_move_[i + 1]; ++m)
                    offer(goal_[m], logits[m]);
            }
            for (Index s = 0; s < n; ++s)
                best[s] = next[s] + seen(t, s);
        }
        auto stage =
            static_cast<std::int32_t>(std::max_element(best.begin(), best.end()) - best.begin());
        for (Index t = length_[who]; t-- > 0;) {
            path[first_[who] + t] = stage;
            if (t > 0) stage = from[t * n + static_cast<Index>(stage)];
        }
    }
}

} // namespace pycore::histories
