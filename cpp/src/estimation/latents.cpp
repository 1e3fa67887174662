#include "pycore/estimation/latents.hpp"

#include <stdexcept>
#include <string>

namespace pycore::estimation {

namespace {

void require(bool fits, const char* what) {
    if (!fits) throw std::invalid_argument(std::string("latent form: allowed is ") + what);
}

void require_places(const std::vector<Place>& places, Index rows, Index columns) {
    for (const Place& place : places) {
        require(place.first < rows && place.second < columns, "places within the matrix");
    }
}

void require_rows(const std::vector<Index>& rows, Index below) {
    for (const Index row : rows)
        require(row < below, "rows within the matrix");
}

void merge(const std::vector<Correlated>& blocks, const std::vector<Matrix>& given,
           const Matrix& into) {
    into.fill(0.0);
    for (Index i = 0; i < into.rows; ++i)
        into(i, i) = 1.0;
    for (const Correlated& block : blocks) {
        for (Index i = 0; i < block.rows.size(); ++i) {
            for (Index j = 0; j < block.rows.size(); ++j) {
                into(block.rows[i], block.rows[j]) = given[block.which](i, j);
            }
        }
    }
}

void unmerge(const std::vector<Correlated>& blocks, const Matrix& by,
             const std::vector<Matrix>& into) {
    for (const Correlated& block : blocks) {
        for (Index i = 0; i < block.rows.size(); ++i) {
            for (Index j = 0; j < block.rows.size(); ++j) {
                into[block.which](i, j) += by(block.rows[i], block.rows[j]);
            }
        }
    }
}

} // namespace

Latents::Latents(LatentForm form) : form_(std::move(form)) {
    const Index size = form_.states + form_.traits;
    require(form_.tape.outputs() == form_.paths.size() + form_.chance.size() + form_.spread.size() +
                                        form_.own_traits.size(),
            "one expression per entry");
    require_places(form_.paths, size, size);
    require_places(form_.chance, form_.states, form_.states);
    require_places(form_.spread, form_.states, form_.dispositions);
    require_rows(form_.own_traits, form_.traits);
    require_rows(form_.free_traits, form_.traits);
    for (const Correlated& block : form_.inner)
        require_rows(block.rows, form_.dispositions);
    for (const Correlated& block : form_.outer)
        require_rows(block.rows, form_.traits);
}

Index Latents::memory() const {
    const Index n = size();
    const Index forward = form_.tape.steps() + form_.traits + 3 * n * n +
                          form_.states * form_.dispositions +
                          form_.dispositions * form_.dispositions + form_.traits * form_.traits;
    return forward;
}

Latents::Point Latents::point(Memory& memory) const {
    const Index n = size();
    const Index d = form_.dispositions;
    return {memory.vector(form_.tape.steps()),
            memory.vector(form_.traits),
            memory.matrix(n, n),
            memory.matrix(n, n),
            memory.matrix(form_.states, d),
            memory.matrix(d, d),
            memory.matrix(form_.traits, form_.traits),
            memory.matrix(n, n)};
}

bool Latents::forward(const double* parameters, const double* trait_sd,
                      const std::vector<Matrix>& correlations, const Point& at) const {
    const Index n = size();
    const Index s = form_.states;
    const Index d = form_.dispositions;
    Memory scratch(2 * n * n + s * d + s * s);
    form_.tape.forward(parameters, at.values);
    Index k = 0;
    const auto next = [&] { return form_.tape.output(at.values, k++); };

    const Matrix direct = scratch.matrix(n, n); // I − A
    for (Index i = 0; i < n; ++i)
        direct(i, i) = 1.0;
    for (const auto& [i, j] : form_.paths)
        direct(i, j) -= next();
    if (!invert(direct, at.total)) return false;

    at.disturbance.fill(0.0);
    for (const auto& [i, j] : form_.chance)
        at.disturbance(i, j) = next();
    at.spread.fill(0.0);
    for (const auto& [i, j] : form_.spread)
        at.spread(i, j) = next();
    if (!form_.inner.empty()) {
        merge(form_.inner, correlations, at.inner);
        const Matrix half = scratch.matrix(s, d);
        product(at.spread, at.inner, half);
        for (Index i = 0; i < s; ++i) {
            for (Index j = 0; j < s; ++j) {
                for (Index c = 0; c < d; ++c) {
                    at.disturbance(i, j) += half(i, c) * at.spread(j, c);
                }
            }
        }
    }
    for (const Index trait : form_.own_traits)
        at.sd[trait] = next();
    for (Index t = 0; t < form_.free_traits.size(); ++t)
        at.sd[form_.free_traits[t]] = trait_sd[t];
    merge(form_.outer, correlations, at.outer);
    for (Index i = 0; i < form_.traits; ++i) {
        for (Index j = 0; j < form_.traits; ++j) {
            at.disturbance(s + i, s + j) = at.outer(i, j) * at.sd[i] * at.sd[j];
        }
    }

    const Matrix half = scratch.matrix(n, n); // T Ω
    product(at.total, at.disturbance, half);
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j <= i; ++j) {
            double sum = 0.0;
            for (Index c = 0; c < n; ++c)
                sum += half(i, c) * at.total(j, c);
            at.covariance(i, j) = at.covariance(j, i) = sum;
        }
    }
    return true;
}

