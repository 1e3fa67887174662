#include "pycore/program.hpp"

#include "analysis.hpp"
#include "pycore/simd_scalar.hpp"

#include <utility>

namespace pycore {

namespace {

[[noreturn]] void wrong(const Text& message) {
    refuse("program: " + message);
}

// For what is checked once.  Of rows and records there are many, and a message that nobody will
// read takes longer than its check: there, `if (…) wrong(…)`.
void require(bool condition, const Text& message) {
    if (!condition) wrong(message);
}

void require_range(const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high) {
        refuse(Text("program: ") + name + " is " + Text(value) + ", allowed is an integer from " +
               Text(low) + " to " + Text(high));
    }
}

bool is_index(std::int64_t value, std::int64_t size) noexcept {
    return value >= 0 && value < size;
}

// Flags of `size` registers, the first of them written before any code runs.
Buffer<bool> first_written(std::int64_t size, std::int64_t first) {
    Buffer<bool> written(static_cast<std::size_t>(size));
    for (std::int64_t i = 0; i < first; ++i)
        written[static_cast<std::size_t>(i)] = true;
    return written;
}

// Checks one part of the code against the registers written so far.
class CodeCheck {
  public:
    CodeCheck(const char* part, const Buffer<Instruction>& code) : part_(part), code_(code) {
        require(code.size() <= static_cast<std::size_t>(MAX_ROWS),
                Text(part) + ": more than " + Text(MAX_ROWS) + " rows");
    }

    // Lane code: operands are lane registers, s0 to s4 scalar registers.
    void lanes(Buffer<bool>& written, std::int64_t scalars, std::size_t streams) const {
        for (std::size_t i = 0; i < code_.size(); ++i) {
            const Instruction& row = code_[i];
            const Specification& specification = of(i);
            fields(i, static_cast<std::int64_t>(written.size()), scalars, streams);
            reads(i, row.lane, specification.lanes, written);
            for (std::int32_t s = 0; s < specification.scalars; ++s) {
                if (!is_index(row.scalar[s], scalars)) wrong(at(i) + "unknown scalar register");
            }
            if (specification.draws && !is_index(row.stream, static_cast<std::int64_t>(streams))) {
                wrong(at(i) + "unknown stream");
            }
            write(i, written, 0);
        }
    }

    // Scalar code: every operand is a scalar register; the first `fixed` are inputs and constants.
    void scalars(Buffer<bool>& written, std::int64_t fixed) const {
        const auto size = static_cast<std::int64_t>(written.size());
        for (std::size_t i = 0; i < code_.size(); ++i) {
            const Instruction& row = code_[i];
            const Specification& specification = of(i);
            if (specification.draws) wrong(at(i) + "scalar code draws random numbers");
            fields(i, size, size, 0);
            reads(i, row.lane, specification.lanes, written);
            reads(i, row.scalar, specification.scalars, written);
            write(i, written, fixed);
        }
    }

  private:
    Text at(std::size_t i) const {
        return Text(part_) + "[" + Text(static_cast<std::int64_t>(i)) + "]: ";
    }

    const Specification& of(std::size_t i) const {
        const auto op = static_cast<std::int32_t>(code_[i].op);
        if (!is_index(op, OPERATIONS)) wrong(at(i) + "unknown operation " + Text(op));
        return SPECIFICATIONS[op];
    }

    // Unused operands are addressed too (never read), so they must be indices all the same.
    void fields(std::size_t i, std::int64_t registers, std::int64_t scalars,
                std::size_t streams) const {
        const Instruction& row = code_[i];
        for (const std::int32_t lane : row.lane) {
            if (lane != 0 && !is_index(lane, registers)) wrong(at(i) + "unknown register");
        }
        for (const std::int32_t scalar : row.scalar) {
            if (scalar != 0 && !is_index(scalar, scalars)) {
                wrong(at(i) + "unknown scalar register");
            }
        }
        if (row.stream != 0 && !is_index(row.stream, static_cast<std::int64_t>(streams))) {
            wrong(at(i) + "unknown stream");
        }
    }

    template <int N>
    void reads(std::size_t i, const std::int32_t (&operands)[N], std::int32_t count,
               const Buffer<bool>& written) const {
        for (std::int32_t k = 0; k < count; ++k) {
            if (!is_index(operands[k], static_cast<std::int64_t>(written.size())) ||
                !written[static_cast<std::size_t>(operands[k])]) {
                wrong(at(i) + "reads register " + Text(operands[k]) + ", which is not written");
            }
        }
    }

