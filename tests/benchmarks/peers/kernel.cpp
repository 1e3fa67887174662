// The benchmark model as a kernel written by hand: what the machine would be if it knew one model.
//
// The same generator, the same functions and the same vectors as the machine, but every number of a
// period stays in a register from its draw to its sum, and nothing is interpreted.
#include "pycore/math.hpp"
#include "pycore/philox.hpp"

#ifdef __AVX512F__
#include "pycore/simd_avx512.hpp"
using V = pycore::Avx512;
#else
#include "pycore/simd_avx2.hpp"
using V = pycore::Avx2;
#endif

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <type_traits>

namespace {

namespace math = pycore::math;
using Float = V::Float;
using Int = V::Int;
using Mask = V::Mask;

// Expectation, satisfaction, trust, disappointment, exhaustion, loyalty.
enum State { E, S, T, D, X, Y, STATES };

constexpr int PERIODS = 52, SEGMENTS = 8, COLUMNS = 22, LANES = 256, STREAMS = 8, AT_ONCE = 2;

struct Block {
    alignas(64) float state[STATES][LANES];
    alignas(64) std::uint32_t id[LANES];
    alignas(64) std::uint32_t words[STREAMS][4][LANES];
    int size;

    // The last one takes the place of one who leaves, with the words of the periods to come.
    void remove(int lane) {
        const int last = --size;
        for (auto& one : state)
            one[lane] = one[last];
        id[lane] = id[last];
        for (auto& stream : words) {
            for (auto& period : stream)
                period[lane] = period[last];
        }
    }
};

Float clamp(Float a, float low, float high) {
    return V::min(V::max(a, V::set(low)), V::set(high));
}

Float times(float scale, Float a) {
    return V::mul(V::set(scale), a);
}

// A coin with a probability that all lanes share.
Mask coin(const std::uint32_t* word, float chance) {
    return V::lt(math::event_threshold_value<V>(V::load_int(word)), V::set(chance * 2147483648.0F));
}

template <class... More>
Float sum(Float a, More... more) {
    ((a = V::add(a, more)), ...);
    return a;
}

double total(Float a) {
    alignas(64) float lanes[V::WIDTH];
    V::store(lanes, a);
    return std::accumulate(lanes, lanes + V::WIDTH, 0.0);
}

void draw(Block& block, std::uint32_t segment, std::uint32_t index,
          const pycore::philox::Keys& keys, int streams) {
    for (int i = 0; i < block.size; i += AT_ONCE * V::WIDTH) {
        const pycore::philox::IdProducts<V, AT_ONCE> ids(block.id + i);
        for (int stream = 0; stream < streams; ++stream) {
            pycore::philox::generate<V, AT_ONCE>(
                ids, {segment, index, static_cast<std::uint32_t>(stream)}, keys,
                pycore::philox::Rows{&block.words[stream][0][i], LANES});
        }
    }
}

struct Sums {
    Float first[STATES], second[STATES], revenue;
    Int failures[3], calm, disappointed, exhausted, left, buy, recommend;
};

// What happens and what it does to the states.  The loops of a period are kept apart because one
// loop over everything has more numbers than the processor has registers.
template <bool WHOLE>
void live_states(Block& block, int i, int slot, const float* own, Sums& sums) {
    const auto here = V::first(WHOLE ? V::WIDTH : block.size - i);
    const auto word = [&](int stream) { return &block.words[stream][slot][i]; };
    const auto among = [&](Mask m) { return WHOLE ? m : V::mask_and(m, here); };
    const auto one = V::set(1.0F), zero = V::set(0.0F);

    const Mask f1 = among(coin(word(0), own[0])), f2 = among(coin(word(1), own[1])),
               f3 = among(coin(word(2), own[2]));
    const Mask any = V::mask_or(V::mask_or(f1, f2), f3);
    const Float failed = V::keep(any, one);
    const Float z = math::normal<V>(V::load_int(word(4)));
    const Float wait = math::exp<V>(V::add(V::set(0.7F), times(0.6F, z)));
    const Float comfort = V::keep(any, V::max(zero, V::sub(one, times(0.2F, wait))));
    const Float luck = math::normal<V>(V::load_int(word(3)));
    const Float perceived =
        sum(V::add(V::set(own[3]), times(0.25F, luck)), V::keep(f1, V::set(-0.5F)),
            V::keep(f2, V::set(-0.3F)), V::keep(f3, V::set(-0.4F)));
    Float e = V::load(block.state[E] + i), s = V::load(block.state[S] + i),
          t = V::load(block.state[T] + i);
    Float d = V::load(block.state[D] + i), x = V::load(block.state[X] + i),
          y = V::load(block.state[Y] + i);
    const Float surprise = V::sub(perceived, e);
    d = clamp(sum(times(0.8F, d), V::max(zero, V::sub(zero, surprise)), times(-0.3F, comfort)),
              0.0F, 4.0F);
    x = V::min(sum(times(0.95F, x), times(0.1F, d), times(0.1F, V::sub(failed, comfort))),
               V::set(8.0F));
    s = clamp(V::add(times(0.7F, s), times(0.3F, surprise)), -4.0F, 4.0F);
    t = clamp(sum(t, times(0.05F, surprise), times(0.03F, comfort), times(-0.02F, failed)), 0.0F,
              1.0F);
    e = V::add(e, times(0.1F, surprise));
    y = clamp(sum(times(0.95F, y), times(0.05F, t), times(0.02F, s), times(-0.01F, x)), 0.0F, 1.0F);
    const Float states[] = {e, s, t, d, x, y};
#pragma GCC unroll 6
    for (int k = 0; k < STATES; ++k)
        V::store(block.state[k] + i, states[k]);
    sums.failures[0] = V::count(sums.failures[0], f1);
    sums.failures[1] = V::count(sums.failures[1], f2);
    sums.failures[2] = V::count(sums.failures[2], f3);
}

template <bool WHOLE>
Mask decide(const Block& block, int i, int slot, const float* own, float leave_base, Sums& sums) {
    const auto here = V::first(WHOLE ? V::WIDTH : block.size - i);
    const auto word = [&](int stream) { return V::load_int(&block.words[stream][slot][i]); };
    const auto among = [&](Mask m) { return WHOLE ? m : V::mask_and(m, here); };
    const auto one = V::set(1.0F), zero = V::set(0.0F);
    const Float s = V::load(block.state[S] + i), t = V::load(block.state[T] + i),
                d = V::load(block.state[D] + i);
    const Float x = V::load(block.state[X] + i), y = V::load(block.state[Y] + i);
    const Mask buy = among(math::event_logit<V>(
        word(5), sum(V::set(-1.0F), times(2.0F, y), times(0.5F, s), times(-0.3F, x))));
    const Mask recommend =
        among(math::event_logit<V>(word(6), sum(V::set(-2.5F), s, times(1.5F, t))));
    const Mask leave = among(math::event_logit<V>(
        word(7), sum(V::set(leave_base), times(0.8F, x), times(0.5F, d), times(-2.0F, y))));
    sums.revenue =
        V::add(sums.revenue, V::keep(buy, V::mul(V::set(own[4]), V::add(V::set(0.5F), y))));
    const Float stays = V::select(leave, zero, WHOLE ? one : V::keep(here, one));
    const Float tired = V::select(V::lt(one, x), stays, zero);
    const Mask calmer = V::lt(zero, V::sub(stays, tired));
    sums.buy = V::count(sums.buy, buy);
    sums.recommend = V::count(sums.recommend, recommend);
    sums.left = V::count(sums.left, leave);
    sums.exhausted = V::count(sums.exhausted, V::lt(zero, tired));
    sums.disappointed = V::count(sums.disappointed, V::mask_and(calmer, V::lt(V::set(0.5F), d)));
    sums.calm = V::count(sums.calm, V::mask_and(calmer, V::le(d, V::set(0.5F))));
    return leave;
}

template <bool WHOLE>
void add_states(Block& block, int i, Sums& sums) {
#pragma GCC unroll 6
    for (int k = 0; k < STATES; ++k) {
        const Float state = V::load(block.state[k] + i);
        const Float value = WHOLE ? state : V::keep(V::first(block.size - i), state);
        sums.first[k] = V::add(sums.first[k], value);
        sums.second[k] = V::add(sums.second[k], V::mul(value, value));
    }
}

// Calls with true for whole vectors and with false for what is left.
template <class Work>
void over_vectors(int size, const Work& work) {
    int i = 0;
    for (; i + V::WIDTH <= size; i += V::WIDTH)
        work(i, std::true_type());
    if (i < size) work(i, std::false_type());
}

void live_block(Block& block, std::uint32_t segment, const float* own, float leave_base,
                const pycore::philox::Keys& keys, double* rows) {
    draw(block, segment, 1U << 28U, keys, 1);
    for (int i = 0; i < LANES; i += V::WIDTH) {
        const Float z = math::normal<V>(V::load_int(&block.words[0][0][i]));
        V::store(block.state[E] + i, V::add(V::set(0.6F), times(0.1F, z)));
        for (const State k : {S, D, X})
            V::store(block.state[k] + i, V::set(0.0F));
        for (const State k : {T, Y})
            V::store(block.state[k] + i, V::set(0.5F));
    }
    for (int now = 0; now < PERIODS && block.size > 0; ++now) {
        if (now % 4 == 0) draw(block, segment, static_cast<std::uint32_t>(now / 4), keys, STREAMS);
        Sums sums{};
        std::uint32_t left[LANES / V::WIDTH];
        const int slot = now % 4;
        over_vectors(block.size,
                     [&](int i, auto whole) { live_states<whole()>(block, i, slot, own, sums); });
        over_vectors(block.size, [&](int i, auto whole) {
            left[i / V::WIDTH] = V::bits(decide<whole()>(block, i, slot, own, leave_base, sums));
        });
        over_vectors(block.size, [&](int i, auto whole) { add_states<whole()>(block, i, sums); });
        double* const row = rows + now * COLUMNS;
        const Int counts[] = {sums.calm,        sums.disappointed, sums.exhausted,
                              sums.left,        sums.failures[0],  sums.failures[1],
                              sums.failures[2], sums.buy,          sums.recommend};
        for (int k = 0; k < 9; ++k)
            row[k] += V::sum(counts[k]);
        row[9] += total(sums.revenue);
        for (int k = 0; k < STATES; ++k) {
            row[10 + k] += total(sums.first[k]);
            row[16 + k] += total(sums.second[k]);
        }
        for (int lane = block.size; lane-- > 0;) {
            if ((left[lane / V::WIDTH] >> (lane % V::WIDTH) & 1U) != 0) block.remove(lane);
        }
    }
}

} // namespace

extern "C" void live(const float* table, std::int64_t size, float leave_base, std::uint32_t seed,
                     double* sums) {
    const pycore::philox::Keys keys(seed, 0);
    static thread_local Block block;
    for (std::uint32_t segment = 0; segment < SEGMENTS; ++segment) {
        for (std::int64_t begin = 0; begin < size; begin += LANES) {
            block.size = static_cast<int>(std::min<std::int64_t>(LANES, size - begin));
            for (int i = 0; i < LANES; ++i)
                block.id[i] = static_cast<std::uint32_t>(begin + i);
            live_block(block, segment, table + 5 * segment, leave_base, keys,
                       sums + segment * PERIODS * COLUMNS);
        }
    }
}
