// Expressions of the parameters in double precision, and their derivatives by reverse mode.
//
// The entries of B, Γ, Ψ and Φ come from the model's equations as a list of steps, each of which
// names earlier ones; so a new model compiles nothing.
#pragma once

#include <cstdint>
#include <vector>

namespace pycore::estimation {

enum class Operation : std::int32_t {
    PARAMETER,
    CONSTANT,
    ADD,
    MULTIPLY,
    POWER, // the exponent is a constant
    EXP,
    LOG,
    LOGISTIC,
    MAX,
    MIN,
    ABS,
    FLOOR,
    LESS,
    LESS_EQUAL,
    EQUAL,
    AND,
    OR,
    NOT,
    WHERE,
    COUNT,
};

struct Step {
    Operation operation;
    std::int32_t a, b, c; // earlier steps; for PARAMETER, a is its number
    double number;        // of CONSTANT and POWER
};

class Tape {
  public:
    // Throws std::invalid_argument where a step names no earlier one.
    Tape(std::vector<Step> steps, std::vector<std::int32_t> outputs, std::int64_t parameters);

    std::size_t steps() const { return steps_.size(); }
    std::size_t outputs() const { return outputs_.size(); }
    std::int64_t parameters() const { return parameters_; }

    // Values of all steps; `output(values, k)` is the k-th result.
    void forward(const double* parameters, double* values) const;
    double output(const double* values, std::size_t k) const {
        return values[static_cast<std::size_t>(outputs_[k])];
    }

    // Add to `by_parameter` what `by_output` gives; `scratch` has room for all steps.
    void backward(const double* values, const double* by_output, double* scratch,
                  double* by_parameter) const;

  private:
    std::vector<Step> steps_;
    std::vector<std::int32_t> outputs_;
    std::int64_t parameters_;
};

} // namespace pycore::estimation
