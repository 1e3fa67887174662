// Forward and backward pass over one block of eight consumers.
//
// Zucchini, MacDonald and Langrock (2016), Hidden Markov Models for Time Series, section 3.2: the
// forward probabilities are scaled to sum 1 in every period, so that no length underflows.
#pragma once

#include "kernels.hpp"
#include "pycore/histories/lanes.hpp"

namespace pycore::histories {

template <class L>
struct StageKernel {
    using Real = typename L::Real;

    static void run(const StageGraph& graph, const StageBlock& block, const StageNumbers& at,
                    const StageMemory& memory, const StageSums& sums) {
        look_up(graph, block, at, memory);
        for (Index lane = 0; lane < ROW; lane += L::WIDTH) {
            forward(graph, block, at, memory, sums, lane);
            backward(graph, block, memory, sums, lane);
        }
        count(graph, block, memory, sums);
    }

  private:
    // The place of a row's lanes.
    static PYCORE_INLINE Index row(Index number, Index lane) { return number * ROW + lane; }

    static PYCORE_INLINE void look_up(const StageGraph& graph, const StageBlock& block,
                                      const StageNumbers& at, const StageMemory& memory) {
        const Index n = graph.stages;
        for (Index t = 0; t < block.periods; ++t) {
            for (Index lane = 0; lane < ROW; ++lane) {
                const double* const seen = at.emission + block.codes[row(t, lane)] * n;
                for (Index s = 0; s < n; ++s)
                    memory.emission[row(t * n + s, lane)] = seen[s];
            }
        }
    }

    // Probabilities of the moves behind period t, whose covariates decide.
    static PYCORE_INLINE void move(const StageGraph& graph, const StageBlock& block,
                                   const StageNumbers& at, const double* intercept,
                                   const StageMemory& memory, Index t, Index lane) {
        const Index k = graph.covariates;
        double* const moving = memory.moving + row(t * graph.moves, lane);
        const double* const x = block.covariates + row(t * k, lane);
        for (Index m = 0; m < graph.moves; ++m) {
            Real logit = L::load(intercept + row(m, lane));
            for (Index c = 0; c < k; ++c)
                logit += at.slope[m * k + c] * L::load(x + row(c, 0));
            // Beyond ±300 a probability is 0 or 1 in all digits, and sums stay finite.
            logit = L::larger(L::smaller(logit, L::splat(300.0)), L::splat(-300.0));
            L::store(moving + row(m, 0), L::exp(logit));
        }
        for (Index i = 0; i < graph.stages; ++i) {
            Real total = L::splat(1.0);
            for (Index m = graph.first_move[i]; m < graph.first_move[i + 1]; ++m)
                total += L::load(moving + row(m, 0));
            const Real inverse = 1.0 / total;
            L::store(memory.staying + row(t * graph.stages + i, lane), inverse);
            for (Index m = graph.first_move[i]; m < graph.first_move[i + 1]; ++m)
                L::store(moving + row(m, 0), L::load(moving + row(m, 0)) * inverse);
        }
    }

