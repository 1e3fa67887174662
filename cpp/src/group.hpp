// A group: consumers who share environments, all of whom live one period, then the next.  A team of
// threads takes portions of its blocks in any order.
#pragma once

#include "arena.hpp"
#include "pycore/drawing.hpp"
#include "pycore/run.hpp"
#include "pycore/simd_scalar.hpp"
#include "schedule.hpp"
#include "store.hpp"
#include "talk.hpp"
#include "workers.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace pycore {

inline constexpr std::uint64_t BLOCKS_AT_ONCE = 8;
inline constexpr std::uint64_t AHEAD = 4; // blocks by which memory is fetched early

// Consumers of one cell and batch who are in a group; `node` numbers the first within the group.
struct Piece {
    Item item;
    std::uint64_t node;
};

// How many consumers from `low` on a block takes: where there is more than one, each but the first
// begins with a consumer who shares no random words with the one before, if blocks have a size for
// that, or at least no whole ones.
inline std::uint64_t block_step(std::uint64_t block) noexcept {
    return shared(block % shared(true) == 0);
}
inline std::uint64_t block_room(const Item& item, std::uint64_t low, std::uint64_t block) noexcept {
    return item.high - item.low <= block ? block : block - low % block_step(block);
}

// What one run's groups have in common.
struct Task {
    const Program& program;
    const std::vector<Cell>& cells;
    const Network& network;
    const std::vector<std::string>& environments;
    const std::vector<std::string>& signals;
    const RunSettings& settings;
    std::int64_t* ledger; // [cell][batch][period][width]
    std::int64_t periods; // of the ledger: those of the run, or one after the other in one place
    Workers& workers;
    bool mutual; // who is heard by a consumer hears her
    bool alone;  // one thread at a time works on a group

    const CouplingDefinition& coupling() const noexcept { return program.definition().coupling; }
    std::int64_t* row(const Item& item, std::int64_t period) const noexcept {
        const auto place = static_cast<std::int64_t>(item.cell) * settings.batches + item.batch;
        return ledger + (place * periods + period % periods) * program.width();
    }
};

class Group {
  public:
    explicit Group(const Task& task)
        : task_(task), store_(task.program, task.settings.block),
          talk_(task.program, task.network, task.settings, task.mutual) {}

    // Take these pieces; the lanes of a block share the high word of their ids.
    void assign(std::vector<Piece> pieces) {
        pieces_ = std::move(pieces);
        blocks_.clear();
        everybody_ = 0;
        cells_.clear();
        for (std::size_t p = 0; p < pieces_.size(); ++p) {
            const Item& item = pieces_[p].item;
            if (cells_.empty() || cells_.back() != item.cell) cells_.push_back(item.cell);
            for (std::uint64_t low = item.low; low < item.high;) {
                const std::uint64_t size = std::min(
                    {block_room(item, low, static_cast<std::uint64_t>(task_.settings.block)),
                     item.high - low, LOW_WORD - low % LOW_WORD});
                const auto lanes = static_cast<std::uint32_t>(size);
                blocks_.push_back({p, low, lanes, static_cast<std::int32_t>(size), 0.0F, false});
                low += size;
            }
            everybody_ += item.high - item.low;
        }
        store_.reserve(blocks_.size());
        const std::uint64_t first = pieces_.empty() ? 0 : pieces_.front().node;
        talk_.assign(task_.network.nodes, first, first + everybody_, portions());
        shared_.assign(task_.coupling().inputs.size(), 0.0F);
        files_.resize(cells_.size());
        for (auto& file : files_)
            file.assign(static_cast<std::size_t>(file_size()), 0.0F);
        total_.assign(static_cast<std::size_t>(task_.program.width()), 0);
        period_ = -1;
        exchanging_ = false;
    }

