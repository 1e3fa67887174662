// The border between the library (containers, threads, exceptions) and the kernels (one translation
// unit per instruction set).  Only plain data crosses it, so that no inline function of the
// standard library compiled for a newer processor can be picked by the linker for an older one.
#pragma once

#include "pycore/instructions.hpp"

#include <cstddef>
#include <cstdint>

namespace pycore {

// Why a random word is drawn (2 is the survey's), and how many one call gives.
inline constexpr std::uint32_t PURPOSE_STEP = 0, PURPOSE_START = 1, PURPOSE_NETWORK = 3,
                               PURPOSE_LOWER = 4;
inline constexpr std::int32_t WORDS_PER_CALL = 4, HALVES_PER_CALL = 8;

enum class RecordKind : std::int32_t { count, moments, histogram, sum, shared };

// Steps of fixed point in a small number: the sum over 1024 lanes fits into int32.
inline constexpr std::uint32_t SMALL = std::uint32_t{1} << 20;

// Who counts numbers that are 1 or 0; an event whose words come in halves counts itself.
enum class Counting : std::int32_t { no, by_the_ledger, by_the_event };

// One aggregated quantity as the kernels see it; `offset` is its first cell in a ledger row.
struct RecordView {
    RecordKind kind;
    std::int32_t source;
    Counting counting;
    bool by_stage;
    std::int32_t offset;
    std::int32_t width;
    std::int32_t one; // what each 1 adds to the sum, and to the sum of squares
    std::int32_t one_squared;
    float scale;
    float square_scale;
    float rounder; // 1.5 * 2^23 steps
    float square_rounder;
    std::uint32_t largest_square; // bits of square_rounder + x * x where x and x * x are small
    float low;
    float high;
    float inverse;
    std::int32_t bins;
};

// Whether the next row reads a row's result, as the operand from which a chain goes on, and whether
// only that does.
enum class Passing : std::int32_t { no, also, only };

struct Code {
    const Instruction* rows;
    std::int32_t count;
    const Passing* passing; // per row; null: unknown
};

struct Streams {
    const std::uint32_t* slots;
    std::int32_t count;
    const bool* halved; // per stream: its words come in halves, see HalfWords; null: none does

