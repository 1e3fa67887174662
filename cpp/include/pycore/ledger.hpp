// Adding a block's lanes to one row of the ledger: [active | per stage | records].
//
// Sums are int64 fixed point, so they are associative: blocks, threads and shards merge exactly.
#pragma once

#include "pycore/machine.hpp"
#include "pycore/simd.hpp"

#include <cstdint>

namespace pycore::ledger {

inline constexpr float INT32_RANGE = 2147483648.0F;

// The lanes that a record looks at: all of the block, or those in one stage.
template <class V>
struct Chosen {
    const float* stage; // null: everyone
    float code;
    std::int32_t lanes;

    // Call f(offset, mask) for vectors with lanes left out, f(offset) for whole ones.
    template <class Whole, class Masked>
    PYCORE_INLINE void each(Whole&& whole, Masked&& masked) const noexcept {
        std::int32_t i = 0;
        if (stage == nullptr) {
            for (; i + V::WIDTH <= lanes; i += V::WIDTH)
                whole(i);
            if (i < lanes) masked(i, V::first(lanes - i));
            return;
        }
        const auto wanted = V::set(code);
        for (; i < lanes; i += V::WIDTH) {
            masked(i, V::mask_and(V::first(lanes - i), V::eq(V::load(stage + i), wanted)));
        }
    }

    // Call f(value) for every vector, with zeros for the lanes that are not chosen.
    template <class F>
    PYCORE_INLINE void each_value(const float* x, F&& f) const noexcept {
        each([&](std::int32_t i) { f(V::load(x + i)); },
             [&](std::int32_t i, typename V::Mask m) { f(V::keep(m, V::load(x + i))); });
    }
};

// Chosen lanes of which truth(k, offset) holds, for K <= 4 questions in one pass.
template <class V, int K, class Truth>
void count(const Chosen<V>& chosen, const Truth& truth, std::int32_t (&found)[4]) noexcept {
    typename V::Int total[4] = {V::set_int(0), V::set_int(0), V::set_int(0), V::set_int(0)};
    chosen.each(
        [&](std::int32_t i) {
#pragma GCC unroll 4
            for (int k = 0; k < K; ++k)
                total[k] = V::count(total[k], truth(k, i));
        },
        [&](std::int32_t i, typename V::Mask m) {
#pragma GCC unroll 4
            for (int k = 0; k < K; ++k)
                total[k] = V::count(total[k], V::mask_and(m, truth(k, i)));
        });
    V::sums(total, found);
}

template <class V, class Truth>
PYCORE_INLINE void count(std::int32_t questions, const Chosen<V>& chosen, const Truth& truth,
                         std::int32_t (&found)[4]) noexcept {
    if (questions == 1) return count<V, 1>(chosen, truth, found);
    if (questions == 2) return count<V, 2>(chosen, truth, found);
    if (questions == 3) return count<V, 3>(chosen, truth, found);
    return count<V, 4>(chosen, truth, found);
}

// How many are in each of the stages from `first` on, at most four of them.
template <class V>
void count_stages(const float* stage, std::int32_t first, std::int32_t size, std::int32_t lanes,
                  std::int32_t (&found)[4]) noexcept {
    const auto truth = [stage, first](int k, std::int32_t i) {
        return V::eq(V::load(stage + i), V::set(static_cast<float>(first + k)));
    };
    count<V>(size, {nullptr, 0.0F, lanes}, truth, found);
}

inline void add_ones(const RecordView& record, std::int64_t ones, std::int64_t* out) noexcept {
    out[0] += ones * record.one;
    if (record.kind == RecordKind::moments) out[1] += ones * record.one_squared;
}

// Add at most four records, next to each other, of the chosen lanes that are not zero.
template <class V>
void add_counts(const RecordView* records, std::int32_t size, const BlockMemory& memory,
                const Chosen<V>& chosen, std::int64_t* out) noexcept {
    const float* x[4] = {};
    for (std::int32_t k = 0; k < size; ++k)
        x[k] = memory.registers + records[k].source * memory.stride;
    const auto truth = [&x](int k, std::int32_t i) {
        return V::ne(V::load(x[k] + i), V::set(0.0F));
    };
    std::int32_t found[4];
    count<V>(size, chosen, truth, found);
    for (std::int32_t k = 0; k < size; ++k)
        add_ones(records[k], found[k], out + (records[k].offset - records->offset));
}

// Add a record of an event that has counted the lanes of whole vectors in which it happened.
template <class V>
void add_events(const RecordView& record, const BlockMemory& memory, std::int32_t lanes,
                std::int64_t* out) noexcept {
    const float* const x = memory.registers + record.source * memory.stride;
    std::int64_t ones = memory.happened[record.source];
    for (std::int32_t i = lanes; i % V::WIDTH != 0; ++i)
        ones -= x[i] != 0.0F ? 1 : 0;
    add_ones(record, ones, out);
}

// First lane whose value or square does not fit, in the order in which the oracle meets them.
template <class V>
float offending_value(const float* x, const Chosen<V>& chosen, const RecordView& record) noexcept {
    for (int square = 0; square < (record.kind == RecordKind::moments ? 2 : 1); ++square) {
        for (std::int32_t i = 0; i < chosen.lanes; ++i) {
            if (chosen.stage != nullptr && !(chosen.stage[i] == chosen.code)) continue;
            const float value = square != 0 ? x[i] * x[i] : x[i];
            const float scaled = value * (square != 0 ? record.square_scale : record.scale);
            if (!(__builtin_fabsf(scaled) < INT32_RANGE)) return value;
        }
    }
    return 0.0F;
}

// A sum without the `steps` that were added to every lane of whole vectors.
template <class V>
std::int32_t without(std::uint32_t steps, std::int32_t total, std::int32_t lanes) noexcept {
    const auto visited = static_cast<std::uint32_t>((lanes + V::WIDTH - 1) / V::WIDTH * V::WIDTH);
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(total) - visited * steps);
}

