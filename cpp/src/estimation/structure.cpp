#include "pycore/estimation/structure.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace pycore::estimation {

namespace {

void require(bool fits, const char* what) {
    if (!fits) throw std::invalid_argument(std::string("structure: allowed is ") + what);
}

// The only latent variable that each item measures, from the entries that are not always zero.
std::vector<Index> single_loadings(const std::vector<bool>& used, Index items, Index latents) {
    std::vector<Index> found;
    for (Index i = 0; i < items; ++i) {
        Index count = 0;
        for (Index j = 0; j < latents; ++j) {
            if (!used[i * latents + j]) continue;
            found.push_back(j);
            ++count;
        }
        if (count != 1) return {};
    }
    const Index error = items * latents + 2 * latents * latents;
    for (Index i = 0; i < items; ++i) {
        for (Index j = 0; j < items; ++j) {
            if (i != j && used[error + i * items + j]) return {};
        }
    }
    return found;
}

} // namespace

Blocks Blocks::over(double* data, Index items, Index latents) {
    Blocks made;
    const auto next = [&data](Index rows, Index columns) {
        const Matrix found{data, rows, columns};
        data += rows * columns;
        return found;
    };
    made.loading = next(items, latents);
    made.path = next(latents, latents);
    made.disturbance = next(latents, latents);
    made.error = next(items, items);
    made.intercept = next(items, 1).data;
    made.mean = next(latents, 1).data;
    made.further = data;
    return made;
}

Structure::Structure(Index items, Index latents, Tape tape, std::vector<double> base,
                     std::vector<Index> places)
    : items_(items), latents_(latents), tape_(std::move(tape)), base_(std::move(base)),
      places_(std::move(places)) {
    const Index size = Blocks::size(items, latents);
    require(base_.size() >= size, "one number per entry");
    require(places_.size() == tape_.outputs(), "one place per output of the tape");
    std::vector<bool> used(size);
    for (Index k = 0; k < size; ++k)
        used[k] = base_[k] != 0.0;
    for (const Index place : places_) {
        require(place < base_.size(), "places within the matrices");
        if (place < size) used[place] = true;
    }
    measures_ = single_loadings(used, items, latents);
}

Index Structure::memory() const {
    const Index n = latents_;
    const Index p = items_;
    return tape_.steps() + 2 * base_.size() + 3 * n * n + 2 * p * p + n + 2 * p;
}

Structure::Point Structure::point(Memory& memory) const {
    const Index n = latents_;
    Point made;
    made.values = memory.vector(tape_.steps());
    made.data = memory.vector(base_.size());
    made.blocks = Blocks::over(made.data, items_, n);
    made.total = memory.matrix(n, n);
    made.covariance = memory.matrix(n, n);
    made.level = memory.vector(n);
    made.item_mean = memory.vector(items_);
    made.sigma = memory.matrix(items_, items_);
    return made;
}

Structure::Gradient Structure::gradient(Memory& memory) const {
    Gradient made;
    made.data = memory.vector(base_.size());
    made.blocks = Blocks::over(made.data, items_, latents_);
    made.covariance = memory.matrix(latents_, latents_);
    made.sigma = memory.matrix(items_, items_);
    made.item_mean = memory.vector(items_);
    return made;
}

bool Structure::forward(const double* inputs, Point& at) const {
    tape_.forward(inputs, at.values);
    std::copy(base_.begin(), base_.end(), at.data);
    for (Index k = 0; k < places_.size(); ++k)
        at.data[places_[k]] = tape_.output(at.values, k);
    if (!imply(at)) return false;

    const Index n = latents_;
    const Index p = items_;
    for (Index i = 0; i < p; ++i) {
        at.item_mean[i] = at.blocks.intercept[i];
        for (Index j = 0; j < n; ++j)
            at.item_mean[i] += at.blocks.loading(i, j) * at.level[j];
    }
    at.dense = at.dense || measures_.empty();
    for (Index i = 0; i < p && !at.dense; ++i)
        at.dense = !(at.blocks.error(i, i) > 0.0);
    if (!at.dense) return true;
    Memory scratch(p * n);
    const Matrix reach = scratch.matrix(p, n); // Λ C
    product(at.blocks.loading, at.covariance, reach);
    for (Index i = 0; i < p; ++i) {
        for (Index j = 0; j <= i; ++j) {
            double sum = at.blocks.error(i, j);
            for (Index c = 0; c < n; ++c)
                sum += reach(i, c) * at.blocks.loading(j, c);
            at.sigma(i, j) = at.sigma(j, i) = sum;
        }
    }
    return true;
}