    // By one thread: the next round of the group, until its last period is over.
    bool advance() {
        if (period_ == task_.settings.periods) return false;
        const bool heard = exchanging_;
        if (period_ + 1 < task_.settings.periods && !heard && begin_exchange()) return true;
        if (period_ >= 0) {
            task_.program.next_environments(total_.data(), everybody_, files_.front().data(),
                                            shared_.data());
            check_and_record();
        }
        begin_period();
        return period_ < task_.settings.periods;
    }

    // The same for a group whose environments are computed elsewhere: a round in which neighbours
    // hear each other, if there are any and a period is over; then the next period.
    bool begin_exchange() noexcept {
        exchanging_ = talk_.any() && period_ >= 0;
        if (exchanging_) talk_.begin_exchange();
        return exchanging_;
    }
    void begin_period(const float* environments) {
        std::copy_n(environments, shared_.size(), shared_.begin());
        begin_period();
    }

    // By any number of threads: a part of the round.
    void work(Arena& arena, std::vector<std::int64_t>& local) {
        if (exchanging_) {
            talk_.exchange(arena, task_.alone, task_.workers.stop());
        } else {
            live_period(arena, local);
        }
    }

    std::int64_t period() const noexcept { return period_; }
    std::uint64_t everybody() const noexcept { return everybody_; }
    std::size_t portions() const noexcept {
        return (blocks_.size() + BLOCKS_AT_ONCE - 1) / BLOCKS_AT_ONCE;
    }
    // Sums of the period, over all pieces.
    const std::vector<std::int64_t>& total() const noexcept { return total_; }

    // What the consumers who are numbered `first` to `last` (excluded) carry into the next period,
    // in words: how many are still active; their numbers less `first`, rising; a row for each kept
    // state; and what each of all said, for every signal.
    std::vector<std::uint32_t> state(std::uint64_t first, std::uint64_t last) const {
        std::vector<Place> found;
        std::vector<std::uint32_t> words(1);
        each_block(first, last, [&](std::size_t b, std::uint64_t low, std::uint64_t high) {
            const Block& block = blocks_[b];
            const std::uint64_t start = node_of(block);
            std::vector<std::int32_t> lane_of(block.size, NOBODY);
            for (std::int32_t lane = 0; lane < block.lanes; ++lane) {
                const std::uint32_t id =
                    store_.ids(b)[lane] - static_cast<std::uint32_t>(block.low);
                lane_of[block.lanes == whole(block) ? static_cast<std::uint32_t>(lane) : id] = lane;
            }
            for (std::uint64_t node = low; node < high; ++node) {
                const std::int32_t lane = lane_of[node - start];
                if (lane == NOBODY) continue;
                found.push_back({b, lane});
                words.push_back(static_cast<std::uint32_t>(node - first));
            }
        });
        words[0] = static_cast<std::uint32_t>(found.size());
        for (std::size_t row = 0; row < store_.states(); ++row) {
            for (const Place& place : found) {
                const Block& block = blocks_[place.block];
                words.push_back(Scalar::as_int(store_.value(place.block, block, row, place.lane)));
            }
        }
        talk_.said().write(first, last, words);
        return words;
    }