    void write(std::size_t i, Buffer<bool>& written, std::int64_t lowest) const {
        const std::int64_t target = code_[i].target;
        if (target < lowest || !is_index(target, static_cast<std::int64_t>(written.size()))) {
            wrong(at(i) + "writes register " + Text(target));
        }
        written[static_cast<std::size_t>(target)] = true;
    }

    const char* part_;
    const Buffer<Instruction>& code_;
};

void check_sizes(const ProgramDefinition& p) {
    require_range("inputs", p.inputs, 0, MAX_REGISTERS);
    require_range("n_scalars", p.n_scalars,
                  p.inputs + static_cast<std::int64_t>(p.constants.size()), MAX_REGISTERS);
    require_range("n_registers", p.n_registers, 0, MAX_REGISTERS);
    require_range("n_states", p.n_states, 0, p.n_registers);
    require_range("stages", p.stages, 0, MAX_STAGES);
    require(p.start_streams.size() <= static_cast<std::size_t>(MAX_STREAMS) &&
                p.step_streams.size() <= static_cast<std::size_t>(MAX_STREAMS),
            Text("more than ") + Text(MAX_STREAMS) + " streams");
    require(p.records.size() <= static_cast<std::size_t>(MAX_RECORDS),
            Text("more than ") + Text(MAX_RECORDS) + " records");
    for (const float constant : p.constants) {
        if (!__builtin_isfinite(constant)) wrong("a constant is not finite");
    }
    if (p.stages > 0) {
        require(is_index(p.stage_register, p.n_states), "stage_register is not a state register");
    } else {
        require(p.stage_register == -1 && p.absorbing.empty(), "stage_register without stages");
    }
    for (const std::int32_t code : p.absorbing) {
        if (!is_index(code, p.stages)) wrong(Text("absorbing: unknown stage ") + Text(code));
    }
}

bool is_exponent(std::int32_t exponent) noexcept {
    return exponent >= -MAX_EXPONENT && exponent <= MAX_EXPONENT;
}

// 2^exponent, rounded to an integer as a fixed point is.
constexpr std::int32_t whole_power_of_two(std::int32_t exponent) noexcept {
    return exponent < 0 ? 0 : std::int32_t{1} << exponent;
}

// Adding it to a float rounds that to an integer and leaves the integer in the low bits.
constexpr float ROUNDER = 12582912.0F; // 1.5 * 2^23

// How many steps of x * x say that x and x * x are small.
std::uint32_t small_squares(std::int32_t exponent, std::int32_t square_exponent) noexcept {
    // |x| < SMALL steps = 2^(20 - exponent), x * x < 2^(40 - 2 exponent)
    const std::int32_t room = 40 - 2 * exponent + square_exponent;
    return room < 0 ? 0 : room > 20 ? SMALL : std::uint32_t{1} << room;
}

RecordView check_record(const RecordDefinition& record, std::int64_t offset) {
    const auto refused = [&record](const Text& reason) {
        wrong(Text("record '") + record.name + "': " + reason);
    };
    RecordView view{};
    view.kind = record.kind;
    view.source = record.source;
    view.by_stage = record.by_stage;
    view.offset = static_cast<std::int32_t>(offset);
    view.one = 1;
    switch (record.kind) {
    case RecordKind::count:
        view.width = 1;
        break;
    case RecordKind::sum:
    case RecordKind::shared:
    case RecordKind::moments: {
        if (record.kind != RecordKind::moments && record.by_stage) refused("a sum by stage");
        const std::int32_t exponents[] = {record.exponent, record.square_exponent};
        for (const std::int32_t exponent : exponents) {
            if (!is_exponent(exponent)) {
                refused("exponent " + Text(exponent) + " is not in ±" + Text(MAX_EXPONENT));
            }
        }
        view.width = record.kind == RecordKind::sum ? 1 : 2;
        view.one = whole_power_of_two(record.exponent);
        view.one_squared = whole_power_of_two(record.square_exponent);
        view.scale = power_of_two(record.exponent);
        view.square_scale = power_of_two(record.square_exponent);
        view.rounder = ROUNDER * power_of_two(-record.exponent);
        view.square_rounder = ROUNDER * power_of_two(-record.square_exponent);
        view.largest_square = Scalar::as_int(view.square_rounder) - 1 +
                              small_squares(record.exponent, record.square_exponent);
        break;
    }
    case RecordKind::histogram:
        if (record.bins <= 0 || record.bins > MAX_BINS) {
            refused("bins " + Text(record.bins) + ", allowed is 1 to " + Text(MAX_BINS));
        }
        if (!__builtin_isfinite(record.low) || !__builtin_isfinite(record.high) ||
            record.low >= record.high) {
            refused("range is not finite and increasing");
        }
        view.width = record.bins + 2;
        view.low = record.low;
        view.high = record.high;
        view.inverse = static_cast<float>(
            record.bins / (static_cast<double>(record.high) - static_cast<double>(record.low)));
        view.bins = record.bins;
        if (!__builtin_isfinite(view.inverse)) refused("range is too narrow for float32");
        break;
    default:
        refused("unknown kind");
    }
    return view;
}

// Scalar code is short: nothing is known of it.
Code code_of(const Buffer<Instruction>& code) noexcept {
    return {code.data(), static_cast<std::int32_t>(code.size()), nullptr};
}

Code code_of(const Buffer<Instruction>& code, const Buffer<Passing>& passing) noexcept {
    return {code.data(), static_cast<std::int32_t>(code.size()), passing.data()};
}

Streams streams_of(const Buffer<std::uint32_t>& slots, const bool* halved) noexcept {
    return {slots.data(), static_cast<std::int32_t>(slots.size()), halved};
}

// How the ones of a record are counted.
Counting counting_of(const RecordDefinition& record, const Buffer<Counting>& counting) noexcept {
    if (record.kind == RecordKind::shared || record.kind == RecordKind::histogram) {
        return Counting::no;
    }
    const Counting found = counting[static_cast<std::size_t>(record.source)];
    const bool any = record.kind == RecordKind::count; // all that is not 0 counts as 1
    return any && found == Counting::no ? Counting::by_the_ledger : found;
}

void check_environments(const ProgramDefinition& p) {
    const CouplingDefinition& c = p.coupling;
    const auto fixed = p.n_scalars + static_cast<std::int64_t>(c.aggregates.size());
    require(c.inputs.size() == c.results.size(), "coupling: one input and result each");
    Buffer<bool> taken(static_cast<std::size_t>(p.inputs));
    for (const std::int32_t input : c.inputs) {
        require(is_index(input, p.inputs) && !taken[static_cast<std::size_t>(input)],
                "coupling: an environment is no input of its own");
        taken[static_cast<std::size_t>(input)] = true;
    }
    require_range("coupling: n_scalars", c.n_scalars, fixed, MAX_REGISTERS);
    Buffer<bool> written = first_written(c.n_scalars, fixed);
    CodeCheck("environment_code", c.code).scalars(written, fixed);
    for (const bool one : written) {
        require(one, "coupling: a scalar register is never written");
    }
    for (const std::int32_t result : c.results) {
        require(is_index(result, c.n_scalars), "coupling: a result is no register");
    }
}

bool is_kind(AggregateKind kind) noexcept {
    return is_index(static_cast<std::int32_t>(kind), 3);
}

void check_coupling(const ProgramDefinition& p, const Buffer<bool>& readable) {
    const CouplingDefinition& c = p.coupling;
    check_environments(p);
    for (const AggregateDefinition& a : c.aggregates) {
        require(is_kind(a.kind) &&
                    is_index(a.record, static_cast<std::int64_t>(p.records.size())) &&
                    p.records[static_cast<std::size_t>(a.record)].kind == RecordKind::sum,
                "coupling: an aggregate of no sum");
    }
    require_range("coupling: community", c.community, 0, c.signals.empty() ? MAX_COMMUNITY : 0);
    // Neighbours are heard in a state that step code leaves alone.
    Buffer<bool> taken(static_cast<std::size_t>(p.n_registers));
    for (const Instruction& row : p.step_code)
        taken[static_cast<std::size_t>(row.target)] = true;
    for (const SignalDefinition& s : c.signals) {
        require(is_kind(s.kind) && s.kind != AggregateKind::share &&
                    is_index(s.source, p.n_registers) &&
                    readable[static_cast<std::size_t>(s.source)] &&
                    is_index(s.target, p.n_states) && !taken[static_cast<std::size_t>(s.target)] &&
                    is_exponent(s.exponent),
                "coupling: not a signal");
        taken[static_cast<std::size_t>(s.target)] = true;
    }
}

} // namespace

