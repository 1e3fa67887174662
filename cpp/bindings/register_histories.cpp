#include "arrays.hpp"
#include "initialised.hpp"
#include "pycore/histories/frailty.hpp"
#include "pycore/histories/posterior.hpp"
#include "pycore/histories/purchases.hpp"
#include "pycore/histories/stage_model.hpp"
#include "register.hpp"

#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

PYCORE_INITIALISED(pycore::estimation::ScalarPriors);
PYCORE_INITIALISED(pycore::histories::Likelihood);
PYCORE_INITIALISED(pycore::histories::StageModel);
PYCORE_INITIALISED(pycore::histories::PurchaseModel);
PYCORE_INITIALISED(pycore::histories::BgNbd);
PYCORE_INITIALISED(pycore::histories::ParetoNbd);
PYCORE_INITIALISED(pycore::histories::Retention);
PYCORE_INITIALISED(pycore::histories::Frailty);
PYCORE_INITIALISED(pycore::histories::Posterior);

namespace py = pybind11;

namespace pycore::bindings {

namespace {

using namespace pycore::histories;

using Numbers = Array<double>;

const double* numbers_of(const char* name, const Numbers& values, Index size) {
    require_shape(name, values.ndim() == 1 && static_cast<Index>(values.size()) == size,
                  "a float64 array of the model's own length");
    return values.data();
}

Numbers empty(Index size) {
    return Numbers(static_cast<py::ssize_t>(size));
}

Numbers empty(Index rows, Index columns) {
    return Numbers({static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(columns)});
}

// All numbers of an array, whatever its shape, which others check by the count.
template <class T>
std::vector<T> flat(const Array<T>& array) {
    return std::vector<T>(array.data(), array.data() + array.size());
}

// Value and gradient without the interpreter's lock, so that chains run side by side.
template <class Evaluate>
py::tuple differentiated(Index size, const Evaluate& evaluate) {
    Numbers gradient = empty(size);
    double* const out = gradient.mutable_data();
    double total = 0.0;
    {
        const py::gil_scoped_release unlocked;
        total = evaluate(out);
    }
    return py::make_tuple(total, gradient);
}

std::vector<Index> indices(const char* name, const Array<std::int64_t>& array) {
    std::vector<Index> found;
    for (const std::int64_t k : to_vector(name, array)) {
        require_shape(name, k >= 0, "numbers from 0");
        found.push_back(static_cast<Index>(k));
    }
    return found;
}

std::shared_ptr<StageModel>
make_stage_model(std::vector<std::vector<std::uint32_t>> goals,
                 const std::vector<std::tuple<std::int32_t, Index, std::vector<double>>>& outcomes,
                 std::vector<std::int32_t> known, std::vector<bool> silent, bool free_start,
                 Index groups, const Array<std::uint32_t>& codes, const Numbers& covariates,
                 const Array<std::uint32_t>& group_of, const Array<std::int64_t>& first,
                 const Array<std::int64_t>& length, std::int64_t threads, const std::string& isa) {
    StageDesign design{std::move(goals),  {},         std::move(known),
                       std::move(silent), free_start, groups};
    for (const auto& [family, categories, values] : outcomes) {
        require_shape("outcomes", family >= 0 && family <= 2, "families 0, 1 or 2");
        design.outcomes.push_back({static_cast<Family>(family), categories, values});
    }
    require_shape("covariates", covariates.ndim() == 2, "a float64 array (rows, covariates)");
    const Histories histories{
        to_vector("codes", codes),       flat(covariates),
        to_vector("group_of", group_of), indices("first", first),
        indices("length", length),       static_cast<Index>(covariates.shape(1))};
    return std::make_shared<StageModel>(std::move(design), histories, threads, isa.c_str());
}

void register_stages(py::module_& module) {
    py::class_<StageModel, Likelihood, std::shared_ptr<StageModel>>(
        module, "StageModel", "Likelihood of hidden stages by the forward algorithm.")
        .def(py::init(&make_stage_model), py::kw_only(), py::arg("goals"), py::arg("outcomes"),
             py::arg("known"), py::arg("silent"), py::arg("free_start"), py::arg("groups"),
             py::arg("codes"), py::arg("covariates"), py::arg("group_of"), py::arg("first"),
             py::arg("length"), py::arg("threads") = 1, py::arg("isa") = "auto")
        .def_property_readonly("isa", &StageModel::isa)
        .def(
            "recover",
            [](const StageModel& self, const Numbers& theta) {
                const double* const at = numbers_of("theta", theta, self.size());
                Numbers filtered = empty(self.rows(), self.stages());
                Numbers smoothed = empty(self.rows(), self.stages());
                double* const before = filtered.mutable_data();
                double* const after = smoothed.mutable_data();
                {
                    const py::gil_scoped_release unlocked;
                    self.recover(at, before, after);
                }
                return py::make_tuple(filtered, smoothed);
            },
            py::arg("theta"), "Filtered and smoothed probabilities (rows, stages).")
        .def(
            "most_likely",
            [](const StageModel& self, const Numbers& theta) {
                const double* const at = numbers_of("theta", theta, self.size());
                Array<std::int32_t> path(static_cast<py::ssize_t>(self.rows()));
                self.most_likely(at, path.mutable_data());
                return path;
            },
            py::arg("theta"), "Stage by row, of the most probable path of each consumer.");
}

Customers customers(const Array<std::int64_t>& count, const Numbers& recency, const Numbers& age,
                    const Numbers& weight) {
    return {to_vector("count", count), to_vector("recency", recency), to_vector("age", age),
            to_vector("weight", weight)};
}

template <class Model>
void register_purchase_model(py::module_& module, const char* name, const char* says) {
    py::class_<Model, PurchaseModel, std::shared_ptr<Model>>(module, name, says)
        .def(py::init([](const Array<std::int64_t>& count, const Numbers& recency,
                         const Numbers& age, const Numbers& weight, const std::string& isa) {
                 return std::make_shared<Model>(customers(count, recency, age, weight),
                                                isa.c_str());
             }),
             py::kw_only(), py::arg("count"), py::arg("recency"), py::arg("age"), py::arg("weight"),
             py::arg("isa") = "auto");
}

void register_purchases(py::module_& module) {
    py::class_<PurchaseModel, Likelihood, std::shared_ptr<PurchaseModel>>(module, "PurchaseModel",
                                                                          "Buy till you die.")
        .def(
            "alive",
            [](const PurchaseModel& self, const Numbers& theta) {
                Numbers out = empty(self.units());
                self.alive(numbers_of("theta", theta, self.size()), out.mutable_data());
                return out;
            },
            py::arg("theta"), "Probability that each row's customers have not left.");
    register_purchase_model<BgNbd>(module, "BgNbd", "θ = r, α, a, b.");
    register_purchase_model<ParetoNbd>(module, "ParetoNbd", "θ = r, α, s, β.");
    py::class_<Retention, Likelihood, std::shared_ptr<Retention>>(module, "Retention",
                                                                  "Shifted beta-geometric.")
        .def(py::init<std::vector<double>, std::vector<double>>(), py::kw_only(), py::arg("stayed"),
             py::arg("left"));
}

void register_posterior(py::module_& module) {
    using Terms = std::vector<std::tuple<Index, double, std::int64_t, std::int64_t>>;
    py::class_<Posterior>(module, "HistoryPosterior", "Log posterior density of event histories.")
        .def(py::init([](const estimation::ScalarPriors& scalars, const Terms& products,
                         std::shared_ptr<Likelihood> likelihood) {
                 std::vector<Product> made;
                 for (const auto& [of, scale, first, second] : products)
                     made.push_back({of, scale, first, second});
                 return Posterior(scalars, std::move(made), std::move(likelihood));
             }),
             py::kw_only(), py::arg("scalars"), py::arg("products"), py::arg("likelihood"))
        .def_property_readonly("size", &Posterior::size)
        .def(
            "precondition",
            [](Posterior& self, const Numbers& centre, const Numbers& factor) {
                self.precondition(to_vector("centre", centre), flat(factor));
            },
            py::arg("centre"), py::arg("factor"), "z = centre + factor · ζ from now on.")
        .def(
            "evaluate",
            [](const Posterior& self, const Numbers& zeta) {
                const double* const at = numbers_of("zeta", zeta, self.size());
                return differentiated(self.size(),
                                      [&](double* out) { return self.evaluate(at, out); });
            },
            py::arg("zeta"), "Log density (−inf where impossible) and gradient.")
        .def(
            "log_likelihood",
            [](const Posterior& self, const Numbers& z) {
                const double* const at = numbers_of("z", z, self.size());
                return differentiated(self.size(),
                                      [&](double* out) { return self.log_likelihood(at, out); });
            },
            py::arg("z"), "Log-likelihood and its gradient by z.")
        .def(
            "place",
            [](const Posterior& self, const Numbers& zeta) {
                Numbers z = empty(self.size());
                self.place(numbers_of("zeta", zeta, self.size()), z.mutable_data());
                return z;
            },
            py::arg("zeta"), "z of ζ.")
        .def(
            "expand",
            [](const Posterior& self, const Numbers& z) {
                Numbers scalars = empty(self.size());
                Numbers theta = empty(self.likelihood().size());
                self.expand(numbers_of("z", z, self.size()), scalars.mutable_data(),
                            theta.mutable_data());
                return py::make_tuple(scalars, theta);
            },
            py::arg("z"), "Scalars, and the parameters of the likelihood.");
}

} // namespace

void register_histories(py::module_& module) {
    py::class_<Likelihood, std::shared_ptr<Likelihood>>(module, "Likelihood",
                                                        "Likelihood of event histories.")
        .def_property_readonly("size", &Likelihood::size)
        .def_property_readonly("units", &Likelihood::units)
        .def(
            "evaluate",
            [](const Likelihood& self, const Numbers& theta) {
                const double* const at = numbers_of("theta", theta, self.size());
                return differentiated(self.size(),
                                      [&](double* out) { return self.evaluate(at, out); });
            },
            py::arg("theta"), "Log-likelihood and gradient.")
        .def(
            "pointwise",
            [](const Likelihood& self, const Numbers& theta) {
                Numbers out = empty(self.units());
                self.pointwise(numbers_of("theta", theta, self.size()), out.mutable_data());
                return out;
            },
            py::arg("theta"), "Log-likelihood of every unit.");
    register_stages(module);
    register_purchases(module);
    py::class_<Frailty, Likelihood, std::shared_ptr<Frailty>>(
        module, "Frailty", "Piecewise constant hazards with a gamma frailty.")
        .def(py::init([](const Array<std::int64_t>& group, const Numbers& covariates,
                         const Numbers& exposed, const Numbers& before, const Numbers& ended,
                         Index groups, bool frail) {
                 require_shape("covariates", covariates.ndim() == 2 && exposed.ndim() == 2,
                               "an array of two dimensions");
                 return std::make_shared<Frailty>(
                     Spells{indices("group", group), flat(covariates), flat(exposed), flat(before),
                            flat(ended), static_cast<Index>(covariates.shape(1)),
                            static_cast<Index>(exposed.shape(1)), groups},
                     frail);
             }),
             py::kw_only(), py::arg("group"), py::arg("covariates"), py::arg("exposed"),
             py::arg("before"), py::arg("ended"), py::arg("groups"), py::arg("frail"));
    register_posterior(module);
}

} // namespace pycore::bindings