// What a pass over one or two registers adds up.
template <class V>
struct Moments {
    typename V::Float rounder, square_rounder;
    typename V::Int sum_1 = V::set_int(0), sum_2 = V::set_int(0), peak = V::set_int(0);

    PYCORE_INLINE explicit Moments(const RecordView& record) noexcept
        : rounder(V::set(record.rounder)), square_rounder(V::set(record.square_rounder)) {}

    PYCORE_INLINE void add(typename V::Float value) noexcept {
        const auto second = V::as_int(V::add(V::mul(value, value), square_rounder));
        sum_1 = V::add(sum_1, V::as_int(V::add(value, rounder)));
        sum_2 = V::add(sum_2, second);
        peak = V::max_unsigned(peak, second);
    }
    PYCORE_INLINE bool large(const RecordView& record) const noexcept {
        return V::any_above(peak, V::set_int(record.largest_square));
    }
};

// Sums of fix(x) and fix(x * x) of one record, or of two, whose numbers are all small, as they
// nearly always are; false, and nothing added, if one is not.  `out` is where the first one's go.
//
// Adding 1.5 * 2^23 steps of the fixed point rounds to whole steps and leaves them in the low bits,
// so the bits are summed as they are, and what was added is taken off in the end.  The largest
// square bounds the sums; that of a NaN is larger than all.
template <class V, int K>
bool small_moments(const RecordView* records, const BlockMemory& memory, const Chosen<V>& chosen,
                   std::int64_t* out) noexcept {
    const RecordView &one = records[0], &other = records[K - 1];
    const float* const x = memory.registers + one.source * memory.stride;
    const float* const y = memory.registers + other.source * memory.stride;
    Moments<V> a(one), b(other);
    chosen.each(
        [&](std::int32_t i) {
            a.add(V::load(x + i));
            if constexpr (K > 1) b.add(V::load(y + i));
        },
        [&](std::int32_t i, typename V::Mask m) {
            a.add(V::keep(m, V::load(x + i)));
            if constexpr (K > 1) b.add(V::keep(m, V::load(y + i)));
        });
    if (a.large(one) || (K > 1 && b.large(other))) return false;
    std::int32_t sums[4];
    V::sums({a.sum_1, a.sum_2, b.sum_1, b.sum_2}, sums);
    for (int k = 0; k < K; ++k) {
        const RecordView& record = records[k];
        std::int64_t* const place = out + (record.offset - one.offset);
        place[0] += without<V>(Scalar::as_int(record.rounder), sums[2 * k], chosen.lanes);
        place[1] +=
            without<V>(Scalar::as_int(record.square_rounder), sums[2 * k + 1], chosen.lanes);
    }
    return true;
}

