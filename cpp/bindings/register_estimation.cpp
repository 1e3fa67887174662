#include "arrays.hpp"
#include "initialised.hpp"
#include "pycore/estimation/posterior.hpp"
#include "register.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

PYCORE_INITIALISED(pycore::estimation::ScalarPriors);
PYCORE_INITIALISED(pycore::estimation::CorrelationPrior);
PYCORE_INITIALISED(pycore::estimation::Tape);
PYCORE_INITIALISED(pycore::estimation::Group);
PYCORE_INITIALISED(pycore::estimation::Unit);
PYCORE_INITIALISED(pycore::estimation::Moments);
PYCORE_INITIALISED(pycore::estimation::Column);
PYCORE_INITIALISED(pycore::estimation::Respondents);
PYCORE_INITIALISED(pycore::estimation::Mixture);
PYCORE_INITIALISED(pycore::estimation::Grid);
PYCORE_INITIALISED(pycore::estimation::Posterior);

namespace py = pybind11;

namespace pycore::bindings {

namespace {

using namespace pycore::estimation;

using Numbers = Array<double>;

const double* vector_of(const char* name, const Numbers& values, Index size) {
    require_shape(name, values.ndim() == 1 && static_cast<Index>(values.size()) == size,
                  "a float64 array of the model's own length");
    return values.data();
}

Numbers zeros(Index size) {
    Numbers made(static_cast<py::ssize_t>(size));
    std::fill_n(made.mutable_data(), size, 0.0);
    return made;
}

Numbers square(Index rows) {
    const auto side = static_cast<py::ssize_t>(rows);
    Numbers made({side, side});
    std::fill_n(made.mutable_data(), rows * rows, 0.0);
    return made;
}

Matrix matrix_of(const char* name, Numbers& values, Index rows) {
    require_shape(name,
                  values.ndim() == 2 && static_cast<Index>(values.shape(0)) == rows &&
                      values.shape(0) == values.shape(1),
                  "a square float64 array of the prior's size");
    return {values.mutable_data(), rows, rows};
}

Nodes nodes_of(const Numbers& nodes, const Numbers& weights) {
    require_shape("nodes",
                  nodes.ndim() == 2 && weights.ndim() == 1 && nodes.shape(1) == weights.size(),
                  "a float64 array (dimensions, nodes) with one weight per node");
    return {static_cast<Index>(nodes.shape(0)),
            {nodes.data(), nodes.data() + nodes.size()},
            {weights.data(), weights.data() + weights.size()}};
}

ScalarPriors make_scalars(const Array<std::int32_t>& forms, const Numbers& numbers,
                          double constant) {
    constexpr py::ssize_t FIELDS = 9;
    require_shape("numbers",
                  forms.ndim() == 1 && numbers.ndim() == 2 && numbers.shape(0) == forms.size() &&
                      numbers.shape(1) == FIELDS,
                  "a float64 array (scalars, 9)");
    std::vector<ScalarPrior> priors;
    for (py::ssize_t k = 0; k < forms.size(); ++k) {
        const std::int32_t form = forms.at(k);
        require_shape("forms", form >= 0 && form <= 2, "0, 1 or 2");
        const double* const v = numbers.data(k, 0);
        priors.push_back(
            {static_cast<Form>(form), v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]});
    }
    return {std::move(priors), constant};
}

Tape make_tape(const Array<std::int32_t>& steps, const Numbers& numbers,
               std::vector<std::int32_t> outputs, std::int64_t parameters) {
    require_shape("steps",
                  steps.ndim() == 2 && steps.shape(1) == 4 && numbers.ndim() == 1 &&
                      numbers.size() == steps.shape(0),
                  "an int32 array (steps, 4) with one number per step");
    std::vector<Step> made;
    for (py::ssize_t i = 0; i < steps.shape(0); ++i) {
        made.push_back({static_cast<Operation>(steps.at(i, 0)), steps.at(i, 1), steps.at(i, 2),
                        steps.at(i, 3), numbers.at(i)});
    }
    return {std::move(made), std::move(outputs), parameters};
}

void register_parts(py::module_& module) {
    py::class_<ScalarPriors>(module, "ScalarPriors", "Independent priors of scalars.")
        .def(py::init(&make_scalars), py::arg("forms"), py::arg("numbers"), py::arg("constant"))
        .def(
            "evaluate",
            [](const ScalarPriors& self, const Numbers& z) {
                const double* const at = vector_of("z", z, self.size());
                Numbers x = zeros(self.size());
                Numbers slope = zeros(self.size());
                Numbers gradient = zeros(self.size());
                const double total = self.evaluate(at, x.mutable_data(), slope.mutable_data(),
                                                   gradient.mutable_data());
                return py::make_tuple(x, slope, total, gradient);
            },
            py::arg("z"), "Values, dx/dz, log density of z, its gradient.");
    py::class_<CorrelationPrior>(module, "CorrelationPrior", "LKJ by partial correlations.")
        .def(py::init<Index, double>(), py::arg("rows"), py::arg("eta"))
        .def_property_readonly("size", &CorrelationPrior::size)
        .def(
            "factor",
            [](const CorrelationPrior& self, const Numbers& z) {
                Numbers made = square(self.rows());
                self.factor(vector_of("z", z, self.size()), matrix_of("factor", made, self.rows()));
                return made;
            },
            py::arg("z"), "Cholesky factor.")
        .def(
            "evaluate",
            [](const CorrelationPrior& self, const Numbers& z) {
                Numbers factor = square(self.rows());
                Numbers matrix = square(self.rows());
                Numbers gradient = zeros(self.size());
                const double total = self.evaluate(
                    vector_of("z", z, self.size()), matrix_of("factor", factor, self.rows()),
                    matrix_of("matrix", matrix, self.rows()), gradient.mutable_data());
                return py::make_tuple(matrix, total, gradient);
            },
            py::arg("z"), "Matrix, log density of z, its gradient.");
    py::class_<Tape>(module, "Tape", "Expressions of parameters, with derivatives.")
        .def(py::init(&make_tape), py::arg("steps"), py::arg("numbers"), py::arg("outputs"),
             py::arg("parameters"))
        .def_property_readonly("steps", &Tape::steps)
        .def(
            "evaluate",
            [](const Tape& self, const Numbers& parameters) {
                const auto inputs = static_cast<Index>(self.parameters());
                const double* const at = vector_of("parameters", parameters, inputs);
                std::vector<double> values(self.steps()), scratch(self.steps());
                self.forward(at, values.data());
                Numbers found = zeros(self.outputs());
                Numbers slopes(
                    {static_cast<py::ssize_t>(self.outputs()), static_cast<py::ssize_t>(inputs)});
                std::fill_n(slopes.mutable_data(), slopes.size(), 0.0);
                for (Index k = 0; k < self.outputs(); ++k) {
                    found.mutable_data()[k] = self.output(values.data(), k);
                    std::vector<double> by(self.outputs(), 0.0);
                    by[k] = 1.0;
                    self.backward(values.data(), by.data(), scratch.data(),
                                  slopes.mutable_data() + k * inputs);
                }
                return py::make_tuple(found, slopes);
            },
            py::arg("parameters"), "Results, and their derivatives (results, parameters).");
    py::class_<Group>(module, "Group", "One group: its matrices and the values that they read.")
        .def(py::init([](Index items, Index latents, const Tape& tape, std::vector<double> base,
                         std::vector<Index> places, std::vector<Index> inputs) {
                 return Group{{items, latents, tape, std::move(base), std::move(places)},
                              std::move(inputs)};
             }),
             py::kw_only(), py::arg("items"), py::arg("latents"), py::arg("tape"), py::arg("base"),
             py::arg("places"), py::arg("inputs"));
    py::class_<Unit>(module, "Unit", "Statistics of respondents who answered the same items.")
        .def(py::init([](Index group, double n, double freedom, std::vector<Index> items,
                         std::vector<double> mean, const Numbers& scatter) {
                 return Unit{group,           n,
                             freedom,         std::move(items),
                             std::move(mean), {scatter.data(), scatter.data() + scatter.size()}};
             }),
             py::kw_only(), py::arg("group"), py::arg("n"), py::arg("freedom"), py::arg("items"),
             py::arg("mean"), py::arg("scatter"));
    py::class_<Moments>(module, "Moments", "Estimated moments of the items, and their weights.")
        .def(
            py::init([](std::vector<Index> group, std::vector<Index> row, std::vector<Index> column,
                        std::vector<double> value, const Numbers& weight) {
                return Moments{std::move(group),
                               std::move(row),
                               std::move(column),
                               std::move(value),
                               {weight.data(), weight.data() + weight.size()}};
            }),
            py::kw_only(), py::arg("group"), py::arg("row"), py::arg("column"), py::arg("value"),
            py::arg("weight"));
    py::class_<Column>(module, "Column", "What was seen of one item or outcome.")
        .def(py::init([](std::int32_t kind, Index cuts, Index categories, const Numbers& values) {
                 require_shape("kind", kind >= 0 && kind < static_cast<std::int32_t>(Kind::COUNT),
                               "a kind that exists");
                 Column made{static_cast<Kind>(kind), cuts, categories,
                             to_vector("values", values)};
                 // A count takes as many steps as it is high.
                 require_shape("values",
                               made.kind != Kind::NEGATIVE_BINOMIAL ||
                                   std::none_of(made.values.begin(), made.values.end(),
                                                [](double one) { return std::fabs(one) > 1e6; }),
                               "counts to a million");
                 return made;
             }),
             py::kw_only(), py::arg("kind"), py::arg("cuts"), py::arg("categories"),
             py::arg("values"));
    py::class_<Respondents>(module, "Respondents", "Answers of the respondents of one group.")
        .def(py::init([](Index count, std::vector<Index> drawn,
                         const std::vector<std::array<Index, 4>>& products,
                         std::vector<Column> columns) {
                 Respondents made{count, std::move(drawn), {}, std::move(columns)};
                 for (const auto& [state, first, second, coefficient] : products)
                     made.products.push_back({state, first, second, coefficient});
                 return made;
             }),
             py::kw_only(), py::arg("count"), py::arg("drawn"), py::arg("products"),
             py::arg("columns"));
    py::class_<Mixture>(module, "Mixture", "Products of states, by quadrature over one of them.")
        .def(py::init([](const Respondents& respondents, const Numbers& nodes,
                         const Numbers& weights, Index shared) {
                 return Mixture(respondents, nodes_of(nodes, weights), shared);
             }),
             py::arg("respondents"), py::kw_only(), py::arg("nodes"), py::arg("weights"),
             py::arg("shared"));
    py::class_<Grid>(module, "Grid", "Answers of any kind, by quadrature over the disturbances.")
        .def(py::init(
                 [](const Respondents& respondents, const Numbers& nodes, const Numbers& weights) {
                     return Grid(respondents, nodes_of(nodes, weights));
                 }),
             py::arg("respondents"), py::kw_only(), py::arg("nodes"), py::arg("weights"))
        .def_property_readonly("patterns", &Grid::patterns);
}

} // namespace

