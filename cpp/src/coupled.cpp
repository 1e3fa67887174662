// Consumers who influence each other: all of a group live one period, then the next.
//
// What a block keeps between periods stands in a store: the states that the next period reads, and
// ids once somebody has left.  Random words are drawn again in every period, which costs less than
// to keep them.  A team of threads takes portions of blocks in any order; its last thread to finish
// a round turns the exact sums into the environments of the next.  Small groups, such as
// communities, have a team of one thread each, and their store stays in its cache.
#include "arena.hpp"
#include "pycore/run.hpp"
#include "pycore/simd_scalar.hpp"
#include "rounds.hpp"
#include "schedule.hpp"
#include "talk.hpp"
#include "workers.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace pycore {

namespace {

constexpr std::uint64_t LOW_WORD = std::uint64_t{1} << 32;
constexpr std::uint64_t BLOCKS_AT_ONCE = 8;
// Groups up to this size are lived by one thread, others by all together.
constexpr std::uint64_t SMALL_GROUP = 16384;

// Consumers of one cell and batch who are in a group; `node` numbers the first within the group.
struct Piece {
    Item item;
    std::uint64_t node;
};

struct Block {
    std::size_t piece;
    std::uint64_t low; // number of the first consumer in her cell
    std::uint32_t size;
    std::int32_t lanes; // still active
};

// What one run's groups have in common.
struct Task {
    const Program& program;
    const std::vector<Cell>& cells;
    const Network& network;
    const std::vector<std::string>& environments;
    const std::vector<std::string>& signals;
    const RunSettings& settings;
    std::int64_t* ledger;
    Workers& workers;
    bool one_thread;
    bool mutual; // who is heard by a consumer hears her
    bool alone;  // one thread at a time works on a group

    const CouplingDefinition& coupling() const noexcept { return program.definition().coupling; }
    std::int64_t row_cells() const noexcept { return settings.periods * program.width(); }
    std::int64_t* ledger_of(const Item& item) const noexcept {
        const auto cell = static_cast<std::int64_t>(item.cell);
        return ledger + (cell * settings.batches + item.batch) * row_cells();
    }
};

// States that live from one period to the next: those that a step reads before it writes them.
struct Kept {
    std::vector<std::int32_t> changing; // written by steps
    std::vector<std::int32_t> constant; // such as traits drawn once

    explicit Kept(const Program& program) {
        const ProgramDefinition& p = program.definition();
        std::vector<bool> read(static_cast<std::size_t>(p.n_registers)), written(read);
        const auto reads = [&](std::int32_t r) {
            const auto k = static_cast<std::size_t>(r);
            if (!written[k]) read[k] = true;
        };
        for (const Instruction& row : p.step_code) {
            for (std::int32_t k = 0; k < SPECIFICATIONS[static_cast<int>(row.op)].lanes; ++k)
                reads(row.lane[k]);
            written[static_cast<std::size_t>(row.target)] = true;
        }
        for (const RecordDefinition& record : p.records)
            if (record.kind != RecordKind::shared) reads(record.source);
        for (const SignalDefinition& signal : p.coupling.signals)
            reads(signal.source);
        if (p.stages > 0) reads(static_cast<std::int32_t>(p.stage_register));
        // Neighbours are heard anew in every period.
        for (const SignalDefinition& signal : p.coupling.signals)
            read[static_cast<std::size_t>(signal.target)] = false;
        for (std::int32_t r = 0; r < static_cast<std::int32_t>(p.n_states); ++r) {
            const auto k = static_cast<std::size_t>(r);
            if (read[k]) (written[k] ? changing : constant).push_back(r);
        }
    }

