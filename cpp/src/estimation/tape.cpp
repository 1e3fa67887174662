#include "pycore/estimation/tape.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace pycore::estimation {

namespace {

double power(double base, double exponent) {
    if (exponent == 2.0) return base * base;
    if (exponent == -1.0) return 1.0 / base;
    if (exponent == 0.5) return std::sqrt(base);
    return std::pow(base, exponent);
}

} // namespace

Tape::Tape(std::vector<Step> steps, std::vector<std::int32_t> outputs, std::int64_t parameters)
    : steps_(std::move(steps)), outputs_(std::move(outputs)), parameters_(parameters) {
    const auto require = [](bool fits, std::size_t at, const char* what) {
        if (!fits) {
            throw std::invalid_argument("step " + std::to_string(at) + ": allowed is " + what);
        }
    };
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        const Step& step = steps_[i];
        const auto code = static_cast<std::int32_t>(step.operation);
        require(code >= 0 && code < static_cast<std::int32_t>(Operation::COUNT), i,
                "a known operation");
        if (step.operation == Operation::PARAMETER) {
            require(step.a >= 0 && step.a < parameters_, i, "a parameter of the model");
        }
        // A step with fewer arguments has zeros there, and forward() reads them.
        const auto earlier = static_cast<std::int32_t>(std::max<std::size_t>(i, 1));
        const auto names = [earlier](std::int32_t other) { return other >= 0 && other < earlier; };
        require((step.operation == Operation::PARAMETER || names(step.a)) && names(step.b) &&
                    names(step.c),
                i, "earlier steps");
    }
    for (const std::int32_t output : outputs_) {
        require(output >= 0 && static_cast<std::size_t>(output) < steps_.size(), steps_.size(),
                "an output among the steps");
    }
}

void Tape::forward(const double* parameters, double* values) const {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        const Step& step = steps_[i];
        const double a = step.operation == Operation::PARAMETER ? 0.0 : values[step.a];
        const double b = values[step.b];
        double found = 0.0;
        switch (step.operation) {
        case Operation::PARAMETER:
            found = parameters[step.a];
            break;
        case Operation::CONSTANT:
            found = step.number;
            break;
        case Operation::ADD:
            found = a + b;
            break;
        case Operation::MULTIPLY:
            found = a * b;
            break;
        case Operation::POWER:
            found = power(a, step.number);
            break;
        case Operation::EXP:
            found = std::exp(a);
            break;
        case Operation::LOG:
            found = std::log(a);
            break;
        case Operation::LOGISTIC:
            found = a >= 0.0 ? 1.0 / (1.0 + std::exp(-a)) : std::exp(a) / (1.0 + std::exp(a));
            break;
        case Operation::MAX:
            found = std::max(a, b);
            break;
        case Operation::MIN:
            found = std::min(a, b);
            break;
        case Operation::ABS:
            found = std::fabs(a);
            break;
        case Operation::FLOOR:
            found = std::floor(a);
            break;
        case Operation::LESS:
            found = a < b ? 1.0 : 0.0;
            break;
        case Operation::LESS_EQUAL:
            found = a <= b ? 1.0 : 0.0;
            break;
        case Operation::EQUAL:
            found = a == b ? 1.0 : 0.0;
            break;
        case Operation::AND:
            found = a != 0.0 && b != 0.0 ? 1.0 : 0.0;
            break;
        case Operation::OR:
            found = a != 0.0 || b != 0.0 ? 1.0 : 0.0;
            break;
        case Operation::NOT:
            found = a == 0.0 ? 1.0 : 0.0;
            break;
        case Operation::WHERE:
            found = a != 0.0 ? b : values[step.c];
            break;
        case Operation::COUNT:
            break;
        }
        values[i] = found;
    }
}

void Tape::backward(const double* values, const double* by_output, double* scratch,
                    double* by_parameter) const {
    std::fill_n(scratch, steps_.size(), 0.0);
    for (std::size_t k = 0; k < outputs_.size(); ++k)
        scratch[outputs_[k]] += by_output[k];
    for (std::size_t i = steps_.size(); i-- > 0;) {
        const double by = scratch[i];
        if (by == 0.0) continue;
        const Step& step = steps_[i];
        switch (step.operation) {
        case Operation::PARAMETER:
            by_parameter[step.a] += by;
            break;
        case Operation::ADD:
            scratch[step.a] += by;
            scratch[step.b] += by;
            break;
        case Operation::MULTIPLY:
            scratch[step.a] += by * values[step.b];
            scratch[step.b] += by * values[step.a];
            break;
        case Operation::POWER:
            scratch[step.a] += by * step.number * power(values[step.a], step.number - 1.0);
            break;
        case Operation::EXP:
            scratch[step.a] += by * values[i];
            break;
        case Operation::LOG:
            scratch[step.a] += by / values[step.a];
            break;
        case Operation::LOGISTIC:
            scratch[step.a] += by * values[i] * (1.0 - values[i]);
            break;
        case Operation::MAX:
            scratch[values[step.a] >= values[step.b] ? step.a : step.b] += by;
            break;
        case Operation::MIN:
            scratch[values[step.a] <= values[step.b] ? step.a : step.b] += by;
            break;
        case Operation::ABS:
            scratch[step.a] += values[step.a] < 0.0 ? -by : by;
            break;
        case Operation::WHERE:
            scratch[values[step.a] != 0.0 ? step.b : step.c] += by;
            break;
        default: // steps, comparisons and constants are flat
            break;
        }
    }
}

} // namespace pycore::estimation