    // Put them back, before the first period; false if it is nothing that state() can have given.
    bool restore(std::uint64_t first, std::uint64_t last, const std::uint32_t* words,
                 std::size_t size) {
        const std::size_t active = size > 0 ? words[0] : 0;
        const std::size_t rows = 1 + store_.states();
        const std::size_t said = talk_.said().words(last - first);
        if (active > last - first || size != 1 + active * rows + said) return false;
        const std::uint32_t* const numbers = words + 1;
        for (std::size_t k = 0; k < active; ++k) {
            if (numbers[k] >= last - first || (k > 0 && numbers[k] <= numbers[k - 1])) return false;
        }
        std::size_t k = 0;
        each_block(first, last, [&](std::size_t b, std::uint64_t low, std::uint64_t high) {
            Block& block = blocks_[b];
            Portion* const portion = talk_.any() ? &talk_.portion(b / BLOCKS_AT_ONCE) : nullptr;
            if (low == node_of(block)) block.lanes = 0;
            for (std::uint64_t node = low; node < high; ++node) {
                const bool here = k < active && first + numbers[k] == node;
                if (portion != nullptr)
                    talk_.restore(*portion, node, here, words + size - said, first, last);
                if (!here) continue;
                const std::uint64_t number = block.low + (node - node_of(block));
                store_.ids(b)[block.lanes] = static_cast<std::uint32_t>(number);
                for (std::size_t row = 0; row + 1 < rows; ++row)
                    store_.row(b, row)[block.lanes] =
                        Scalar::as_float(numbers[(row + 1) * active + k]);
                ++block.lanes;
                ++k;
            }
        });
        return true;
    }
    // What these consumers said in the period that is over; the same of others, who live elsewhere,
    // false if it cannot be.
    std::vector<std::uint32_t> told(std::uint64_t first, std::uint64_t last) const {
        return talk_.said().told(first, last);
    }
    bool learn(std::uint64_t first, std::uint64_t last, const std::vector<std::uint32_t>& words) {
        return talk_.said().learn(first, last, words);
    }

    // All have been put back as they were after this period.
    void resume(std::int64_t period) noexcept {
        period_ = period;
        talk_.resume();
    }

  private:
    struct Place {
        std::size_t block;
        std::int32_t lane;
    };
    static constexpr std::int32_t NOBODY = -1;

    static std::int32_t whole(const Block& block) noexcept {
        return static_cast<std::int32_t>(block.size);
    }
    std::uint64_t node_of(const Block& block) const noexcept {
        const Piece& piece = pieces_[block.piece];
        return piece.node + (block.low - piece.item.low);
    }

    // The blocks that hold these numbers, and which of them.
    template <class Visit>
    void each_block(std::uint64_t first, std::uint64_t last, const Visit& visit) const {
        const auto after = std::upper_bound(
            blocks_.begin(), blocks_.end(), first,
            [this](std::uint64_t node, const Block& block) { return node < node_of(block); });
        auto b = static_cast<std::size_t>(after - blocks_.begin());
        for (b = b > 0 ? b - 1 : 0; b < blocks_.size() && node_of(blocks_[b]) < last; ++b) {
            const std::uint64_t low = std::max(first, node_of(blocks_[b]));
            const std::uint64_t high = std::min(last, node_of(blocks_[b]) + blocks_[b].size);
            if (low < high) visit(b, low, high);
        }
    }

    // The scalars of the period that begins.
    void begin_period() {
        const std::int64_t period = ++period_;
        exchanging_ = false;
        next_ = 0;
        std::fill(total_.begin(), total_.end(), 0);
        if (period == task_.settings.periods) return;
        std::vector<float> row(static_cast<std::size_t>(task_.program.inputs()));
        for (std::size_t k = 0; k < cells_.size(); ++k) {
            const InputTable& inputs = task_.cells[cells_[k]].inputs;
            const std::int64_t place = inputs.rows > 1 ? period : 0;
            std::copy_n(inputs.values.data() + place * task_.program.inputs(), row.size(),
                        row.data());
            if (period > 0) {
                const auto& columns = task_.coupling().inputs;
                for (std::size_t e = 0; e < columns.size(); ++e)
                    row[static_cast<std::size_t>(columns[e])] = shared_[e];
            }
            task_.program.fill_scalars(row.data(), files_[k].data());
        }
    }

