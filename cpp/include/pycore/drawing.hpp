// The random words of a block, from calls of Philox that give four words each.
//
// A consumer who lives apart takes the four in four periods: her block stays in the cache until she
// has lived them all.  Consumers who influence each other come back once in a period, so there four
// of them share a call.  They stand SHARERS ids apart, so that vectors of calls give vectors of
// consumers, whatever their width.
#pragma once

#include "pycore/machine.hpp"
#include "pycore/philox.hpp"

#include <cstdint>

namespace pycore {

// Vectors of ids per Philox call: more than fit into the registers, but computing meanwhile is
// worth more than the loads.
inline constexpr std::int32_t PHILOX_VECTORS = 4;

inline constexpr std::uint32_t SHARERS = 16, SHARED = SHARERS * WORDS_PER_CALL;

// The call of a consumer, and which of its words is hers.
constexpr std::uint32_t shared_call(std::uint32_t id) noexcept {
    return id / SHARED * SHARERS + id % SHARERS;
}
constexpr std::uint32_t shared_word(std::uint32_t id) noexcept {
    return id % SHARED / SHARERS;
}

// Where the words of shared calls go: in the order of the consumers.
struct InOrder {
    std::uint32_t* words;
    std::uint32_t begin;

    PYCORE_INLINE std::uint32_t* operator()(std::uint32_t call, std::uint32_t word) const noexcept {
        call += begin;
        return words + call / SHARERS * SHARED + word * SHARERS + call % SHARERS;
    }
};

// Words of the calls with these numbers, one row per word of a call.
template <class V>
void draw_rows(const Streams& streams, std::uint32_t purpose_and_index, const Lives& lives,
               const std::uint32_t* calls, std::int32_t count, const BlockMemory& memory) noexcept {
    constexpr std::int32_t STEP = PHILOX_VECTORS * V::WIDTH;
    const philox::Keys keys(lives.key_0, lives.key_1);
    for (std::int32_t i = 0; i < count; i += STEP) {
        const philox::IdProducts<V, PHILOX_VECTORS> ids(calls + i);
        std::uint32_t* words = memory.words + i;
        for (std::int32_t s = 0; s < streams.count; ++s) {
            const philox::Address at{lives.id_high, purpose_and_index, streams.slots[s]};
            philox::generate<V, PHILOX_VECTORS>(ids, at, keys, philox::Rows{words, memory.stride});
            words += WORDS_PER_CALL * memory.stride;
        }
    }
}

// Words of four periods for each lane, a row for each period.
template <class V>
void draw_words(const Streams& streams, std::uint32_t purpose_and_index, const Lives& lives,
                std::int32_t lanes, const BlockMemory& memory) noexcept {
    draw_rows<V>(streams, purpose_and_index, lives, memory.id_low, lanes, memory);
}

// Words of shared calls from number `done` on, VECTORS at once; where it stopped.
template <class V, int VECTORS>
PYCORE_INLINE std::uint32_t
draw_calls(const Streams& streams, philox::Address at, const philox::Keys& keys, std::uint32_t done,
           std::uint32_t count, std::uint32_t* first, const BlockMemory& memory) noexcept {
    constexpr std::uint32_t STEP = VECTORS * V::WIDTH;
    static_assert(SHARERS % V::WIDTH == 0);
    for (; done + STEP <= count; done += STEP) {
        const philox::IdProducts<V, VECTORS> ids(memory.scratch + done);
        std::uint32_t* words = first;
        for (std::int32_t s = 0; s < streams.count; ++s) {
            at.slot = streams.slots[s];
            philox::generate<V, VECTORS>(ids, at, keys, InOrder{words, done});
            words += WORDS_PER_CALL * memory.stride;
        }
    }
    return done;
}

// Words of one period for each lane, in the first row.
template <class V>
void draw_shared(const Streams& streams, std::uint32_t purpose_and_index, const Lives& lives,
                 std::int32_t lanes, const BlockMemory& memory) noexcept {
    const std::uint32_t* const id = memory.id_low;
    std::uint32_t low = id[0], high = id[0], apart = 0;
    for (std::int32_t i = 1; i < lanes; ++i) {
        low = id[i] < low ? id[i] : low;
        high = id[i] > high ? id[i] : high;
        apart |= (id[i] - id[0]) ^ static_cast<std::uint32_t>(i);
    }
    const std::uint32_t base = low / SHARED * SHARED;
    const std::uint32_t groups = (high - base) / SHARED + 1;
    const std::uint32_t needed = (static_cast<std::uint32_t>(lanes) + LANE_QUANTUM - 1) /
                                 LANE_QUANTUM * (LANE_QUANTUM / SHARERS);
    if (groups > needed || groups > memory.stride / SHARED + 1) {
        // Most of those who would share are gone, or not here.
        for (std::uint32_t i = 0; i < needed * SHARERS; ++i)
            memory.scratch[i] = shared_call(id[i]);
        draw_rows<V>(streams, purpose_and_index, lives, memory.scratch, lanes, memory);
        for (std::int32_t s = 0; s < streams.count; ++s) {
            std::uint32_t* const words = memory.words + s * WORDS_PER_CALL * memory.stride;
            for (std::int32_t i = 0; i < lanes; ++i)
                words[i] = words[shared_word(id[i]) * memory.stride + i];
        }
        return;
    }
    const std::uint32_t calls = groups * SHARERS;
    for (std::uint32_t c = 0; c < calls; ++c)
        memory.scratch[c] = shared_call(base) + c;
    const bool in_place = apart == 0 && low == base;
    std::uint32_t* const first = memory.words + (in_place ? 0 : memory.stride);
    const philox::Keys keys(lives.key_0, lives.key_1);
    const philox::Address at{lives.id_high, purpose_and_index, 0};
    const auto done = draw_calls<V, PHILOX_VECTORS>(streams, at, keys, 0, calls, first, memory);
    draw_calls<V, 1>(streams, at, keys, done, calls, first, memory);
    if (in_place) return;
    for (std::int32_t s = 0; s < streams.count; ++s) {
        std::uint32_t* const words = memory.words + s * WORDS_PER_CALL * memory.stride;
        const std::uint32_t* const all = words + memory.stride;
        for (std::int32_t i = 0; i < lanes; ++i)
            words[i] = all[id[i] - base];
    }
}

} // namespace pycore