// The same of fix(x) alone, as distances from the lowest small number.
template <class V>
bool small_sum(const RecordView& record, const BlockMemory& memory, const Chosen<V>& chosen,
               std::int64_t* out) noexcept {
    const std::uint32_t lowest = Scalar::as_int(record.rounder) - SMALL;
    const auto rounder = V::set(record.rounder);
    const auto origin = V::set_int(lowest);
    auto total = V::set_int(0), peak = total;
    chosen.each_value(memory.registers + record.source * memory.stride,
                      [&](typename V::Float value) {
                          const auto distance = V::sub(V::as_int(V::add(value, rounder)), origin);
                          total = V::add(total, distance);
                          peak = V::max_unsigned(peak, distance);
                      });
    if (V::any_above(peak, V::set_int(2 * SMALL))) return false;
    out[0] += without<V>(SMALL, V::sum(total), chosen.lanes);
    return true;
}

// Sums of any size: halves of sixteen bits cannot overflow in 1024 lanes.
template <class V>
struct Halves {
    typename V::Int low = V::set_int(0), high = V::set_int(0);

    PYCORE_INLINE void add(typename V::Float scaled) noexcept {
        const auto whole = V::round_to_int(scaled);
        low = V::add(low, V::bit_and(whole, V::set_int(0xFFFFU)));
        high = V::add(high, V::template shift_right_signed<16>(whole));
    }
    PYCORE_INLINE std::int64_t sum() const noexcept {
        return static_cast<std::int64_t>(V::sum(high)) * 65536 + V::sum(low);
    }
};

// Sums of fix(x) and, of moments, fix(x * x); false if a value does not fit or is NaN.  The largest
// magnitude is kept as bits, so that NaN counts as largest.
template <class V>
bool any_sums(const float* x, const Chosen<V>& chosen, const RecordView& record, bool& large,
              std::int64_t* out) noexcept {
    const auto scale = V::set(record.scale), square_scale = V::set(record.square_scale);
    const auto magnitude = V::set_int(0x7FFFFFFFU);
    const bool squares = record.kind == RecordKind::moments;
    Halves<V> first, second;
    auto peak = V::set_int(0);
    chosen.each_value(x, [&](typename V::Float value) {
        peak = V::max_unsigned(peak, V::bit_and(V::as_int(value), magnitude));
        first.add(V::mul(value, scale));
        if (squares) second.add(V::mul(V::mul(value, value), square_scale));
    });
    const float largest = Scalar::as_float(V::largest(peak));
    const float largest_1 = largest * record.scale;
    const float largest_2 = squares ? (largest * largest) * record.square_scale : 0.0F;
    if (!(largest_1 < INT32_RANGE && largest_2 < INT32_RANGE)) return false;
    large = largest_1 > static_cast<float>(SMALL) || largest_2 > static_cast<float>(SMALL);
    out[0] += first.sum();
    if (squares) out[1] += second.sum();
    return true;
}

// Small values are expected, unless the record's last ones were not small.
template <class V>
bool add_sums(const RecordView& record, const BlockMemory& memory, const Chosen<V>& chosen,
              bool& large, std::int64_t* out) noexcept {
    if (!large) {
        large = record.kind == RecordKind::moments
                    ? !small_moments<V, 1>(&record, memory, chosen, out)
                    : !small_sum<V>(record, memory, chosen, out);
        if (!large) return true;
    }
    return any_sums<V>(memory.registers + record.source * memory.stride, chosen, record, large,
                       out);
}

// Cell of each lane in a histogram: 0 below, 1..bins inside, bins + 1 above (and NaN).
template <class V>
void histogram_cells(const float* x, std::int32_t lanes, const RecordView& record,
                     std::uint32_t* cells) noexcept {
    const auto low = V::set(record.low), high = V::set(record.high);
    const auto inverse = V::set(record.inverse), zero = V::set(0.0F), one = V::set(1.0F);
    const auto last = V::set(static_cast<float>(record.bins - 1));
    const auto above = V::set(static_cast<float>(record.bins + 1));
    for (std::int32_t i = 0; i < lanes; i += V::WIDTH) {
        const auto value = V::load(x + i);
        const auto place = V::mul(V::sub(value, low), inverse);
        const auto within = V::max(V::min(place, last), zero);
        const auto bin = V::add(V::to_float(V::truncate_to_int(within)), one);
        const auto not_above = V::select(V::lt(value, high), bin, above);
        const auto cell = V::select(V::lt(value, low), zero, not_above);
        V::store_int(cells + i, V::truncate_to_int(cell));
    }
}

