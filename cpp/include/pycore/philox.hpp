// Philox4x32-10 (Salmon et al. 2011) over lanes that differ only in the low word of the counter.
#pragma once

#include "pycore/simd.hpp"

#include <cstdint>

namespace pycore::philox {

inline constexpr std::uint32_t MULTIPLIER_0 = 0xD2511F53U, MULTIPLIER_1 = 0xCD9E8D57U;
inline constexpr std::uint32_t WEYL_0 = 0x9E3779B9U, WEYL_1 = 0xBB67AE85U;
inline constexpr std::uint32_t ROUNDS = 10;

// The key of each round, widened once so that the rounds broadcast it from memory.
struct Keys {
    std::uint64_t first[ROUNDS];
    std::uint64_t second[ROUNDS];

    PYCORE_INLINE Keys(std::uint32_t key_0, std::uint32_t key_1) noexcept {
        for (std::uint32_t round = 0; round < ROUNDS; ++round) {
            first[round] = static_cast<std::uint32_t>(key_0 + round * WEYL_0);
            second[round] = static_cast<std::uint32_t>(key_1 + round * WEYL_1);
        }
    }
};

// The part of the counter that all lanes of a call share.
struct Address {
    std::uint32_t id_high;
    std::uint32_t purpose_and_index;
    std::uint32_t slot;
};

// What the first round makes of the ids: the same for all streams of a block.
template <class V, int VECTORS>
struct IdProducts {
    typename V::Wide product[VECTORS], high[VECTORS];

    PYCORE_INLINE explicit IdProducts(const std::uint32_t* id_low) noexcept {
#pragma GCC unroll 4
        for (int u = 0; u < VECTORS; ++u) {
            product[u] = V::multiply(V::widen(V::load_int(id_low + u * V::WIDTH)), MULTIPLIER_0);
            high[u] = V::high(product[u]);
        }
    }
};

// Puts word w of a vector of calls, `lane` the first of them, into its row.
struct Rows {
    std::uint32_t* words;
    std::int64_t stride;

    template <class V>
    PYCORE_INLINE void put(std::uint32_t lane, std::uint32_t word,
                           typename V::Int value) const noexcept {
        V::store_int(words + word * stride + lane, value);
    }
};

// Words 0 to 3 for VECTORS vectors of lanes at once; `out` puts those of a vector in their place.
//
// One call has a latency of ten multiplications; VECTORS independent calls fill the gaps.  In the
// first two rounds half of the state is the same in every lane and is computed once.  The last
// round packs before it mixes: 32-bit lanes need half the operations of 64-bit ones.
template <class V, int VECTORS, class Out>
PYCORE_INLINE void generate(const IdProducts<V, VECTORS>& ids, const Address& at, const Keys& keys,
                            const Out& out) noexcept {
    using Wide = typename V::Wide;
    const std::uint64_t shared = static_cast<std::uint64_t>(MULTIPLIER_1) * at.purpose_and_index;
    const std::uint64_t shared_0 = (shared >> 32) ^ at.id_high ^ keys.first[0];
    const std::uint64_t shared_1 = static_cast<std::uint32_t>(shared);
    const std::uint64_t second = MULTIPLIER_0 * shared_0;

    Wide c0[VECTORS], c1[VECTORS], c2[VECTORS], c3[VECTORS], p0[VECTORS], p1[VECTORS];
#pragma GCC unroll 4
    for (int u = 0; u < VECTORS; ++u) {
        const Wide mixed = V::wide_xor(ids.high[u], V::set_wide(at.slot ^ keys.second[0]));
        const Wide product = V::multiply(mixed, MULTIPLIER_1);
        c0[u] = V::wide_xor(V::high(product), V::set_wide(shared_1 ^ keys.first[1]));
        c1[u] = product;
        c2[u] = V::wide_xor(ids.product[u], V::set_wide((second >> 32) ^ keys.second[1]));
        c3[u] = V::set_wide(second);
    }
#pragma GCC unroll 8
    for (std::uint32_t round = 2; round < ROUNDS; ++round) {
#pragma GCC unroll 4
        for (int u = 0; u < VECTORS; ++u) {
            p0[u] = V::multiply(c0[u], MULTIPLIER_0);
            p1[u] = V::multiply(c2[u], MULTIPLIER_1);
        }
        if (round + 1 == ROUNDS) break;
        const Wide k0 = V::set_wide(keys.first[round]);
        const Wide k1 = V::set_wide(keys.second[round]);
#pragma GCC unroll 4
        for (int u = 0; u < VECTORS; ++u) {
            c0[u] = V::wide_xor(V::high(p1[u]), c1[u], k0);
            c1[u] = p1[u];
            c2[u] = V::wide_xor(V::high(p0[u]), c3[u], k1);
            c3[u] = p0[u];
        }
    }
    const auto k0 = V::set_int(static_cast<std::uint32_t>(keys.first[ROUNDS - 1]));
    const auto k1 = V::set_int(static_cast<std::uint32_t>(keys.second[ROUNDS - 1]));
#pragma GCC unroll 4
    for (int u = 0; u < VECTORS; ++u) {
        const auto lane = static_cast<std::uint32_t>(u * V::WIDTH);
        out.template put<V>(lane, 0, V::bit_xor(V::narrow_high(p1[u]), V::narrow(c1[u]), k0));
        out.template put<V>(lane, 1, V::narrow(p1[u]));
        out.template put<V>(lane, 2, V::bit_xor(V::narrow_high(p0[u]), V::narrow(c3[u]), k1));
        out.template put<V>(lane, 3, V::narrow(p0[u]));
    }
}

} // namespace pycore::philox