    void live_period(Arena& arena, std::vector<std::int64_t>& local) {
        for (;;) {
            const std::uint64_t first = next_.fetch_add(BLOCKS_AT_ONCE, std::memory_order_relaxed);
            if (first >= blocks_.size()) return;
            const std::uint64_t last =
                std::min<std::uint64_t>(first + BLOCKS_AT_ONCE, blocks_.size());
            std::size_t piece = blocks_[first].piece;
            Portion* const portion = talk_.any() ? &talk_.portion(first / BLOCKS_AT_ONCE) : nullptr;
            if (portion != nullptr) talk_.begin(*portion);
            std::fill(local.begin(), local.end(), 0);
            for (std::uint64_t b = first; b < last; ++b) {
                if (task_.workers.stop().raised()) return;
                Block& block = blocks_[b];
                if (block.piece != piece) {
                    merge(piece, local);
                    std::fill(local.begin(), local.end(), 0);
                    piece = block.piece;
                }
                if (block.lanes > 0) live_block(b, arena, local.data(), portion);
            }
            merge(piece, local);
            if (portion != nullptr) talk_.end(*portion);
        }
    }

    std::int64_t file_size() const noexcept {
        return std::max<std::int64_t>({task_.program.n_scalars(), task_.coupling().n_scalars, 1});
    }

    void live_block(std::size_t index, Arena& arena, std::int64_t* row, Portion* portion) {
        Block& block = blocks_[index];
        const Item& item = pieces_[block.piece].item;
        const Program& program = task_.program;
        const Kernels& kernels = *task_.settings.kernels;
        const ProgramView view = program.view();
        std::uint32_t* const ids = store_.ids(index);
        BlockMemory memory = arena.memory();
        const std::uint64_t id =
            static_cast<std::uint64_t>(task_.cells[item.cell].segment) << 40 | block.low;
        if (block.lanes < static_cast<std::int32_t>(block.size)) {
            std::copy_n(ids, block.lanes, memory.id_low);
        } else {
            for (std::int64_t i = 0; i < task_.settings.block; ++i)
                memory.id_low[i] = static_cast<std::uint32_t>(id + static_cast<std::uint64_t>(i));
        }

        Lives lives{};
        lives.lanes = block.lanes;
        lives.periods = static_cast<std::int32_t>(task_.settings.periods);
        lives.id_high = static_cast<std::uint32_t>(id >> 32);
        lives.key_0 = static_cast<std::uint32_t>(task_.settings.seed);
        lives.key_1 = static_cast<std::uint32_t>(task_.settings.seed >> 32);
        const auto cell = std::lower_bound(cells_.begin(), cells_.end(), item.cell);
        lives.scalars = files_[static_cast<std::size_t>(cell - cells_.begin())].data();
        lives.ledger = row;
        lives.stop = &task_.workers.stop();
        lives.coupled = true;
        if (period_ > 0 && index + AHEAD < blocks_.size()) store_.fetch(index + AHEAD, lives);
        const auto period = static_cast<std::int32_t>(period_);
        if (period == 0) {
            kernels.begin(view, lives, memory);
        } else {
            store_.load(index, block, memory);
            hear(block, lives, memory);
        }
        bool leaving = false;
        Fault fault{};
        if (kernels.step(view, lives, memory, period, leaving, fault) == Outcome::out_of_range)
            throw std::invalid_argument(out_of_range(program, fault));
        if (portion != nullptr) speak(*portion, block, lives, memory);
        if (leaving) {
            if (portion != nullptr) say_who_leaves(*portion, block, lives, memory);
            block.lanes = kernels.leave(view, lives, lives.lanes, period, memory);
            std::copy_n(memory.id_low, block.lanes, ids);
        }
        store_.save(index, block, memory, leaving || period == 0);
    }

    Speakers speakers(const Block& block, const Lives& lives,
                      const BlockMemory& memory) const noexcept {
        return {memory.id_low, lives.lanes, static_cast<std::uint32_t>(block.low), node_of(block)};
    }

