#include "pycore/words.hpp"

#include "pycore/simd_scalar.hpp"

namespace pycore {

namespace {

[[noreturn]] void wrong(const Text& message) {
    refuse("program words: " + message);
}

void require(bool condition, const Text& message) {
    if (!condition) wrong(message);
}

std::int32_t to_signed(std::uint32_t word) noexcept {
    return static_cast<std::int32_t>(word);
}

// One section: its words, read from the front.
class Section {
  public:
    Section(const char* name, const std::uint32_t* words, std::size_t size) noexcept
        : name_(name), words_(words), size_(size) {}

    // Number of entries of `each` words; refused if a part of one is left over.
    std::size_t entries(std::size_t each) const {
        if (size_ % each != 0) {
            wrong(Text(name_) + " has " + Text::of(size_) + " words, allowed is a multiple of " +
                  Text::of(each));
        }
        return size_ / each;
    }
    void require_entries(std::size_t each, std::size_t count) const {
        if (entries(each) != count) {
            wrong(Text(name_) + " has " + Text::of(entries(each)) + " entries, allowed is " +
                  Text::of(count));
        }
    }
    std::uint32_t operator[](std::size_t i) const noexcept { return words_[i]; }
    std::int32_t integer(std::size_t i) const noexcept { return to_signed(words_[i]); }
    float number(std::size_t i) const noexcept { return Scalar::as_float(words_[i]); }

    Buffer<Instruction> code() const {
        Buffer<Instruction> rows(entries(ROW));
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const std::size_t at = i * ROW;
            Instruction& row = rows[i];
            row.op = static_cast<Op>(integer(at));
            row.target = integer(at + 1);
            for (std::size_t k = 0; k < 4; ++k)
                row.lane[k] = integer(at + 2 + k);
            for (std::size_t k = 0; k < 5; ++k)
                row.scalar[k] = integer(at + 6 + k);
            row.stream = integer(at + 11);
        }
        return rows;
    }
    template <class T, class Convert>
    Buffer<T> list(Convert&& convert) const {
        Buffer<T> values(size_);
        for (std::size_t i = 0; i < size_; ++i)
            values[i] = convert(words_[i]);
        return values;
    }

  private:
    const char* name_;
    const std::uint32_t* words_;
    std::size_t size_;
};

// The sections in their order, each preceded by its number of words.
class Reader {
  public:
    Reader(const std::uint32_t* words, std::size_t size) : words_(words), size_(size) {
        require(size >= 3, "allowed are at least 3 words");
        require(words[0] == WORDS_MAGIC, "the first word does not mark a program");
        require(words[1] == WORDS_VERSION,
                Text("format ") + Text::of(words[1]) + ", allowed is " + Text::of(WORDS_VERSION));
        require(words[2] == size,
                Text("received ") + Text::of(size) + " words, the form says " + Text::of(words[2]));
    }

    Section next(const char* name) {
        if (place_ >= size_) wrong(Text("the end comes before ") + name);
        const std::size_t length = words_[place_++];
        if (length > size_ - place_) wrong(Text(name) + " is longer than the form");
        const Section section(name, words_ + place_, length);
        place_ += length;
        return section;
    }
    void end() const { require(place_ == size_, "words are left over at the end"); }

  private:
    const std::uint32_t* words_;
    std::size_t size_;
    std::size_t place_ = 3;
};

// Names one after the other, four bytes to a word, the lowest first.
void read_names(const Section& sizes, const Section& bytes, Buffer<RecordDefinition>& records) {
    std::size_t total = 0;
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (sizes[i] > static_cast<std::uint32_t>(MAX_NAME)) {
            wrong(Text("the name of a record has more than ") + Text(MAX_NAME) + " bytes");
        }
        total += sizes[i];
    }
    bytes.require_entries(1, (total + 3) / 4);
    std::size_t place = 0;
    for (std::size_t i = 0; i < records.size(); ++i) {
        for (std::uint32_t k = 0; k < sizes[i]; ++k, ++place) {
            const std::uint32_t byte = bytes[place / 4] >> (place % 4 * 8) & 0xFFU;
            if (byte == 0) wrong("the name of a record holds a zero byte");
            records[i].name.put(static_cast<char>(byte));
        }
    }
}

