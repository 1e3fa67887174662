// Forward and backward pass over one block of eight consumers.
//
// Zucchini, MacDonald and Langrock (2016), Hidden Markov Models for Time Series, section 3.2: the
// forward probabilities are scaled to sum 1 in every period, so that no length underflows.
#pragma once

#include "kernels.hpp"
#include "pycore/histories/lanes.hpp"

namespace pycore::histories {

// STAGES = 0 takes their number from the graph; a number known beforehand keeps them in registers.
template <class L, int STAGES>
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
    static constexpr Index ROOM = STAGES > 0 ? STAGES : MOST_STAGES;

    static PYCORE_INLINE Index stages(const StageGraph& graph) {
        return STAGES > 0 ? STAGES : graph.stages;
    }

    // The place of a row's lanes.
    static PYCORE_INLINE Index row(Index number, Index lane) { return number * ROW + lane; }

    static PYCORE_INLINE void look_up(const StageGraph& graph, const StageBlock& block,
                                      const StageNumbers& at, const StageMemory& memory) {
        const Index n = stages(graph);
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
        const Index n = stages(graph);
        const Index k = graph.covariates;
        const double* const x = block.covariates + row(t * k, lane);
        Real odds[MOST_MOVES];
        for (Index m = 0; m < graph.moves; ++m) {
            Real logit = L::load(intercept + row(m, lane));
            for (Index c = 0; c < k; ++c)
                logit += at.slope[m * k + c] * L::load(x + row(c, 0));
            // Beyond ±300 a probability is 0 or 1 in all digits, and sums stay finite.
            odds[m] = L::template exp<300>(logit);
        }
        for (Index i = 0; i < n; ++i) {
            double* const moving = memory.moving + row((t * n + i) * n, lane);
            Real total = L::splat(1.0);
            for (Index m = graph.first_move[i]; m < graph.first_move[i + 1]; ++m)
                total += odds[m];
            const Real inverse = 1.0 / total;
            L::store(moving + row(i, 0), inverse);
            for (Index m = graph.first_move[i]; m < graph.first_move[i + 1]; ++m)
                L::store(moving + row(graph.goal[m], 0), odds[m] * inverse);
        }
    }

    static PYCORE_INLINE void forward(const StageGraph& graph, const StageBlock& block,
                                      const StageNumbers& at, const StageMemory& memory,
                                      const StageSums& sums, Index lane) {
        const Index n = stages(graph);
        // Each consumer's own group.
        double intercept[MOST_MOVES * ROW];
        for (Index m = 0; m < graph.moves; ++m) {
            for (Index l = lane; l < lane + L::WIDTH; ++l)
                intercept[row(m, l)] = at.intercept[block.groups[l] * graph.moves + m];
        }
        for (Index t = 0; t + 1 < block.periods; ++t)
            move(graph, block, at, intercept, memory, t, lane);
        Real total = L::splat(0.0);
        Real now[ROOM];
        for (Index s = 0; s < n; ++s)
            now[s] = L::splat(at.start[s]);
        for (Index t = 0; t < block.periods; ++t) {
            if (t > 0) {
                const double* const moving = memory.moving + row((t - 1) * n * n, lane);
                Real next[ROOM] = {};
                for (Index i = 0; i < n; ++i) {
                    for (Index j = 0; j < n; ++j)
                        next[j] += now[i] * L::load(moving + row(i * n + j, 0));
                }
                for (Index s = 0; s < n; ++s)
                    now[s] = next[s];
            }
            const double* const seen = memory.emission + row(t * n, lane);
            Real probability = L::splat(0.0);
            for (Index s = 0; s < n; ++s) {
                now[s] *= L::load(seen + row(s, 0));
                probability += now[s];
            }
            const Real inverse = 1.0 / probability;
            for (Index s = 0; s < n; ++s) {
                now[s] *= inverse;
                L::store(memory.filtered + row(t * n + s, lane), now[s]);
            }
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
        const Index n = stages(graph);
        const Index k = graph.covariates;
        Real rest[ROOM];
        for (Index s = 0; s < n; ++s)
            rest[s] = L::splat(1.0);
        for (Index t = block.periods; t-- > 0;) {
            double* const seen = memory.emission + row(t * n, lane);
            const double* const filtered = memory.filtered + row(t * n, lane);
            const Real inverse = L::load(memory.inverse + row(t, lane));
            Real promise[ROOM];
            for (Index s = 0; s < n; ++s) {
                promise[s] = rest[s] * (L::load(seen + row(s, 0)) * inverse);
                L::store(seen + row(s, 0), L::load(filtered + row(s, 0)) * rest[s]);
            }
            if (t == 0) break;
            const double* const from = memory.filtered + row((t - 1) * n, lane);
            const double* const moving = memory.moving + row((t - 1) * n * n, lane);
            const double* const x = block.covariates + row((t - 1) * k, lane);
            for (Index i = 0; i < n; ++i) {
                Real expected = L::splat(0.0);
                for (Index j = 0; j < n; ++j)
                    expected += L::load(moving + row(i * n + j, 0)) * promise[j];
                rest[i] = expected;
            }
            // Chosen by number, so from memory.
            double offered[MOST_STAGES * ROW];
            for (Index s = 0; s < n; ++s)
                L::store(offered + row(s, 0), promise[s]);
            for (Index i = 0; i < n; ++i) {
                const Real here = L::load(from + row(i, 0));
                for (Index m = graph.first_move[i]; m < graph.first_move[i + 1]; ++m) {
                    const Index j = graph.goal[m];
                    const Real by = here * L::load(moving + row(i * n + j, 0)) *
                                    (L::load(offered + row(j, 0)) - rest[i]);
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
        const Index n = stages(graph);
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