    bool in_halves(std::int32_t stream) const noexcept {
        return halved != nullptr && halved[stream];
    }
};

// A validated program, borrowed from pycore::Program.
struct ProgramView {
    Code start_code;
    Code step_code;
    Streams start_streams;
    Streams step_streams;
    std::int32_t n_states;
    std::int32_t stage_register;
    std::int32_t stages;
    const bool* absorbing; // one flag per stage
    const RecordView* records;
    std::int32_t n_records;
    std::int32_t width;
};

// The current words of the streams that only events read.  The upper half of a word decides whether
// an event happens, but once in some ten thousand times: so two periods (of consumers who influence
// each other: two consumers) take their upper halves from one word of a call, and the lower ones,
// which stand in another call, are drawn where they are asked for.
struct HalfWords {
    const std::uint32_t* words; // where the upper half is, `shift` below the upper end
    std::uint32_t shift;
    const std::uint32_t* id_low;
    std::uint32_t id_high;
    std::uint32_t key_0;
    std::uint32_t key_1;
    std::uint32_t index;    // of the call
    std::int32_t place;     // of the half in its call; -1: every consumer's is her own
    std::uint32_t* whole;   // room for a word of every lane
    std::int32_t* happened; // per register written by an event: in how many lanes it happened
};

// Lane registers, scalar registers and the current word of every stream.
struct Registers {
    float* lanes;
    const float* scalars;
    std::uint32_t* words;
    const HalfWords* halves;
};

struct Step;
using Perform = void (*)(const Step*, const Registers&, std::int32_t end) noexcept;

// An instruction with its operands as distances from the start of the register file.
struct Step {
    Perform perform;
    std::int32_t length; // instructions that `perform` runs: this one and those chained to it
    Perform part;        // where `perform` runs them in parts, what the first part does
    std::int32_t part_length;
    std::int32_t scalar[5];
    std::int32_t written; // the register
    std::int64_t target;
    std::int64_t lane[4];
    std::int64_t stream;
    bool stored;        // whether more than the next one needs the result
    std::uint32_t slot; // of the stream
    bool halved;        // whether its words come in halves
};

// Memory of one thread's block: every row `stride` lanes apart and aligned to 64 bytes.
struct BlockMemory {
    float* registers;
    std::uint32_t* words; // [stream][word of a call][lane]
    std::uint32_t* id_low;
    std::uint32_t* row; // output row of each lane, when lives are traced
    std::uint32_t* scratch;
    bool* large;            // per record: whether the last values were not small
    std::int32_t* happened; // per register, see HalfWords
    Step* start_steps;      // one per row of the program's code
    Step* step_steps;
    std::int64_t stride;
};

// Set by the main thread, watched by the workers once per block and period.
struct StopFlag {
    bool value = false;
    void raise() noexcept { __atomic_store_n(&value, true, __ATOMIC_RELAXED); }
    __attribute__((always_inline)) bool raised() const noexcept {
        return __atomic_load_n(&value, __ATOMIC_RELAXED);
    }
};

struct Fault {
    std::int32_t record;
    std::int32_t period;
    float value;
};

// Where single lives are written: out[row][period][register].
struct TraceView {
    const std::int32_t* registers;
    std::int32_t count;
    float* out;
};

// One block of lives, all in one cell and batch, ids in memory.id_low.
struct Lives {
    std::int32_t lanes;
    std::int32_t periods;
    std::uint32_t id_high;
    std::uint32_t key_0;
    std::uint32_t key_1;
    const float* scalars;     // scalar file of period 0
    std::int64_t scalar_step; // floats from one period's file to the next; 0 if constant
    std::int64_t* ledger;     // [period][width], or null
    const TraceView* trace;   // or null
    const StopFlag* stop;
    bool coupled;      // consumers influence each other
    const char* ahead; // what a later block needs, fetched while this one lives
    std::int64_t ahead_bytes;
};

enum class Outcome : std::int32_t { finished, stopped, out_of_range };

// What one instruction set offers.
struct Kernels {
    const char* isa;
    std::int32_t width;
    void (*prepare)(const ProgramView&, const BlockMemory&) noexcept;
    Outcome (*live)(const ProgramView&, const Lives&, const BlockMemory&, Fault&) noexcept;
    // The same life in parts, for consumers who wait for each other: the start; one period, which
    // adds to the ledger row and says whether anybody leaves; leaving.
    void (*begin)(const ProgramView&, const Lives&, const BlockMemory&) noexcept;
    Outcome (*step)(const ProgramView&, const Lives&, const BlockMemory&, std::int32_t period,
                    bool& leaving, Fault&) noexcept;
    std::int32_t (*leave)(const ProgramView&, const Lives&, std::int32_t lanes, std::int32_t period,
                          const BlockMemory&) noexcept;
    // The words of the calls with these numbers, a row for each word of a call.
    void (*draw)(const Streams&, std::uint32_t purpose_and_index, const Lives&,
                 const std::uint32_t* calls, std::int32_t count, const BlockMemory&) noexcept;
    void (*philox)(const std::uint32_t* counters, std::size_t n, std::uint32_t key_0,
                   std::uint32_t key_1, std::uint32_t* words) noexcept;
    void (*uniform)(const std::uint32_t* words, std::size_t n, float* out) noexcept;
    void (*normal)(const std::uint32_t* words, std::size_t n, float* out) noexcept;
    void (*exp)(const float* x, std::size_t n, float* out) noexcept;
    void (*log)(const float* x, std::size_t n, float* out) noexcept;
    void (*logistic)(const float* x, std::size_t n, float* out) noexcept;
};

// Lanes of a block must be a multiple of this, so that every kernel works on whole vectors.
inline constexpr std::int32_t LANE_QUANTUM = 64;

// Scalar code is code with one lane, whose lane registers are the scalar file.
void prepare_scalar_code(const Code& code, Step* steps) noexcept;
void run_scalar_code(const Step* steps, std::int32_t count, float* scalars) noexcept;

const Kernels& scalar_kernels() noexcept;
#ifdef PYCORE_X86
const Kernels& avx2_kernels() noexcept;
const Kernels& avx512_kernels() noexcept;
#endif
const Kernels& v128_kernels() noexcept; // NEON or WebAssembly, where built

} // namespace pycore