// Empty sections stand for a program whose consumers do not meet.
void read_coupling(Reader& reader, ProgramDefinition& definition) {
    CouplingDefinition& coupling = definition.coupling;
    const Section sizes = reader.next("coupling");
    definition.coupled = sizes.entries(2) > 0;
    sizes.require_entries(2, definition.coupled ? 1 : 0);
    if (definition.coupled) {
        coupling.n_scalars = sizes.integer(0);
        coupling.community = sizes.integer(1);
    }
    coupling.inputs = reader.next("environment_inputs").list<std::int32_t>(&to_signed);
    coupling.results = reader.next("environment_results").list<std::int32_t>(&to_signed);
    coupling.code = reader.next("environment_code").code();

    const Section aggregates = reader.next("aggregates");
    coupling.aggregates = Buffer<AggregateDefinition>(aggregates.entries(2));
    for (std::size_t i = 0; i < coupling.aggregates.size(); ++i) {
        coupling.aggregates[i] = {static_cast<AggregateKind>(aggregates.integer(2 * i)),
                                  aggregates.integer(2 * i + 1)};
    }
    const Section signals = reader.next("signals");
    coupling.signals = Buffer<SignalDefinition>(signals.entries(4));
    for (std::size_t i = 0; i < coupling.signals.size(); ++i) {
        coupling.signals[i] = {static_cast<AggregateKind>(signals.integer(4 * i)),
                               signals.integer(4 * i + 1), signals.integer(4 * i + 2),
                               signals.integer(4 * i + 3)};
    }
    require(definition.coupled ||
                (coupling.inputs.empty() && coupling.results.empty() && coupling.code.empty() &&
                 coupling.aggregates.empty() && coupling.signals.empty()),
            "environments without a coupling");
}

} // namespace

ProgramDefinition read_words(const std::uint32_t* words, std::size_t size) {
    Reader reader(words, size);
    const auto same = [](std::uint32_t word) { return word; };
    ProgramDefinition definition;

    const Section sizes = reader.next("sizes");
    sizes.require_entries(1, 6);
    definition.inputs = sizes.integer(0);
    definition.n_scalars = sizes.integer(1);
    definition.n_registers = sizes.integer(2);
    definition.n_states = sizes.integer(3);
    definition.stages = sizes.integer(4);
    definition.stage_register = sizes.integer(5);

    definition.constants = reader.next("constants").list<float>(&Scalar::as_float);
    definition.scalar_code = reader.next("scalar_code").code();
    definition.start_code = reader.next("start_code").code();
    definition.step_code = reader.next("step_code").code();
    definition.start_streams = reader.next("start_streams").list<std::uint32_t>(same);
    definition.step_streams = reader.next("step_streams").list<std::uint32_t>(same);
    definition.absorbing = reader.next("absorbing").list<std::int32_t>(&to_signed);

    const Section kinds = reader.next("record_kinds");
    require(kinds.entries(1) <= static_cast<std::size_t>(MAX_RECORDS),
            Text("more than ") + Text(MAX_RECORDS) + " records");
    Buffer<RecordDefinition> records(kinds.entries(1));
    const Section registers = reader.next("record_registers");
    registers.require_entries(1, records.size());
    const Section by_stage = reader.next("record_by_stage");
    by_stage.require_entries(1, records.size());
    const Section exponents = reader.next("record_exponents");
    exponents.require_entries(2, records.size());
    const Section ranges = reader.next("record_ranges");
    ranges.require_entries(2, records.size());
    const Section bins = reader.next("record_bins");
    bins.require_entries(1, records.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
        RecordDefinition& record = records[i];
        record.kind = static_cast<RecordKind>(kinds.integer(i));
        record.source = registers.integer(i);
        record.by_stage = by_stage[i] != 0;
        record.exponent = exponents.integer(2 * i);
        record.square_exponent = exponents.integer(2 * i + 1);
        record.low = ranges.number(2 * i);
        record.high = ranges.number(2 * i + 1);
        record.bins = bins.integer(i);
    }
    const Section name_sizes = reader.next("record_name_sizes");
    name_sizes.require_entries(1, records.size());
    read_names(name_sizes, reader.next("record_names"), records);
    read_coupling(reader, definition);
    reader.end();
    definition.records = static_cast<Buffer<RecordDefinition>&&>(records);
    return definition;
}

} // namespace pycore