Program::Program(ProgramDefinition definition) : definition_(std::move(definition)) {
    const ProgramDefinition& p = definition_;
    check_sizes(p);

    const auto fixed = p.inputs + static_cast<std::int64_t>(p.constants.size());
    auto scalars = first_written(p.n_scalars, fixed);
    CodeCheck("scalar_code", p.scalar_code).scalars(scalars, fixed);
    for (const bool written : scalars) {
        if (!written) wrong("n_scalars: a scalar register is never written");
    }

    auto written = first_written(p.n_registers, p.n_states);
    CodeCheck("start_code", p.start_code).lanes(written, p.n_scalars, p.start_streams.size());
    readable_ = first_written(p.n_registers, p.n_states);
    CodeCheck("step_code", p.step_code).lanes(readable_, p.n_scalars, p.step_streams.size());

    start_passing_ = find_passing(p.start_code, p.n_registers);
    step_passing_ = find_passing(p.step_code, p.n_registers);
    halved_ = find_halved(p.step_code, p.step_streams.size());
    scalar_steps_ = Buffer<Step>(p.scalar_code.size());
    prepare_scalar_code(code_of(p.scalar_code), scalar_steps_.data());

    absorbing_ = Buffer<bool>(static_cast<std::size_t>(MAX_STAGES));
    for (const std::int32_t code : p.absorbing)
        absorbing_[static_cast<std::size_t>(code)] = true;

    std::int64_t width = 1 + p.stages;
    records_ = Buffer<RecordView>(p.records.size());
    const auto counting = find_counting(p.step_code, halved_, p.n_registers);
    for (std::size_t i = 0; i < records_.size(); ++i) {
        const RecordDefinition& record = p.records[i];
        if (record.kind == RecordKind::shared) {
            const auto known = p.coupling.community > 0 ? p.coupling.inputs.size() : std::size_t{0};
            if (!is_index(record.source, static_cast<std::int64_t>(known))) {
                wrong(Text("record '") + record.name + "': no environment of communities");
            }
        } else if (!readable(record.source)) {
            wrong(Text("record '") + record.name + "': register " + Text(record.source) +
                  " is not written");
        }
        records_[i] = check_record(record, width);
        records_[i].counting = counting_of(record, counting);
        const std::int64_t groups = record.by_stage && p.stages > 0 ? p.stages : 1;
        width += groups * records_[i].width;
        if (width > INT32_MAX) wrong("records: the ledger row is wider than 2^31 cells");
    }
    width_ = static_cast<std::int32_t>(width);
    if (p.coupled) check_coupling(p, readable_);
    environment_steps_ = Buffer<Step>(p.coupling.code.size());
    prepare_scalar_code(code_of(p.coupling.code), environment_steps_.data());
}

