// The random words of a block, from calls of Philox that give four words or eight halves each.
//
// A consumer who lives apart takes what a call gives in as many periods: her block stays in the
// cache until she has lived them all.  Consumers who influence each other come back once in a
// period, so there four (of halves: eight) of them share a call.  They stand SHARERS ids apart, so
// that vectors of calls give vectors of consumers, whatever their width.
#pragma once

#include "pycore/machine.hpp"
#include "pycore/philox.hpp"

#include <cstdint>

namespace pycore {

// Vectors of ids per Philox call: more than fit into the registers, but computing meanwhile is
// worth more than the loads.
inline constexpr std::int32_t PHILOX_VECTORS = 4;

inline constexpr std::uint32_t SHARERS = 16;

// How many ids share SHARERS calls.
constexpr std::uint32_t shared(bool halves) noexcept {
    return SHARERS * static_cast<std::uint32_t>(halves ? HALVES_PER_CALL : WORDS_PER_CALL);
}
// The call of a consumer, and which of its words or halves is hers.
constexpr std::uint32_t shared_call(std::uint32_t id, bool halves) noexcept {
    return id / shared(halves) * SHARERS + id % SHARERS;
}
constexpr std::uint32_t shared_place(std::uint32_t id, bool halves) noexcept {
    return id % shared(halves) / SHARERS;
}

// Which word of a call a half stands in, and how far below the upper end of it.
constexpr std::uint32_t word_of_half(std::uint32_t place) noexcept {
    return place / 2;
}
constexpr std::uint32_t shift_of_half(std::uint32_t place) noexcept {
    return place % 2 * 16;
}

// Puts the words of shared calls, or both halves of them, in the order of the consumers; halves at
// the upper end of a word each.
template <bool HALVES>
struct InOrder {
    std::uint32_t* words;
    std::uint32_t begin;