    // Rows of a block: ids, then states.
    std::uint64_t rows() const noexcept { return 1 + changing.size() + constant.size(); }
};

class Group {
  public:
    explicit Group(const Task& task)
        : task_(task), kept_(task.program),
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
                const std::uint64_t size =
                    std::min({static_cast<std::uint64_t>(task_.settings.block), item.high - low,
                              LOW_WORD - low % LOW_WORD});
                const auto lanes = static_cast<std::uint32_t>(size);
                blocks_.push_back({p, low, lanes, static_cast<std::int32_t>(size)});
                low += size;
            }
            everybody_ += item.high - item.low;
        }
        block_lines_ = kept_.rows() * static_cast<std::size_t>(task_.settings.block) / Line::SIZE;
        if (block_lines_ * blocks_.size() > stored_) {
            stored_ = block_lines_ * blocks_.size();
            store_.reset(); // before the larger one is asked for
            store_.reset(new Line[stored_]);
        }
        talk_.assign(everybody_, (blocks_.size() + BLOCKS_AT_ONCE - 1) / BLOCKS_AT_ONCE);
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
        exchanging_ =
            talk_.any() && !exchanging_ && period_ >= 0 && period_ + 1 < task_.settings.periods;
        if (exchanging_) {
            talk_.begin_exchange();
        } else {
            begin_period(period_ + 1);
        }
        return period_ < task_.settings.periods;
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

  private:
    // Environments from the period that is over, scalars of the one that begins.
    void begin_period(std::int64_t period) {
        if (period > 0) {
            task_.program.next_environments(total_.data(), everybody_, files_.front().data(),
                                            shared_.data());
            check_and_record(period - 1);
        }
        period_ = period;
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

    struct alignas(64) Line {
        static constexpr std::size_t SIZE = 16;
        std::uint32_t words[SIZE];
    };

    std::int64_t file_size() const noexcept {
        return std::max<std::int64_t>({task_.program.n_scalars(), task_.coupling().n_scalars, 1});
    }

    void live_block(std::size_t index, Arena& arena, std::int64_t* row, Portion* portion) {
        Block& block = blocks_[index];
        const Item& item = pieces_[block.piece].item;
        const Program& program = task_.program;
        const Kernels& kernels = *task_.settings.kernels;
        const ProgramView view = program.view();
        auto* const ids = reinterpret_cast<std::uint32_t*>(store_.get() + index * block_lines_);
        auto* const states = reinterpret_cast<float*>(ids + task_.settings.block);
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
        const auto period = static_cast<std::int32_t>(period_);
        if (period == 0) {
            kernels.begin(view, lives, memory);
        } else {
            load(states, memory, lives.lanes);
            hear(block, lives, memory);
            if (period % WORDS_PER_CALL != 0) {
                const auto call = static_cast<std::uint32_t>(period / WORDS_PER_CALL);
                kernels.draw(view.step_streams, PURPOSE_STEP << 28 | call, lives, lives.lanes,
                             memory);
            }
        }
        bool leaving = false;
        Fault fault{};
        if (kernels.step(view, lives, memory, period, leaving, fault) == Outcome::out_of_range)
            throw std::invalid_argument(out_of_range(program, fault));
        if (portion != nullptr) speak(*portion, block, lives, memory);
        if (leaving) {
            if (portion != nullptr) say_who_leaves(*portion, block, lives, memory);
            block.lanes = kernels.leave(view, lives, lives.lanes, WORDS_PER_CALL, memory);
            std::copy_n(memory.id_low, block.lanes, ids);
        }
        save(states, memory, block.lanes, leaving || period == 0);
    }

    void load(const float* states, const BlockMemory& memory, std::int32_t lanes) const noexcept {
        for (const auto* rows : {&kept_.changing, &kept_.constant}) {
            for (const std::int32_t r : *rows) {
                std::copy_n(states, lanes, memory.registers + r * memory.stride);
                states += task_.settings.block;
            }
        }
    }

    // What never changes only moves, when somebody leaves.
    void save(float* states, const BlockMemory& memory, std::int32_t lanes,
              bool moved) const noexcept {
        for (const auto* rows : {&kept_.changing, &kept_.constant}) {
            if (rows == &kept_.constant && !moved) return;
            for (const std::int32_t r : *rows) {
                std::copy_n(memory.registers + r * memory.stride, lanes, states);
                states += task_.settings.block;
            }
        }
    }

    // Number within the group of the consumer who has this id in a block.
    std::uint64_t node(const Block& block, std::uint32_t id_low) const noexcept {
        const Piece& piece = pieces_[block.piece];
        const std::uint64_t first = piece.node + block.low - piece.item.low;
        return first + (id_low - static_cast<std::uint32_t>(block.low));
    }

    void speak(Portion& portion, const Block& block, const Lives& lives,
               const BlockMemory& memory) {
        const auto& signals = task_.coupling().signals;
        for (std::size_t s = 0; s < signals.size(); ++s) {
            const float* const x = memory.registers + signals[s].source * memory.stride;
            const float scale = power_of_two(signals[s].exponent);
            const bool noting = talk_.noting();
            for (std::int32_t i = 0; i < lives.lanes; ++i) {
                const float scaled = x[i] * scale;
                if (!(__builtin_fabsf(scaled) < 2147483648.0F)) {
                    throw std::invalid_argument(
                        out_of_range(task_.signals[s], static_cast<std::int32_t>(period_), x[i]));
                }
                const auto value = static_cast<std::int32_t>(Scalar::round_to_int(scaled));
                const std::uint64_t k = node(block, memory.id_low[i]);
                if (noting) talk_.note_change(portion, s, k, value);
                talk_.say(s, k, value);
            }
        }
    }

    // What the neighbours said in the period before, into the registers that hold it.
    void hear(const Block& block, const Lives& lives, const BlockMemory& memory) const noexcept {
        const auto& signals = task_.coupling().signals;
        for (std::size_t s = 0; s < signals.size(); ++s) {
            float* const out = memory.registers + signals[s].target * memory.stride;
            for (std::int32_t i = 0; i < lives.lanes; ++i)
                out[i] = talk_.heard(s, node(block, memory.id_low[i]));
        }
    }

    void say_who_leaves(Portion& portion, const Block& block, const Lives& lives,
                        const BlockMemory& memory) {
        const ProgramView view = task_.program.view();
        const float* const stage = memory.registers + view.stage_register * memory.stride;
        for (std::int32_t k = 0; k < view.stages; ++k) {
            if (!view.absorbing[k]) continue;
            for (std::int32_t i = 0; i < lives.lanes; ++i) {
                if (stage[i] == static_cast<float>(k))
                    portion.gone.push_back(
                        static_cast<std::uint32_t>(node(block, memory.id_low[i])));
            }
        }
    }

    void merge(std::size_t piece, const std::vector<std::int64_t>& local) {
        const std::lock_guard<std::mutex> lock(task_.workers.mutex());
        std::int64_t* const out =
            task_.ledger_of(pieces_[piece].item) + period_ * task_.program.width();
        for (std::size_t i = 0; i < local.size(); ++i) {
            if (__builtin_add_overflow(out[i], local[i], out + i) ||
                __builtin_add_overflow(total_[i], local[i], &total_[i])) {
                throw std::invalid_argument(too_large(task_.program, i, period_));
            }
        }
    }

    void check_and_record(std::int64_t period) {
        for (std::size_t e = 0; e < shared_.size(); ++e) {
            if (!std::isfinite(shared_[e])) {
                throw std::invalid_argument("environment '" + task_.environments[e] +
                                            "' is not finite in period " + std::to_string(period));
            }
        }
        const auto& records = task_.program.definition().records;
        for (std::size_t r = 0; r < records.size(); ++r) {
            if (records[r].kind != RecordKind::shared) continue;
            const float value = shared_[static_cast<std::size_t>(records[r].source)];
            const float scaled = value * power_of_two(records[r].exponent);
            if (!(__builtin_fabsf(scaled) < 2147483648.0F)) {
                throw std::invalid_argument(out_of_range(records[r].name.characters(),
                                                         static_cast<std::int32_t>(period), value));
            }
            const std::lock_guard<std::mutex> lock(task_.workers.mutex());
            std::int64_t* const out =
                task_.ledger_of(pieces_.front().item) + period * task_.program.width();
            out[task_.program.offset(r)] += static_cast<std::int32_t>(Scalar::round_to_int(scaled));
            out[task_.program.offset(r) + 1] += 1;
        }
    }

    const Task& task_;
    const Kept kept_;
    Talk talk_;
    std::vector<Piece> pieces_;
    std::vector<Block> blocks_;
    std::vector<std::size_t> cells_;
    std::uint64_t everybody_ = 0;
    std::unique_ptr<Line[]> store_;
    std::size_t stored_ = 0;
    std::size_t block_lines_ = 0;
    std::vector<std::vector<float>> files_;
    std::vector<float> shared_;
    std::vector<std::int64_t> total_;
    std::int64_t period_ = -1;
    bool exchanging_ = false;
    std::atomic<std::uint64_t> next_{0};
};