void register_estimation(py::module_& module) {
    register_parts(module);
    py::class_<Posterior>(module, "Posterior", "Log posterior density of a structural model.")
        .def(py::init([](const ScalarPriors& scalars, std::vector<CorrelationPrior> correlations,
                         std::vector<Group> groups, std::vector<Unit> units, bool means,
                         const Moments& moments, std::vector<Respondents> respondents,
                         std::vector<Mixture> mixtures, std::vector<Grid> grids) {
                 return Posterior({scalars, std::move(correlations), std::move(groups),
                                   std::move(units), means, moments, std::move(respondents),
                                   std::move(mixtures), std::move(grids)});
             }),
             py::kw_only(), py::arg("scalars"), py::arg("correlations"), py::arg("groups"),
             py::arg("units"), py::arg("means"), py::arg("moments") = Moments{},
             py::arg("respondents") = std::vector<Respondents>{},
             py::arg("mixtures") = std::vector<Mixture>{}, py::arg("grids") = std::vector<Grid>{})
        .def_property_readonly("size", &Posterior::size)
        .def(
            "evaluate",
            [](const Posterior& self, const Numbers& z) {
                const double* const at = vector_of("z", z, self.size());
                Numbers gradient(static_cast<py::ssize_t>(self.size()));
                double* const out = gradient.mutable_data();
                double total = 0.0;
                {
                    const py::gil_scoped_release unlocked; // chains run side by side
                    total = self.evaluate(at, out);
                }
                return py::make_tuple(total, gradient);
            },
            py::arg("z"), "Log density (−inf where impossible) and gradient.")
        .def(
            "expand",
            [](const Posterior& self, const Numbers& z) {
                const double* const at = vector_of("z", z, self.parameters());
                Numbers scalars = zeros(self.scalars());
                Index size = 0;
                for (const auto& prior : self.correlations())
                    size += prior.rows() * prior.rows();
                Numbers factors = zeros(size);
                self.expand(at, scalars.mutable_data(), factors.mutable_data());
                return py::make_tuple(scalars, factors);
            },
            py::arg("z"),
            "Of the parameters alone: scalars, and Cholesky factors of the correlation matrices in "
            "a row.");
}

} // namespace pycore::bindings