    template <class V>
    PYCORE_INLINE void put(std::uint32_t call, std::uint32_t word,
                           typename V::Int value) const noexcept {
        call += begin;
        std::uint32_t* const group = words + call / SHARERS * shared(HALVES) + call % SHARERS;
        if constexpr (HALVES) {
            V::store_int(group + 2 * word * SHARERS, value);
            V::store_int(group + (2 * word + 1) * SHARERS, V::template shift_left<16>(value));
        } else {
            V::store_int(group + word * SHARERS, value);
        }
    }
};

// Words of the calls with these numbers, one row per word of a call, for the streams whose words
// come in halves, or for the others.
template <class V, bool HALVES>
void draw_rows(const Streams& streams, std::uint32_t purpose_and_index, const Lives& lives,
               const std::uint32_t* calls, std::int32_t count, const BlockMemory& memory) noexcept {
    constexpr std::int32_t STEP = PHILOX_VECTORS * V::WIDTH;
    const philox::Keys keys(lives.key_0, lives.key_1);
    for (std::int32_t i = 0; i < count; i += STEP) {
        const philox::IdProducts<V, PHILOX_VECTORS> ids(calls + i);
        for (std::int32_t s = 0; s < streams.count; ++s) {
            if (streams.in_halves(s) != HALVES) continue;
            const philox::Address at{lives.id_high, purpose_and_index, streams.slots[s]};
            std::uint32_t* const words = memory.words + s * WORDS_PER_CALL * memory.stride + i;
            philox::generate<V, PHILOX_VECTORS>(ids, at, keys, philox::Rows{words, memory.stride});
        }
    }
}

// Words of shared calls from number `done` on, VECTORS at once; where it stopped.
template <class V, bool HALVES, int VECTORS>
PYCORE_INLINE std::uint32_t
draw_calls(const Streams& streams, philox::Address at, const philox::Keys& keys, std::uint32_t done,
           std::uint32_t count, std::uint32_t* first, const BlockMemory& memory) noexcept {
    constexpr std::uint32_t STEP = VECTORS * V::WIDTH;
    static_assert(SHARERS % V::WIDTH == 0);
    for (; done + STEP <= count; done += STEP) {
        const philox::IdProducts<V, VECTORS> ids(memory.scratch + done);
        for (std::int32_t s = 0; s < streams.count; ++s) {
            if (streams.in_halves(s) != HALVES) continue;
            at.slot = streams.slots[s];
            std::uint32_t* const words = first + s * WORDS_PER_CALL * memory.stride;
            philox::generate<V, VECTORS>(ids, at, keys, InOrder<HALVES>{words, done});
        }
    }
    return done;
}

// Which consumers a block holds: from the lowest id to the highest, and whether none is missing and
// each stands in her place.
struct Company {
    std::uint32_t low, high;
    bool in_a_row;
};

template <class V>
Company company(const std::uint32_t* id, std::int32_t lanes) noexcept {
    std::uint32_t low = id[0], high = id[0], apart = 0;
    for (std::int32_t i = 1; i < lanes; ++i) {
        low = id[i] < low ? id[i] : low;
        high = id[i] > high ? id[i] : high;
        apart |= (id[i] - id[0]) ^ static_cast<std::uint32_t>(i);
    }
    return {low, high, apart == 0};
}

// Words of one period for each lane, in the first row.
template <class V, bool HALVES>
void draw_shared(const Streams& streams, std::uint32_t purpose_and_index, const Lives& lives,
                 const Company& here, std::int32_t lanes, const BlockMemory& memory) noexcept {
    constexpr std::uint32_t SHARED = shared(HALVES);
    const std::uint32_t* const id = memory.id_low;
    const std::uint32_t base = here.low / SHARED * SHARED;
    const std::uint32_t groups = (here.high - base) / SHARED + 1;
    const std::uint32_t needed = (static_cast<std::uint32_t>(lanes) + LANE_QUANTUM - 1) /
                                 LANE_QUANTUM * (LANE_QUANTUM / SHARERS);
    if (groups > needed || groups > memory.stride / SHARED + 1) {
        // Most of those who would share are gone, or not here.
        for (std::uint32_t i = 0; i < needed * SHARERS; ++i)
            memory.scratch[i] = shared_call(id[i], HALVES);
        draw_rows<V, HALVES>(streams, purpose_and_index, lives, memory.scratch, lanes, memory);
        for (std::int32_t s = 0; s < streams.count; ++s) {
            if (streams.in_halves(s) != HALVES) continue;
            std::uint32_t* const words = memory.words + s * WORDS_PER_CALL * memory.stride;
            for (std::int32_t i = 0; i < lanes; ++i) {
                const std::uint32_t place = shared_place(id[i], HALVES);
                const std::uint32_t word = HALVES ? word_of_half(place) : place;
                words[i] = words[word * memory.stride + i] << (HALVES ? shift_of_half(place) : 0);
            }
        }
        return;
    }
    const std::uint32_t calls = groups * SHARERS;
    for (std::uint32_t c = 0; c < calls; ++c)
        memory.scratch[c] = shared_call(base, HALVES) + c;
    const bool in_place = here.in_a_row && here.low == base;
    std::uint32_t* const first = memory.words + (in_place ? 0 : memory.stride);
    const philox::Keys keys(lives.key_0, lives.key_1);
    const philox::Address at{lives.id_high, purpose_and_index, 0};
    const auto done =
        draw_calls<V, HALVES, PHILOX_VECTORS>(streams, at, keys, 0, calls, first, memory);
    draw_calls<V, HALVES, 1>(streams, at, keys, done, calls, first, memory);
    if (in_place) return;
    for (std::int32_t s = 0; s < streams.count; ++s) {
        if (streams.in_halves(s) != HALVES) continue;
        std::uint32_t* const words = memory.words + s * WORDS_PER_CALL * memory.stride;
        const std::uint32_t* const all = words + memory.stride;
        for (std::int32_t i = 0; i < lanes; ++i)
            words[i] = all[id[i] - base];
    }
}

// The whole words of a halved stream in lanes [begin, end), written to the room that is there for
// them: `upper` are its words as they stand.
template <class V>
void join_halves(const HalfWords& halves, const std::uint32_t* upper, std::uint32_t slot,
                 std::int32_t begin, std::int32_t end) noexcept {
    constexpr std::int32_t STEP = PHILOX_VECTORS * V::WIDTH;
    alignas(64) std::uint32_t calls[STEP];
    alignas(64) std::uint32_t lower[WORDS_PER_CALL * STEP];
    const philox::Keys keys(halves.key_0, halves.key_1);
    const philox::Address at{halves.id_high, PURPOSE_LOWER << 28 | halves.index, slot};
    for (std::int32_t first = begin / STEP * STEP; first < end; first += STEP) {
        const std::uint32_t* const id = halves.id_low + first;
        for (std::int32_t i = 0; i < STEP; ++i)
            calls[i] = halves.place < 0 ? shared_call(id[i], true) : id[i];
        const philox::IdProducts<V, PHILOX_VECTORS> ids(calls);
        philox::generate<V, PHILOX_VECTORS>(ids, at, keys, philox::Rows{lower, STEP});
        for (std::int32_t i = 0; i < STEP; ++i) {
            const auto place = halves.place < 0 ? shared_place(id[i], true)
                                                : static_cast<std::uint32_t>(halves.place);
            const auto low = static_cast<std::int32_t>(word_of_half(place)) * STEP + i;
            halves.whole[first + i] = (upper[first + i] << halves.shift & 0xFFFF0000U) |
                                      (lower[low] << shift_of_half(place) >> 16);
        }
    }
}

} // namespace pycore