template <class V>
void histogram(const float* x, const float* stage, const ProgramView& program,
               const RecordView& record, std::int32_t lanes, std::uint32_t* cells,
               std::int64_t* out) noexcept {
    histogram_cells<V>(x, lanes, record, cells);
    if (stage == nullptr) {
        for (std::int32_t i = 0; i < lanes; ++i)
            ++out[cells[i]];
        return;
    }
    for (std::int32_t i = 0; i < lanes; ++i) {
        for (std::int32_t k = 0; k < program.stages; ++k) {
            if (stage[i] == static_cast<float>(k))
                ++out[k * record.width + static_cast<std::int32_t>(cells[i])];
        }
    }
}

// Add the records from `r` on that are alike and of everyone, as many as one pass can take; returns
// how many, or 0 if this one has to be added alone.
template <class V>
std::int32_t add_alike(const ProgramView& program, std::int32_t r, const BlockMemory& memory,
                       const Chosen<V>& everyone, std::int64_t* row) noexcept {
    const RecordView* const records = program.records + r;
    const std::int32_t left = program.n_records - r;
    const Counting counting = records->counting;
    const auto alike = [&](const RecordView& other) {
        return other.counting == counting &&
               (counting != Counting::no || other.kind == RecordKind::moments) &&
               !(other.by_stage && program.stages > 0);
    };
    std::int32_t size = 0;
    while (size < 4 && size < left && alike(records[size]))
        ++size;
    std::int64_t* const out = row + records->offset;
    if (counting == Counting::no) {
        if (size < 2 || memory.large[r] || memory.large[r + 1]) return 0;
        return small_moments<V, 2>(records, memory, everyone, out) ? 2 : 0;
    }
    if (counting == Counting::by_the_ledger && size > 0) {
        add_counts<V>(records, size, memory, everyone, out);
        return size;
    }
    for (std::int32_t k = 0; k < size; ++k)
        add_events<V>(records[k], memory, everyone.lanes, row + records[k].offset);
    return size;
}

// Add one record; false if a value does not fit.
template <class V>
bool add_record(const ProgramView& program, std::int32_t r, const float* stage,
                const BlockMemory& memory, std::int32_t lanes, std::int64_t* row,
                Fault& fault) noexcept {
    const RecordView& record = program.records[r];
    const float* const x = memory.registers + record.source * memory.stride;
    const bool split = record.by_stage && stage != nullptr;
    std::int64_t* out = row + record.offset;
    if (record.kind == RecordKind::histogram) {
        histogram<V>(x, split ? stage : nullptr, program, record, lanes, memory.scratch, out);
        return true;
    }
    const std::int32_t groups = split ? program.stages : 1;
    for (std::int32_t k = 0; k < groups; ++k, out += record.width) {
        const Chosen<V> chosen{split ? stage : nullptr, static_cast<float>(k), lanes};
        if (record.counting != Counting::no) {
            add_counts<V>(&record, 1, memory, chosen, out);
        } else if (!add_sums<V>(record, memory, chosen, memory.large[r], out)) {
            fault.record = r;
            fault.value = offending_value<V>(x, chosen, record);
            return false;
        }
    }
    return true;
}

// Add one period of a block to `row`; false and `fault` filled if a value does not fit.
template <class V>
bool add_period(const ProgramView& program, const BlockMemory& memory, std::int32_t lanes,
                std::int64_t* row, Fault& fault) noexcept {
    const float* const stage =
        program.stages > 0 ? memory.registers + program.stage_register * memory.stride : nullptr;
    const Chosen<V> everyone{nullptr, 0.0F, lanes};
    row[0] += lanes;
    for (std::int32_t r = 0; r < program.n_records;) {
        if (program.records[r].kind == RecordKind::shared) { // of environments, not of consumers
            ++r;
        } else if (const std::int32_t added = add_alike<V>(program, r, memory, everyone, row)) {
            r += added;
        } else if (add_record<V>(program, r, stage, memory, lanes, row, fault)) {
            ++r;
        } else {
            return false;
        }
    }
    return true;
}

} // namespace pycore::ledger