ProgramView Program::view() const noexcept {
    ProgramView view{};
    view.start_code = code_of(definition_.start_code, start_passing_);
    view.step_code = code_of(definition_.step_code, step_passing_);
    view.start_streams = streams_of(definition_.start_streams, nullptr);
    view.step_streams = streams_of(definition_.step_streams, halved_.data());
    view.n_states = static_cast<std::int32_t>(definition_.n_states);
    view.stage_register = static_cast<std::int32_t>(definition_.stage_register);
    view.stages = static_cast<std::int32_t>(definition_.stages);
    view.absorbing = absorbing_.data();
    view.records = records_.data();
    view.n_records = static_cast<std::int32_t>(records_.size());
    view.width = width_;
    return view;
}

std::int32_t Program::max_streams() const noexcept {
    const std::size_t start = definition_.start_streams.size();
    const std::size_t step = definition_.step_streams.size();
    return static_cast<std::int32_t>(start > step ? start : step);
}

bool Program::readable(std::int64_t lane_register) const noexcept {
    return is_index(lane_register, definition_.n_registers) &&
           readable_[static_cast<std::size_t>(lane_register)];
}

void Program::fill_scalars(const float* input_values, float* file) const noexcept {
    float* place = file;
    for (std::int32_t i = 0; i < inputs(); ++i)
        *place++ = input_values[i];
    for (const float constant : definition_.constants)
        *place++ = constant;
    run_scalar_code(scalar_steps_.data(), static_cast<std::int32_t>(scalar_steps_.size()), file);
}

void Program::next_environments(const std::int64_t* row, std::uint64_t everybody, float* file,
                                float* environments) const noexcept {
    const CouplingDefinition& c = definition_.coupling;
    float* place = file + n_scalars();
    for (const AggregateDefinition& a : c.aggregates) {
        const auto record = static_cast<std::size_t>(a.record);
        const std::int64_t size =
            a.kind == AggregateKind::average ? row[0] : static_cast<std::int64_t>(everybody);
        *place++ =
            aggregated(a.kind, row[offset(record)], definition_.records[record].exponent, size);
    }
    run_scalar_code(environment_steps_.data(), static_cast<std::int32_t>(c.code.size()), file);
    for (std::size_t k = 0; k < c.results.size(); ++k)
        environments[k] = file[c.results[k]];
}

} // namespace pycore