// All groups of a run, in a form that does not list two million communities.
class Groups {
  public:
    Groups(const Program& program, const std::vector<Cell>& cells,
           const std::vector<std::uint32_t>& groups, const RunSettings& settings)
        : community_(static_cast<std::uint64_t>(program.definition().coupling.community)),
          schedule_(cells, settings.batches,
                    static_cast<std::int64_t>(community_ > 0 ? community_ : MAX_CONSUMERS),
                    std::max<std::uint64_t>(community_, 1)) {
        if (community_ > 0) {
            size_ = schedule_.size();
            largest_ = community_;
            return;
        }
        std::uint64_t node = 0;
        for (std::uint64_t i = 0; i < schedule_.size(); ++i) {
            const Item item = schedule_[i];
            const std::uint32_t group = groups[item.cell];
            if (together_.empty() || group != groups[together_.back().front().item.cell]) {
                together_.emplace_back();
                node = 0;
            }
            together_.back().push_back({item, node});
            node += item.high - item.low;
            largest_ = std::max(largest_, node);
        }
        size_ = together_.size();
    }

    std::uint64_t size() const noexcept { return size_; }
    std::uint64_t consumers() const noexcept { return schedule_.consumers(); }
    std::uint64_t largest() const noexcept { return largest_; }
    std::vector<Piece> operator[](std::uint64_t index) const {
        if (community_ > 0) return {{schedule_[index], 0}};
        return together_[index];
    }