bool Structure::imply(Point& at) {
    const Index n = at.total.rows;
    Memory scratch(2 * n * n);
    const Matrix direct = scratch.matrix(n, n); // I − A
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < n; ++j)
            direct(i, j) = (i == j ? 1.0 : 0.0) - at.blocks.path(i, j);
    }
    if (!invert(direct, at.total)) return false;
    const Matrix half = scratch.matrix(n, n); // T Ω
    product(at.total, at.blocks.disturbance, half);
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j <= i; ++j) {
            double sum = 0.0;
            for (Index c = 0; c < n; ++c)
                sum += half(i, c) * at.total(j, c);
            at.covariance(i, j) = at.covariance(j, i) = sum;
        }
    }
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < n; ++j)
            at.level[i] += at.total(i, j) * at.blocks.mean[j];
    }
    return true;
}

void Structure::backward(const Point& at, const Gradient& by, double* by_inputs) const {
    const Index n = latents_;
    const Index p = items_;
    Memory scratch(n * n + 2 * p * n + n);
    if (at.dense) {
        const Matrix reach = scratch.matrix(p, n);  // Λ C
        const Matrix bent = scratch.matrix(p, n);   // G Λ
        const Matrix turned = scratch.matrix(n, n); // symmetric; only its place is shared
        product(at.blocks.loading, at.covariance, reach);
        product(by.sigma, at.blocks.loading, bent);
        for (Index i = 0; i < p; ++i) {
            for (Index a = 0; a < n; ++a) {
                const double scale = at.blocks.loading(i, a);
                if (scale == 0.0) continue;
                for (Index b = 0; b < n; ++b)
                    turned(a, b) += scale * bent(i, b);
            }
        }
        for (Index k = 0; k < n * n; ++k)
            by.covariance.data[k] += turned.data[k];
        for (Index k = 0; k < p * p; ++k)
            by.blocks.error.data[k] += by.sigma.data[k];
        for (Index i = 0; i < p; ++i) {
            for (Index j = 0; j < p; ++j) {
                const double scale = 2.0 * by.sigma(i, j);
                for (Index a = 0; a < n; ++a)
                    by.blocks.loading(i, a) += scale * reach(j, a);
            }
        }
    }
    // Of the mean: ν + Λ T α.
    double* const by_level = scratch.vector(n);
    for (Index i = 0; i < p; ++i) {
        by.blocks.intercept[i] += by.item_mean[i];
        for (Index a = 0; a < n; ++a) {
            by.blocks.loading(i, a) += by.item_mean[i] * at.level[a];
            by_level[a] += by.item_mean[i] * at.blocks.loading(i, a);
        }
    }
    gather(at, by, by_level);
    pull_back(at, by, by_inputs);
}

void Structure::gather(const Point& at, const Gradient& by, const double* by_level) {
    const Index n = at.total.rows;
    Memory scratch(2 * n * n + n);
    double* const by_mean = scratch.vector(n);
    for (Index a = 0; a < n; ++a) {
        for (Index b = 0; b < n; ++b)
            by_mean[b] += at.total(a, b) * by_level[a];
    }
    // Of the covariance: Tᵀ G T by Ω, 2 Tᵀ G T Ω Tᵀ by A.
    const Matrix turned = scratch.matrix(n, n); // Tᵀ
    const Matrix half = scratch.matrix(n, n);
    transpose(at.total, turned);
    product(turned, by.covariance, half);
    product(half, at.total, by.blocks.disturbance);
    product(by.blocks.disturbance, at.blocks.disturbance, half);
    product(half, turned, by.blocks.path);
    for (Index a = 0; a < n; ++a) {
        by.blocks.mean[a] += by_mean[a];
        for (Index b = 0; b < n; ++b)
            by.blocks.path(a, b) = 2.0 * by.blocks.path(a, b) + by_mean[a] * at.level[b];
    }
}

void Structure::pull_back(const Point& at, const Gradient& by, double* by_inputs) const {
    Memory scratch(places_.size() + tape_.steps());
    double* const by_output = scratch.vector(places_.size());
    for (Index k = 0; k < places_.size(); ++k)
        by_output[k] = by.data[places_[k]];
    tape_.backward(at.values, by_output, scratch.vector(tape_.steps()), by_inputs);
}

} // namespace pycore::estimation
