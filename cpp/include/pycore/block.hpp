// A block of lives from the first period to the last: words, steps, records, leavers.
#pragma once

#include "pycore/drawing.hpp"
#include "pycore/execute.hpp"
#include "pycore/ledger.hpp"
#include "pycore/machine.hpp"

#include <cstdint>

namespace pycore {

// Remove the lanes in an absorbing stage: the last active lane takes the place of each leaver,
// from the highest leaver down.  Sums do not depend on the order of lanes.
template <class V>
std::int32_t remove_leavers(const ProgramView& program, const Lives& lives, std::int32_t lanes,
                            std::int32_t period, const BlockMemory& memory) noexcept {
    const float* const stage = memory.registers + program.stage_register * memory.stride;
    // First row of words that a later period reads, of words and of halves.
    const std::int32_t next_word = lives.coupled ? WORDS_PER_CALL : period % WORDS_PER_CALL + 1;
    const std::int32_t next_half =
        lives.coupled ? WORDS_PER_CALL : (period % HALVES_PER_CALL + 1) / 2;
    const std::int32_t before = lanes;
    for (std::int32_t i = (before - 1) / V::WIDTH * V::WIDTH; i >= 0; i -= V::WIDTH) {
        const auto code = V::load(stage + i);
        std::uint32_t leaving = 0;
        for (std::int32_t k = 0; k < program.stages; ++k) {
            if (program.absorbing[k]) {
                leaving |= V::bits(V::eq(code, V::set(static_cast<float>(k))));
            }
        }
        leaving &= V::bits(V::first(before - i));
        while (leaving != 0) {
            const std::int32_t top = 31 - __builtin_clz(leaving);
            leaving ^= 1U << top;
            const std::int32_t lane = i + top, last = --lanes;
            if (lane == last) continue;
            memory.id_low[lane] = memory.id_low[last];
            if (lives.trace != nullptr) memory.row[lane] = memory.row[last];
            for (std::int32_t r = 0; r < program.n_states; ++r) {
                float* const state = memory.registers + r * memory.stride;
                state[lane] = state[last];
            }
            for (std::int32_t s = 0; s < program.step_streams.count; ++s) {
                const bool halves = program.step_streams.in_halves(s);
                for (std::int32_t w = halves ? next_half : next_word; w < WORDS_PER_CALL; ++w) {
                    std::uint32_t* const words =
                        memory.words + (s * WORDS_PER_CALL + w) * memory.stride;
                    words[lane] = words[last];
                }
            }
        }
    }
    return lanes;
}

template <class V>
void write_trace(const TraceView& trace, std::int32_t lanes, std::int32_t period,
                 std::int32_t periods, const BlockMemory& memory) noexcept {
    for (std::int32_t i = 0; i < lanes; ++i) {
        float* const out =
            trace.out + (static_cast<std::int64_t>(memory.row[i]) * periods + period) * trace.count;
        for (std::int32_t r = 0; r < trace.count; ++r) {
            out[r] = memory.registers[trace.registers[r] * memory.stride + i];
        }
    }
}

template <class V>
void prepare_program(const ProgramView& program, const BlockMemory& memory) noexcept {
    const std::int64_t stream_stride = WORDS_PER_CALL * memory.stride;
    prepare<V>(program.start_code, program.start_streams, memory.stride, stream_stride,
               memory.start_steps);
    prepare<V>(program.step_code, program.step_streams, memory.stride, stream_stride,
               memory.step_steps);
}

template <class V>
constexpr std::int32_t whole_vectors(std::int32_t lanes) noexcept {
    return (lanes + V::WIDTH - 1) / V::WIDTH * V::WIDTH;
}

// States at 0, then the start code.
template <class V>
void begin(const ProgramView& program, const Lives& lives, const BlockMemory& memory) noexcept {
    const std::int32_t end = whole_vectors<V>(lives.lanes);
    for (std::int32_t r = 0; r < program.n_states; ++r) {
        float* const state = memory.registers + r * memory.stride;
        for (std::int32_t i = 0; i < end; ++i)
            state[i] = 0.0F;
    }
    const Registers file{memory.registers, lives.scalars, memory.words, nullptr};
    draw_rows<V, false>(program.start_streams, PURPOSE_START << 28, lives, memory.id_low,
                        lives.lanes, memory);
    execute(memory.start_steps, program.start_code.count, file, end);
}

// The registers of one period with its words, and where its halves are.
template <class V>
PYCORE_INLINE Registers draw_period(const Streams& streams, const Lives& lives, std::int32_t lanes,
                                    const float* scalars, std::int32_t period,
                                    const BlockMemory& memory, HalfWords& halves) noexcept {
    static_assert(PURPOSE_STEP == 0);
    const auto now = static_cast<std::uint32_t>(period);
    halves = {memory.words, 0,  memory.id_low,  lives.id_high,  lives.key_0, lives.key_1,
              now,          -1, memory.scratch, memory.happened};
    if (lives.coupled) {
        const Company here = company<V>(memory.id_low, lanes);
        draw_shared<V, false>(streams, now, lives, here, lanes, memory);
        draw_shared<V, true>(streams, now, lives, here, lanes, memory);
        return {memory.registers, scalars, memory.words, &halves};
    }
    const std::uint32_t word = now % WORDS_PER_CALL, half = now % HALVES_PER_CALL;
    halves.index = now / HALVES_PER_CALL;
    halves.place = static_cast<std::int32_t>(half);
    halves.words += word_of_half(half) * memory.stride;
    halves.shift = shift_of_half(half);
    const std::uint32_t* const ids = memory.id_low;
    if (word == 0) draw_rows<V, false>(streams, now / WORDS_PER_CALL, lives, ids, lanes, memory);
    if (half == 0) draw_rows<V, true>(streams, halves.index, lives, ids, lanes, memory);
    return {memory.registers, scalars, memory.words + word * memory.stride, &halves};
}

// One period of `lanes` lives: words, step, trace, ledger.  `row` may be null.
template <class V>
PYCORE_INLINE Outcome advance(const ProgramView& program, const Lives& lives, std::int32_t lanes,
                              const float* scalars, std::int32_t period, std::int64_t* row,
                              const BlockMemory& memory, bool& leaving, Fault& fault) noexcept {
    HalfWords halves{};
    const Registers file =
        draw_period<V>(program.step_streams, lives, lanes, scalars, period, memory, halves);
    execute(memory.step_steps, program.step_code.count, file, whole_vectors<V>(lanes), lives.ahead,
            lives.ahead_bytes);
    if (lives.trace != nullptr) {
        write_trace<V>(*lives.trace, lanes, period, lives.periods, memory);
    }
    leaving = false;
    if (program.stages > 0) {
        const float* const stage = memory.registers + program.stage_register * memory.stride;
        for (std::int32_t first = 0; first < program.stages; first += 4) {
            const std::int32_t size = program.stages - first < 4 ? program.stages - first : 4;
            std::int32_t found[4];
            ledger::count_stages<V>(stage, first, size, lanes, found);
            for (std::int32_t k = 0; k < size; ++k) {
                leaving = leaving || (program.absorbing[first + k] && found[k] > 0);
                if (row != nullptr) row[1 + first + k] += found[k];
            }
        }
    }
    if (row != nullptr && !ledger::add_period<V>(program, memory, lanes, row, fault)) {
        fault.period = period;
        return Outcome::out_of_range;
    }
    return Outcome::finished;
}

template <class V>
Outcome live(const ProgramView& program, const Lives& lives, const BlockMemory& memory,
             Fault& fault) noexcept {
    std::int32_t lanes = lives.lanes;
    begin<V>(program, lives, memory);
    for (std::int32_t period = 0; period < lives.periods && lanes > 0; ++period) {
        if (lives.stop->raised()) return Outcome::stopped;
        const float* const scalars = lives.scalars + period * lives.scalar_step;
        std::int64_t* const row =
            lives.ledger == nullptr
                ? nullptr
                : lives.ledger + static_cast<std::int64_t>(period) * program.width;
        bool leaving = false;
        const Outcome outcome =
            advance<V>(program, lives, lanes, scalars, period, row, memory, leaving, fault);
        if (outcome != Outcome::finished) return outcome;
        if (leaving) lanes = remove_leavers<V>(program, lives, lanes, period, memory);
    }
    return Outcome::finished;
}

// One period of consumers who wait for each other; the scalars and the ledger row are this
// period's.
template <class V>
Outcome step(const ProgramView& program, const Lives& lives, const BlockMemory& memory,
             std::int32_t period, bool& leaving, Fault& fault) noexcept {
    return advance<V>(program, lives, lives.lanes, lives.scalars, period, lives.ledger, memory,
                      leaving, fault);
}

// --- the kernels applied to whole arrays, for the tests of the contract -----------------------

template <class V, class In, class F>
PYCORE_INLINE void map_array(const In* in, std::size_t n, float* out, F&& f) noexcept {
    alignas(64) In input[V::WIDTH] = {};
    alignas(64) float output[V::WIDTH];
    for (std::size_t i = 0; i < n; i += V::WIDTH) {
        const std::size_t size = n - i < V::WIDTH ? n - i : V::WIDTH;
        for (std::size_t k = 0; k < size; ++k)
            input[k] = in[i + k];
        f(input, output);
        for (std::size_t k = 0; k < size; ++k)
            out[i + k] = output[k];
    }
}

template <class V>
struct Arrays {
    static void philox(const std::uint32_t* counters, std::size_t n, std::uint32_t key_0,
                       std::uint32_t key_1, std::uint32_t* words) noexcept {
        constexpr std::int32_t LANES = PHILOX_VECTORS * V::WIDTH;
        alignas(64) std::uint32_t id_low[LANES];
        alignas(64) std::uint32_t out[WORDS_PER_CALL * LANES];
        const philox::Keys keys(key_0, key_1);
        for (std::size_t i = 0; i < n; ++i, counters += 4, words += 4) {
            for (std::int32_t k = 0; k < LANES; ++k) {
                id_low[k] = counters[0] + static_cast<std::uint32_t>(k);
            }
            const philox::Address at{counters[1], counters[2], counters[3]};
            const philox::IdProducts<V, PHILOX_VECTORS> ids(id_low);
            philox::generate<V, PHILOX_VECTORS>(ids, at, keys, philox::Rows{out, LANES});
            for (std::int32_t w = 0; w < WORDS_PER_CALL; ++w)
                words[w] = out[w * LANES];
        }
    }
    static void uniform(const std::uint32_t* words, std::size_t n, float* out) noexcept {
        map_array<V>(words, n, out, [](const std::uint32_t* w, float* y) {
            V::store(y, math::uniform<V>(V::load_int(w)));
        });
    }
    static void normal(const std::uint32_t* words, std::size_t n, float* out) noexcept {
        map_array<V>(words, n, out, [](const std::uint32_t* w, float* y) {
            V::store(y, math::normal<V>(V::load_int(w)));
        });
    }
    static void exp(const float* x, std::size_t n, float* out) noexcept {
        map_array<V>(x, n, out,
                     [](const float* in, float* y) { V::store(y, math::exp<V>(V::load(in))); });
    }
    static void log(const float* x, std::size_t n, float* out) noexcept {
        map_array<V>(x, n, out,
                     [](const float* in, float* y) { V::store(y, math::log<V>(V::load(in))); });
    }
    static void logistic(const float* x, std::size_t n, float* out) noexcept {
        map_array<V>(x, n, out, [](const float* in, float* y) {
            V::store(y, math::logistic<V>(V::load(in)));
        });
    }
};

template <class V>
constexpr Kernels make_kernels(const char* isa) noexcept {
    return {isa,
            V::WIDTH,
            &prepare_program<V>,
            &live<V>,
            &begin<V>,
            &step<V>,
            &remove_leavers<V>,
            &draw_rows<V, false>,
            &Arrays<V>::philox,
            &Arrays<V>::uniform,
            &Arrays<V>::normal,
            &Arrays<V>::exp,
            &Arrays<V>::log,
            &Arrays<V>::logistic};
}

} // namespace pycore