  private:
    std::uint64_t community_;
    Schedule schedule_;
    std::vector<std::vector<Piece>> together_;
    std::uint64_t size_ = 0;
    std::uint64_t largest_ = 0;
};

void require(bool condition, const char* message) {
    if (!condition) throw std::invalid_argument(message);
}

// Consumers of each group.
std::vector<std::uint64_t> check_groups(const Program& program, const std::vector<Cell>& cells,
                                        const std::vector<std::uint32_t>& groups) {
    const auto community = static_cast<std::uint64_t>(program.definition().coupling.community);
    require(groups.size() == cells.size(), "groups: allowed is one number per cell");
    std::vector<std::uint64_t> sizes;
    for (std::size_t c = 0; c < cells.size(); ++c) {
        const bool same = c > 0 && groups[c] == groups[c - 1];
        require(groups[c] == (c == 0 ? 0 : groups[c - 1] + (same ? 0 : 1)),
                "groups: allowed are numbers that rise from 0 in steps of 0 or 1");
        if (!same) sizes.push_back(0);
        sizes.back() += cells[c].count;
        const auto edge = [&](std::uint64_t number) {
            return number == cells[c].count || number == 0 ||
                   (community > 0 && number % community == 0);
        };
        const bool all = cells[c].low == 0 && cells[c].high == cells[c].count;
        require(community > 0 ? edge(cells[c].low) && edge(cells[c].high) : all,
                "lo, hi: allowed are the edges of communities, or everybody");
    }
    return sizes;
}

void check_network(const std::vector<std::uint64_t>& sizes, const Network& network) {
    for (const std::uint64_t size : sizes) {
        require(size == network.nodes && size < LOW_WORD,
                "network: allowed is one node for every consumer, fewer than 2^32");
    }
    if (network.degree > 0) {
        require(network.degree < 4096, "network: allowed is a degree below 4096");
        return;
    }
    require(network.starts != nullptr && network.starts[0] == 0, "network: no starts");
    for (std::uint64_t k = 0; k < network.nodes; ++k) {
        require(network.starts[k + 1] >= network.starts[k], "network: allowed are rising starts");
        require(network.starts[k + 1] - network.starts[k] < INT32_MAX,
                "network: allowed are fewer than 2^31 - 1 neighbours each");
    }
    for (std::int64_t e = 0; e < network.starts[network.nodes]; ++e) {
        require(network.targets[e] < network.nodes, "network: allowed are numbers of nodes");
    }
}

// Whether all listening is mutual: edges and turned edges are the same set, as told by the sum of
// their hashes (SplitMix64), which is wrong once in 2^64 networks.
bool is_mutual(const Network& network) noexcept {
    if (network.degree > 0 || network.starts == nullptr) return false;
    const auto hash = [](std::uint64_t from, std::uint64_t to) {
        std::uint64_t x = (from << 32 | to) + 0x9E3779B97F4A7C15U;
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9U;
        x = (x ^ x >> 27) * 0x94D049BB133111EBU;
        return x ^ x >> 31;
    };
    std::uint64_t difference = 0;
    for (std::uint64_t k = 0; k < network.nodes; ++k) {
        for (std::int64_t e = network.starts[k]; e < network.starts[k + 1]; ++e)
            difference += hash(k, network.targets[e]) - hash(network.targets[e], k);
    }
    return difference == 0;
}

// One thread per group, or all threads together on one group after the other.
class Crews {
  public:
    Crews(Task& task, const Groups& groups) : task_(task), groups_(groups) {}

    void run(const Watch& watch) {
        const std::int64_t threads = thread_count(task_.settings.threads);
        if (task_.one_thread) {
            const auto useful =
                std::min<std::uint64_t>(groups_.size(), static_cast<std::uint64_t>(threads));
            task_.workers.supervise(static_cast<std::int64_t>(useful), groups_.consumers(), watch,
                                    [this] { alone(); });
            return;
        }
        Group group(task_);
        Rounds rounds([this, &group] { return prepare(group); });
        task_.workers.supervise(threads, groups_.consumers(), watch,
                                [&] { together(group, rounds); });
    }

