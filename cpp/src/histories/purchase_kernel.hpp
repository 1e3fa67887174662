// Buy till you die: sums over customers with the same number of repeat purchases.
#pragma once

#include "kernels.hpp"
#include "pycore/histories/lanes.hpp"

namespace pycore::histories {

// Fader, Hardie and Lee (2005), "Counting your customers" the easy way, doi:10.1287/mksc.1040.0098.
template <class L>
struct BgNbdKernel {
    using Real = typename L::Real;

    static void run(const PurchaseRows& rows, double shape, double alpha, double odds,
                    double* sums) {
        for (Index lane = 0; lane < ROW; lane += L::WIDTH) {
            Real sum[4] = {};
            for (Index at = lane; at < rows.size; at += ROW) {
                const Real recent = 1.0 / (alpha + L::load(rows.recency + at));
                const Real old = 1.0 / (alpha + L::load(rows.age + at));
                const Real ratio = L::log(recent / old);
                const Real d = odds + shape * ratio;
                const Real small = L::exp(L::smaller(d, -d)); // e^−|d|
                const Real share = 1.0 / (1.0 + small);
                const Real left = d > 0.0 ? share : small * share;
                const Real softplus = L::larger(d, L::splat(0.0)) + L::log(1.0 + small);
                const Real weight = L::load(rows.weight + at);
                const Real weighted = weight * left;
                sum[0] += weight * softplus;
                sum[1] += weighted;
                sum[2] += weighted * ratio;
                sum[3] += weighted * (old - recent);
                if (rows.log_likelihood != nullptr) {
                    L::store(rows.log_likelihood + at, softplus);
                    L::store(rows.alive + at, 1.0 - left);
                }
            }
            for (Index k = 0; k < 4; ++k)
                L::store(sums + k * ROW + lane, sum[k]);
        }
    }
};

// Gauss and Legendre's rule of 16 nodes on (0, 1): half of the nodes, the others mirror them.
struct Rule {
    static constexpr Index HALF = 8;
    static constexpr double NODE[HALF] = {
        0.005299532504175031, 0.0277124884633837, 0.06718439880608412, 0.1222977958224985,
        0.19106187779867811,  0.2709916111713863, 0.35919822461037054, 0.4524937450811813};
    static constexpr double WEIGHT[HALF] = {
        0.013576229705877088, 0.031126761969323728, 0.0475792558412463,  0.062314485627767036,
        0.07479799440828835,  0.08457825969750132,  0.09130170752246182, 0.09472530522753432};
};

// Schmittlein, Morrison and Colombo (1987), doi:10.1287/mnsc.33.1.1.  With x purchases, the last at
// tₓ, seen until T, the likelihood but for terms of r and x alone is
//   α^r β^s [(α + T)^−(r + x) (β + T)^−s + s ∫ (α + y)^−(r + x) (β + y)^−(s + 1) dy],  tₓ < y < T.
// The integral is taken over u = log((m + y)/(m + tₓ)), m the smaller of α and β, where it is
// smooth whatever they are: with κ = (m + tₓ)/(M + tₓ), p and q the exponents that belong to m and
// M,
//   (m + tₓ) ∫ exp(u (1 − p)) (1 + κ (eᵘ − 1))^−q du,  in units of its integrand at tₓ.
template <class L>
struct ParetoNbdKernel {
    using Real = typename L::Real;

    static void run(const PurchaseRows& rows, double shape, double alpha, double s, double beta,
                    double* sums) {
        const bool first = alpha <= beta;
        const double low = first ? alpha : beta;
        const double high = first ? beta : alpha;
        const double p = first ? shape : s + 1.0;
        const double q = first ? s + 1.0 : shape;
        for (Index lane = 0; lane < ROW; lane += L::WIDTH) {
            Real sum[5] = {};
            for (Index at = lane; at < rows.size; at += ROW) {
                const Real recency = L::load(rows.recency + at);
                const Real age = L::load(rows.age + at);
                const Real low_recent = low + recency;
                const Real high_recent = high + recency;
                const Real low_old = 1.0 / (low + age);
                const Real high_old = 1.0 / (high + age);
                const Real low_ratio = L::log((low + age) / low_recent);
                const Real high_ratio = L::log((high + age) / high_recent);
                const Real kappa = low_recent / high_recent;
                // Where the integrand has fallen by e^−32 nothing is left to find.
                const Real fall = (p - 1.0) + q * kappa;
                const Real length = fall * low_ratio > 32.0 ? 32.0 / fall : low_ratio;
                Real whole{}, by_low_log{}, by_high_log{}, by_low{}, by_high{};
                for (Index k = 0; k < 2 * Rule::HALF; ++k) {
                    const Index own = k < Rule::HALF ? k : k - Rule::HALF;
                    const double node = k < Rule::HALF ? Rule::NODE[own] : 1.0 - Rule::NODE[own];
                    const Real u = length * node;
                    const Real shrunk = L::exp(-u);
                    const Real grown = 1.0 + kappa * ((1.0 - shrunk) / shrunk);
                    const Real log_grown = L::log(grown);
                    const Real value = Rule::WEIGHT[own] * L::exp(u * (1.0 - p) - q * log_grown);
                    whole += value;
                    by_low_log += value * u;
                    by_high_log += value * log_grown;
                    by_low += value * shrunk;
                    by_high += value / grown;
                }
                // In units of (α + tₓ)^−(r + x) (β + tₓ)^−s: still a customer, or lost since.
                const Real alpha_ratio = first ? low_ratio : high_ratio;
                const Real beta_ratio = first ? high_ratio : low_ratio;
                const Real scale = first ? s * kappa * length : splat(s) * length;
                const Real still = L::exp(-(shape * alpha_ratio + s * beta_ratio));
                const Real lost = scale * whole;
                const Real both = still + lost;
                const Real share = 1.0 / both;
                const Real alive = still * share;
                const Real gone = scale * share; // times the sums: expectations over "lost since"
                const Real low_log = gone * by_low_log;
                const Real high_log = gone * by_high_log;
                const Real per_low = gone * by_low / low_recent;
                const Real per_high = gone * by_high / high_recent;
                const Real log_low = L::log(low_recent);
                const Real log_high = L::log(high_recent);
                const Real log_alpha = first ? log_low : log_high;
                const Real log_beta = first ? log_high : log_low;
                const Real log_likelihood = L::log(both) - shape * log_alpha - s * log_beta;
                const Real weight = L::load(rows.weight + at);
                sum[0] += weight * log_likelihood;
                sum[1] -= weight * (log_alpha + alive * alpha_ratio + (first ? low_log : high_log));
                sum[2] -= weight * shape *
                          (alive * (first ? low_old : high_old) + (first ? per_low : per_high));
                sum[3] += weight * (lost * share / s - log_beta - alive * beta_ratio -
                                    (first ? high_log : low_log));
                sum[4] -= weight * (s * alive * (first ? high_old : low_old) +
                                    (s + 1.0) * (first ? per_high : per_low));
                if (rows.log_likelihood != nullptr) {
                    L::store(rows.log_likelihood + at, log_likelihood);
                    L::store(rows.alive + at, alive);
                }
            }
            for (Index k = 0; k < 5; ++k)
                L::store(sums + k * ROW + lane, sum[k]);
        }
    }

  private:
    static PYCORE_INLINE Real splat(double x) { return L::splat(x); }
};

} // namespace pycore::histories