    void speak(Portion& portion, const Block& block, const Lives& lives,
               const BlockMemory& memory) {
        const auto& signals = task_.coupling().signals;
        auto* const values = reinterpret_cast<std::int32_t*>(memory.scratch);
        for (std::size_t s = 0; s < signals.size(); ++s) {
            const float* const x = memory.registers + signals[s].source * memory.stride;
            const float scale = power_of_two(signals[s].exponent);
            for (std::int32_t i = 0; i < lives.lanes; ++i) {
                const float scaled = x[i] * scale;
                if (!(__builtin_fabsf(scaled) < 2147483648.0F)) {
                    throw std::invalid_argument(
                        out_of_range(task_.signals[s], static_cast<std::int32_t>(period_), x[i]));
                }
                values[i] = static_cast<std::int32_t>(Scalar::round_to_int(scaled));
            }
            talk_.say(portion, s, speakers(block, lives, memory), values);
        }
    }

    // What the neighbours said in the period before, into the registers that hold it.
    void hear(const Block& block, const Lives& lives, const BlockMemory& memory) const noexcept {
        const auto& signals = task_.coupling().signals;
        for (std::size_t s = 0; s < signals.size(); ++s)
            talk_.hear(s, speakers(block, lives, memory),
                       memory.registers + signals[s].target * memory.stride);
    }

    void say_who_leaves(Portion& portion, const Block& block, const Lives& lives,
                        const BlockMemory& memory) {
        const ProgramView view = task_.program.view();
        const float* const stage = memory.registers + view.stage_register * memory.stride;
        const Speakers all = speakers(block, lives, memory);
        for (std::int32_t k = 0; k < view.stages; ++k) {
            if (!view.absorbing[k]) continue;
            for (std::int32_t i = 0; i < lives.lanes; ++i) {
                if (stage[i] == static_cast<float>(k))
                    portion.gone.push_back(static_cast<std::uint32_t>(all.node(i)));
            }
        }
    }

    void merge(std::size_t piece, const std::vector<std::int64_t>& local) {
        const std::lock_guard<std::mutex> lock(task_.workers.mutex());
        std::int64_t* const out = task_.row(pieces_[piece].item, period_);
        for (std::size_t i = 0; i < local.size(); ++i) {
            if (__builtin_add_overflow(out[i], local[i], out + i) ||
                __builtin_add_overflow(total_[i], local[i], &total_[i])) {
                throw std::invalid_argument(too_large(task_.program, i, period_));
            }
        }
    }

    void check_and_record() {
        for (std::size_t e = 0; e < shared_.size(); ++e) {
            if (!std::isfinite(shared_[e])) {
                throw std::invalid_argument("environment '" + task_.environments[e] +
                                            "' is not finite in period " + std::to_string(period_));
            }
        }
        const auto& records = task_.program.definition().records;
        for (std::size_t r = 0; r < records.size(); ++r) {
            if (records[r].kind != RecordKind::shared) continue;
            const float value = shared_[static_cast<std::size_t>(records[r].source)];
            const float scaled = value * power_of_two(records[r].exponent);
            if (!(__builtin_fabsf(scaled) < 2147483648.0F)) {
                throw std::invalid_argument(out_of_range(
                    records[r].name.characters(), static_cast<std::int32_t>(period_), value));
            }
            const std::lock_guard<std::mutex> lock(task_.workers.mutex());
            std::int64_t* const out = task_.row(pieces_.front().item, period_);
            out[task_.program.offset(r)] += static_cast<std::int32_t>(Scalar::round_to_int(scaled));
            out[task_.program.offset(r) + 1] += 1;
        }
    }

    const Task& task_;
    Store store_;
    Talk talk_;
    std::vector<Piece> pieces_;
    std::vector<Block> blocks_;
    std::vector<std::size_t> cells_;
    std::uint64_t everybody_ = 0;
    std::vector<std::vector<float>> files_;
    std::vector<float> shared_;
    std::vector<std::int64_t> total_;
    std::int64_t period_ = -1;
    bool exchanging_ = false;
    std::atomic<std::uint64_t> next_{0};
};

} // namespace pycore