  private:
    void alone() {
        const FloatingPointMode mode;
        Arena arena(task_.program, task_.settings.block, *task_.settings.kernels);
        Group group(task_);
        std::vector<std::int64_t> local(static_cast<std::size_t>(task_.program.width()));
        for (;;) {
            const std::uint64_t index = next_.fetch_add(1, std::memory_order_relaxed);
            if (index >= groups_.size()) return;
            group.assign(groups_[index]);
            while (group.advance()) {
                group.work(arena, local);
                if (task_.workers.stop().raised()) return;
            }
            task_.workers.did(group.everybody());
        }
    }

    void together(Group& group, Rounds& rounds) {
        Rounds::Seat seat(rounds);
        try {
            const FloatingPointMode mode;
            Arena arena(task_.program, task_.settings.block, *task_.settings.kernels);
            std::vector<std::int64_t> local(static_cast<std::size_t>(task_.program.width()));
            while (seat.next())
                group.work(arena, local);
        } catch (...) {
            task_.workers.fail(std::current_exception()); // before the seat is given up
        }
    }

    // The next round of the group, or the first one of the next group; false if none is left.
    bool prepare(Group& group) noexcept {
        const FloatingPointMode mode;
        try {
            if (task_.workers.stop().raised()) return false;
            while (next_ == 0 || !group.advance()) {
                if (next_ == groups_.size()) return false;
                group.assign(groups_[next_++]);
                before_ += group.everybody();
            }
            const auto periods = static_cast<std::uint64_t>(task_.settings.periods);
            const std::uint64_t left = periods - static_cast<std::uint64_t>(group.period());
            const std::uint64_t done = before_ - group.everybody() * left / periods;
            task_.workers.did(done - reported_);
            reported_ = done;
            return true;
        } catch (...) {
            task_.workers.fail(std::current_exception());
            return false;
        }
    }

    Task& task_;
    const Groups& groups_;
    std::atomic<std::uint64_t> next_{0};
    // Of all together, between rounds:
    std::uint64_t before_ = 0; // consumers of the groups up to this one
    std::uint64_t reported_ = 0;
};

} // namespace

std::uint64_t coupled_bytes(const Program& program, const std::vector<Cell>& cells,
                            const std::vector<std::uint32_t>& groups, const RunSettings& settings) {
    ledger_size(program, cells, settings); // refuses unusable settings
    check_groups(program, cells, groups);
    const Groups all(program, cells, groups, settings);
    const auto block = static_cast<std::uint64_t>(settings.block);
    const std::uint64_t block_bytes = Kept(program).rows() * block * sizeof(float) + sizeof(Block);
    const std::uint64_t signals = program.definition().coupling.signals.size();
    std::uint64_t most = 0;
    const bool communities = program.definition().coupling.community > 0;
    for (std::uint64_t g = 0;
         g < (communities ? std::min<std::uint64_t>(all.size(), 1) : all.size()); ++g) {
        std::uint64_t blocks = 0, consumers = 0;
        for (const Piece& piece : all[g]) {
            blocks += (piece.item.high - piece.item.low + block - 1) / block;
            consumers += piece.item.high - piece.item.low;
        }
        most = std::max(most, blocks * block_bytes + Talk::bytes(signals, consumers));
    }
    const auto threads = static_cast<std::uint64_t>(thread_count(settings.threads));
    return all.largest() <= SMALL_GROUP ? most * threads : most;
}

void run_coupled(const Program& program, const std::vector<Cell>& cells,
                 const std::vector<std::uint32_t>& groups, const Network& network,
                 const std::vector<std::string>& environments,
                 const std::vector<std::string>& signals, const RunSettings& settings,
                 const Watch& watch, std::int64_t* ledger) {
    ledger_size(program, cells, settings); // refuses unusable settings
    const CouplingDefinition& coupling = program.definition().coupling;
    require(program.definition().coupled && environments.size() == coupling.inputs.size() &&
                signals.size() == coupling.signals.size(),
            "program: allowed is a coupled one and a name for each environment and signal");
    const auto sizes = check_groups(program, cells, groups);
    if (!coupling.signals.empty()) check_network(sizes, network);
    const Groups all(program, cells, groups, settings);
    Workers workers;
    const bool mutual = !coupling.signals.empty() && is_mutual(network);
    const bool small = all.largest() <= SMALL_GROUP;
    const bool alone = small || thread_count(settings.threads) == 1;
    Task task{program, cells,   network, environments, signals, settings,
              ledger,  workers, small,   mutual,       alone};
    Crews(task, all).run(watch);
}

} // namespace pycore