    static PYCORE_INLINE void forward(const StageGraph& graph, const StageBlock& block,
                                      const StageNumbers& at, const StageMemory& memory,
                                      const StageSums& sums, Index lane) {
        const Index n = graph.stages;
        // Each consumer's own group; the sums of the block lie beside each other in the same way.
        double intercept[MOST_MOVES * ROW];
        for (Index m = 0; m < graph.moves; ++m) {
            for (Index l = lane; l < lane + L::WIDTH; ++l)
                intercept[row(m, l)] = at.intercept[block.groups[l] * graph.moves + m];
        }
        Real total = L::splat(0.0);
        Real next[MOST_STAGES];
        for (Index s = 0; s < n; ++s)
            next[s] = L::splat(at.start[s]);
        for (Index t = 0; t < block.periods; ++t) {
            if (t > 0) {
                move(graph, block, at, intercept, memory, t - 1, lane);
                const double* const from = memory.filtered + row((t - 1) * n, lane);
                const double* const stay = memory.staying + row((t - 1) * n, lane);
                const double* const moving = memory.moving + row((t - 1) * graph.moves, lane);
                for (Index s = 0; s < n; ++s)
                    next[s] = L::load(from + row(s, 0)) * L::load(stay + row(s, 0));
                for (Index m = 0; m < graph.moves; ++m) {
                    next[graph.goal[m]] +=
                        L::load(from + row(graph.origin[m], 0)) * L::load(moving + row(m, 0));
                }
            }
            const double* const seen = memory.emission + row(t * n, lane);
            Real probability = L::splat(0.0);
            for (Index s = 0; s < n; ++s) {
                next[s] *= L::load(seen + row(s, 0));
                probability += next[s];
            }
            const Real inverse = 1.0 / probability;
            for (Index s = 0; s < n; ++s)
                L::store(memory.filtered + row(t * n + s, lane), next[s] * inverse);
            L::store(memory.inverse + row(t, lane), inverse);
            total += L::log(probability);
        }
        L::store(sums.log_likelihood + lane, total);
    }

    // Gradient by a logit: filtered probability of its origin · probability of the move · (what the
    // goal promises of the rest − what the origin does).
    static PYCORE_INLINE void backward(const StageGraph& graph, const StageBlock& block,
                                       const StageMemory& memory, const StageSums& sums,
                                       Index lane) {
        const Index n = graph.stages;
        const Index k = graph.covariates;
        Real rest[MOST_STAGES];
        Real promise[MOST_STAGES];
        for (Index s = 0; s < n; ++s)
            rest[s] = L::splat(1.0);
        for (Index t = block.periods; t-- > 0;) {
            double* const seen = memory.emission + row(t * n, lane);
            const double* const filtered = memory.filtered + row(t * n, lane);
            const Real inverse = L::load(memory.inverse + row(t, lane));
            for (Index s = 0; s < n; ++s) {
                promise[s] = rest[s] * L::load(seen + row(s, 0)) * inverse;
                L::store(seen + row(s, 0), L::load(filtered + row(s, 0)) * rest[s]);
            }
            if (t == 0) break;
            const double* const from = memory.filtered + row((t - 1) * n, lane);
            const double* const stay = memory.staying + row((t - 1) * n, lane);
            const double* const moving = memory.moving + row((t - 1) * graph.moves, lane);
            const double* const x = block.covariates + row((t - 1) * k, lane);
            for (Index i = 0; i < n; ++i) {
                Real expected = L::load(stay + row(i, 0)) * promise[i];
                for (Index m = graph.first_move[i]; m < graph.first_move[i + 1]; ++m)
                    expected += L::load(moving + row(m, 0)) * promise[graph.goal[m]];
                rest[i] = expected;
                for (Index m = graph.first_move[i]; m < graph.first_move[i + 1]; ++m) {
                    const Real by = L::load(from + row(i, 0)) * L::load(moving + row(m, 0)) *
                                    (promise[graph.goal[m]] - expected);
                    add(sums.intercept + row(m, lane), by);
                    for (Index c = 0; c < k; ++c)
                        add(sums.slope + row(m * k + c, lane), by * L::load(x + row(c, 0)));
                }
            }
        }
    }

    static PYCORE_INLINE void add(double* to, Real x) { L::store(to, L::load(to) + x); }

    static PYCORE_INLINE void count(const StageGraph& graph, const StageBlock& block,
                                    const StageMemory& memory, const StageSums& sums) {
        const Index n = graph.stages;
        for (Index k = 0; block.periods > 0 && k < n * ROW; ++k)
            sums.start[k] += memory.emission[k];
        for (Index t = 0; t < block.periods; ++t) {
            for (Index lane = 0; lane < ROW; ++lane) {
                double* const to = sums.emission + row(block.codes[row(t, lane)] * n, lane);
                for (Index s = 0; s < n; ++s)
                    to[row(s, 0)] += memory.emission[row(t * n + s, lane)];
            }
        }
    }
};

} // namespace pycore::histories
