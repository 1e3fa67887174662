// The inner loops, compiled once per instruction set; each gives the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pycore::histories {

using Index = std::size_t;

constexpr Index MOST_STAGES = 16;
constexpr Index MOST_MOVES = 64;

// Which stage leads where; the moves of one origin stand together.
struct StageGraph {
    Index stages, moves, covariates;
    const std::uint32_t* goal;       // (moves)
    const std::uint32_t* first_move; // (stages + 1)
};

// Eight consumers side by side.
struct StageBlock {
    Index periods;               // of the longest of them
    const double* covariates;    // (periods, covariates, 8)
    const std::uint32_t* codes;  // (periods, 8), rows of the emission table
    const std::uint32_t* groups; // (8)
};

struct StageNumbers {
    const double* start;     // (stages)
    const double* intercept; // (groups, moves)
    const double* slope;     // (moves, covariates)
    const double* emission;  // (codes, stages)
};

// Memory of one block, each (…, 8); what stays behind are filtered and smoothed probabilities.
struct StageMemory {
    double* emission; // (periods, stages): of what was seen; afterwards the smoothed probabilities
    double* filtered; // (periods, stages)
    double* moving;   // (periods, stages, stages): 0 before, where no move is
    double* inverse;  // (periods): one over the probability of what was seen, given all before
};

// What is added to, each (…, 8) but log_likelihood (8), which is written.
struct StageSums {
    double* log_likelihood;
    double* start;     // (stages): smoothed probabilities of the first period
    double* intercept; // (moves): gradient by logits, of this block only
    double* slope;     // (moves, covariates)
    double* emission;  // (codes, stages): smoothed probabilities
};

// Customers who bought the same number of times, eight side by side.
struct PurchaseRows {
    Index size;                           // a multiple of 8
    const double *recency, *age, *weight; // (size)
    double *log_likelihood, *alive;       // (size) or null
};

// Sums (…, 8) of BG/NBD: softplus of d, logistic q of d, q log((α + T)/(α + tₓ)),
// q (1/(α + T) − 1/(α + tₓ)), with d = odds + (r + x) log((α + T)/(α + tₓ)).
// Of Pareto/NBD: log-likelihood but for terms of x alone, and its derivatives by r, α, s, β.
struct Kernels {
    const char* isa;
    void (*stages)(const StageGraph&, const StageBlock&, const StageNumbers&, const StageMemory&,
                   const StageSums&);
    void (*bg_nbd)(const PurchaseRows&, double shape, double alpha, double odds, double* sums);
    void (*pareto_nbd)(const PurchaseRows&, double shape, double alpha, double s, double beta,
                       double* sums);
};

const Kernels& kernels_128();
const Kernels& kernels_avx2();
const Kernels& kernels_avx512();

// The widest that this processor has, or the one asked for.
const Kernels& kernels(const char* isa);

} // namespace pycore::histories
