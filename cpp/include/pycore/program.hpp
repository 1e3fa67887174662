// A program as the library owns it: copied in, validated once, immutable.
#pragma once

#include "pycore/buffer.hpp"
#include "pycore/machine.hpp"
#include "pycore/refusal.hpp"
#include "pycore/simd_scalar.hpp"

#include <cstdint>

namespace pycore {

inline constexpr std::int32_t MAX_REGISTERS = 4096;
inline constexpr std::int32_t MAX_STREAMS = 1024;
inline constexpr std::int32_t MAX_ROWS = 65536;
inline constexpr std::int32_t MAX_RECORDS = 65536;
inline constexpr std::int32_t MAX_BINS = 4096;
inline constexpr std::int32_t MAX_STAGES = 64;
inline constexpr std::int32_t MAX_EXPONENT = 30;
inline constexpr std::int32_t MAX_NAME = 200; // bytes of a record's name
inline constexpr std::int64_t MAX_COMMUNITY = 16384;

struct RecordDefinition {
    Text name;
    RecordKind kind = RecordKind::count;
    std::int32_t source = 0;
    bool by_stage = false;
    std::int32_t exponent = 0;
    std::int32_t square_exponent = 0;
    float low = 0.0F;
    float high = 1.0F;
    std::int32_t bins = 0;
};

enum class AggregateKind : std::int32_t { average, total, share };

// A sum record as a number, see pycore/program/coupling.py.
struct AggregateDefinition {
    AggregateKind kind = AggregateKind::average;
    std::int32_t record = 0;
};

// What consumers tell their neighbours: steps of 2^-exponent of `source`, heard in `target`.
struct SignalDefinition {
    AggregateKind kind = AggregateKind::average;
    std::int32_t source = 0;
    std::int32_t target = 0;
    std::int32_t exponent = 0;
};

// The part of a program that knows more than one consumer.
struct CouplingDefinition {
    Buffer<std::int32_t> inputs;
    Buffer<std::int32_t> results;
    Buffer<AggregateDefinition> aggregates;
    Buffer<Instruction> code;
    std::int64_t n_scalars = 0;
    std::int64_t community = 0;
    Buffer<SignalDefinition> signals;
};

// What arrives from outside; nothing in it is trusted.
struct ProgramDefinition {
    std::int64_t inputs = 0;
    Buffer<float> constants;
    std::int64_t n_scalars = 0;
    std::int64_t n_registers = 0;
    std::int64_t n_states = 0;
    Buffer<Instruction> scalar_code;
    Buffer<Instruction> start_code;
    Buffer<Instruction> step_code;
    Buffer<std::uint32_t> start_streams;
    Buffer<std::uint32_t> step_streams;
    std::int64_t stage_register = -1;
    std::int64_t stages = 0;
    Buffer<std::int32_t> absorbing;
    Buffer<RecordDefinition> records;
    bool coupled = false;
    CouplingDefinition coupling;
};

// Exact for the exponents of records and signals.
inline float power_of_two(std::int32_t exponent) noexcept {
    return Scalar::as_float(static_cast<std::uint32_t>(127 + exponent) << 23);
}

// A fixed-point sum as the number that consumers or environments compute with; 0 over nobody.
inline float aggregated(AggregateKind kind, std::int64_t total, std::int32_t exponent,
                        std::int64_t size) noexcept {
    double value = static_cast<double>(total) * static_cast<double>(power_of_two(-exponent));
    if (kind != AggregateKind::total) value /= static_cast<double>(size > 1 ? size : 1);
    return static_cast<float>(value);
}

class Program {
  public:
    // Refuses with what is wrong; afterwards no run can leave its memory.
    explicit Program(ProgramDefinition definition);

    ProgramView view() const noexcept;
    const ProgramDefinition& definition() const noexcept { return definition_; }
    std::int32_t inputs() const noexcept { return static_cast<std::int32_t>(definition_.inputs); }
    std::int32_t n_scalars() const noexcept {
        return static_cast<std::int32_t>(definition_.n_scalars);
    }
    std::int32_t n_registers() const noexcept {
        return static_cast<std::int32_t>(definition_.n_registers);
    }
    std::int32_t max_streams() const noexcept;
    std::int32_t width() const noexcept { return width_; }
    // Whether a lane register holds a value after a step (a state, or written by step code).
    bool readable(std::int64_t lane_register) const noexcept;
    // Fill one scalar file: inputs, constants, computed scalars.
    void fill_scalars(const float* input_values, float* file) const noexcept;
    // Next environments from a scalar file of coupling.n_scalars whose first n_scalars are filled,
    // the period's sums over the group (a ledger row) and how many consumers it had at the start.
    void next_environments(const std::int64_t* row, std::uint64_t everybody, float* file,
                           float* environments) const noexcept;
    std::int32_t offset(std::size_t record) const noexcept { return records_[record].offset; }

  private:
    ProgramDefinition definition_;
    Buffer<bool> readable_;
    Buffer<Passing> start_passing_;
    Buffer<Passing> step_passing_;
    Buffer<bool> halved_; // per stream of the step
    Buffer<Step> scalar_steps_;
    Buffer<Step> environment_steps_;
    Buffer<bool> absorbing_;
    Buffer<RecordView> records_;
    std::int32_t width_ = 0;
};

} // namespace pycore