void Latents::backward(const Point& at, const Matrix& by_covariance, double* by_parameters,
                       double* by_trait_sd, const std::vector<Matrix>& by_correlations) const {
    const Index n = size();
    const Index s = form_.states;
    const Index t = form_.traits;
    const Index d = form_.dispositions;
    Memory scratch(5 * n * n + t + t * t + 2 * s * d + d * d + form_.tape.outputs() +
                   form_.tape.steps());
    const Matrix turned = scratch.matrix(n, n); // Tᵀ
    const Matrix half = scratch.matrix(n, n);
    const Matrix by_disturbance = scratch.matrix(n, n); // Tᵀ G T
    const Matrix by_path = scratch.matrix(n, n);        // 2 Tᵀ G T Ω Tᵀ
    transpose(at.total, turned);
    product(turned, by_covariance, half);
    product(half, at.total, by_disturbance);
    product(by_disturbance, at.disturbance, half);
    product(half, turned, by_path);

    double* const by_output = scratch.vector(form_.tape.outputs());
    Index k = 0;
    for (const auto& [i, j] : form_.paths)
        by_output[k++] = 2.0 * by_path(i, j);
    for (const auto& [i, j] : form_.chance)
        by_output[k++] = by_disturbance(i, j);
    if (form_.inner.empty()) {
        k += form_.spread.size(); // zero: Q is not used then
    } else {
        // Of Q R Qᵀ: 2 B Q R by Q, Qᵀ B Q by R.
        const Matrix first = scratch.matrix(s, d);
        for (Index i = 0; i < s; ++i) {
            for (Index j = 0; j < s; ++j) {
                for (Index c = 0; c < d; ++c) {
                    first(i, c) += by_disturbance(i, j) * at.spread(j, c);
                }
            }
        }
        const Matrix second = scratch.matrix(s, d);
        product(first, at.inner, second);
        for (const auto& [i, j] : form_.spread)
            by_output[k++] = 2.0 * second(i, j);
        const Matrix by_inner = scratch.matrix(d, d);
        for (Index i = 0; i < s; ++i) {
            for (Index a = 0; a < d; ++a) {
                for (Index b = 0; b < d; ++b)
                    by_inner(a, b) += at.spread(i, a) * first(i, b);
            }
        }
        unmerge(form_.inner, by_inner, by_correlations);
    }
    double* const by_sd = scratch.vector(t);
    const Matrix by_outer = scratch.matrix(t, t);
    for (Index i = 0; i < t; ++i) {
        for (Index j = 0; j < t; ++j) {
            const double by = by_disturbance(s + i, s + j);
            by_sd[i] += 2.0 * by * at.outer(i, j) * at.sd[j];
            by_outer(i, j) = by * at.sd[i] * at.sd[j];
        }
    }
    unmerge(form_.outer, by_outer, by_correlations);
    for (const Index trait : form_.own_traits)
        by_output[k++] = by_sd[trait];
    for (Index f = 0; f < form_.free_traits.size(); ++f) {
        by_trait_sd[f] += by_sd[form_.free_traits[f]];
    }
    form_.tape.backward(at.values, by_output, scratch.vector(form_.tape.steps()), by_parameters);
}

} // namespace pycore::estimation
