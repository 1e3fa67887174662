// Consumers who influence each other: all of a group live one period, then the next.
//
// What a block keeps between periods stands in a store: states, ids, and the words of the four
// periods that one call of Philox gives.  A team of threads takes blocks in any order; its last
// thread to finish a period turns the exact sums into the environments of the next.  Small groups,
// such as communities, have a team of one thread each, and their store stays in its cache.
#include "arena.hpp"
#include "pycore/run.hpp"
#include "pycore/simd_scalar.hpp"
#include "schedule.hpp"
#include "workers.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <functional>
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
constexpr std::int32_t SILENT = INT32_MIN; // of those who were not active

// Threads that work in rounds: when all who have a seat wait, the last of them prepares the next
// round for all.  A seat is given up by whatever way its thread ends, so that nobody waits for one
// who is gone; a thread that comes late takes part from the next round on.
class Rounds {
  public:
    // `prepare` says whether there is a next round and never throws; after a no it says no again.
    explicit Rounds(std::function<bool()> prepare) : prepare_(std::move(prepare)) {}

    class Seat {
      public:
        explicit Seat(Rounds& rounds) : rounds_(rounds) {
            const std::lock_guard<std::mutex> lock(rounds_.mutex_);
            ++rounds_.seats_;
        }
        ~Seat() {
            const std::lock_guard<std::mutex> lock(rounds_.mutex_);
            --rounds_.seats_;
            rounds_.begin_if_all_wait();
        }
        Seat(const Seat&) = delete;
        Seat& operator=(const Seat&) = delete;

        // Wait for the next round; false if there is none.
        bool next() {
            std::unique_lock<std::mutex> lock(rounds_.mutex_);
            const std::uint64_t round = rounds_.round_;
            ++rounds_.waiting_;
            rounds_.begin_if_all_wait();
            rounds_.begun_.wait(lock, [&] { return rounds_.round_ != round; });
            return rounds_.more_;
        }

      private:
        Rounds& rounds_;
    };

  private:
    void begin_if_all_wait() {
        if (waiting_ == 0 || waiting_ < seats_) return;
        more_ = prepare_();
        waiting_ = 0;
        ++round_;
        begun_.notify_all();
    }

    const std::function<bool()> prepare_;
    std::mutex mutex_;
    std::condition_variable begun_;
    std::int64_t seats_ = 0;
    std::int64_t waiting_ = 0;
    std::uint64_t round_ = 0;
    bool more_ = true;
};

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

    const CouplingDefinition& coupling() const noexcept { return program.definition().coupling; }
    std::int64_t row_cells() const noexcept { return settings.periods * program.width(); }
    std::int64_t* ledger_of(const Item& item) const noexcept {
        const auto cell = static_cast<std::int64_t>(item.cell);
        return ledger + (cell * settings.batches + item.batch) * row_cells();
    }
};

// Bytes of the rows that one block keeps.
std::uint64_t stored_rows(const Program& program) {
    const ProgramDefinition& p = program.definition();
    return static_cast<std::uint64_t>(p.n_states) + p.step_streams.size() * WORDS_PER_CALL + 1;
}

class Group {
  public:
    Group(const Task& task, std::int64_t stride) : task_(task), stride_(stride) {}

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
        const CouplingDefinition& coupling = task_.coupling();
        const std::size_t lines =
            stored_rows(task_.program) * static_cast<std::size_t>(stride_) / Line::SIZE;
        if (lines * blocks_.size() > stored_) {
            stored_ = lines * blocks_.size();
            store_.reset(); // before the larger one is asked for
            store_.reset(new Line[stored_]);
        }
        block_lines_ = lines;
        for (auto& said : said_)
            said.resize(coupling.signals.size() * everybody_);
        shared_.assign(coupling.inputs.size(), 0.0F);
        files_.resize(cells_.size());
        for (auto& file : files_)
            file.assign(static_cast<std::size_t>(file_size()), 0.0F);
        total_.assign(static_cast<std::size_t>(task_.program.width()), 0);
    }

    // By one thread: environments from the period that is over, scalars of the one that begins.
    void begin_period(std::int64_t period) {
        if (period > 0) {
            task_.program.next_environments(total_.data(), everybody_, files_.front().data(),
                                            shared_.data());
            check_and_record(period - 1);
        }
        period_ = period;
        next_ = 0;
        std::fill(total_.begin(), total_.end(), 0);
        std::swap(said_[0], said_[1]);
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

    // By any number of threads: live the period, block by block.
    void live_period(Arena& arena, std::vector<std::int64_t>& local) {
        for (;;) {
            const std::uint64_t first = next_.fetch_add(BLOCKS_AT_ONCE, std::memory_order_relaxed);
            if (first >= blocks_.size()) return;
            const std::uint64_t last =
                std::min<std::uint64_t>(first + BLOCKS_AT_ONCE, blocks_.size());
            std::size_t piece = blocks_[first].piece;
            std::fill(local.begin(), local.end(), 0);
            for (std::uint64_t b = first; b < last; ++b) {
                if (task_.workers.stop().raised()) return;
                Block& block = blocks_[b];
                if (block.piece != piece) {
                    merge(piece, local);
                    std::fill(local.begin(), local.end(), 0);
                    piece = block.piece;
                }
                if (block.lanes > 0) {
                    live_block(b, arena, local.data());
                } else {
                    silence(block);
                }
            }
            merge(piece, local);
        }
    }

    std::uint64_t everybody() const noexcept { return everybody_; }

  private:
    struct alignas(64) Line {
        static constexpr std::size_t SIZE = 16;
        std::uint32_t words[SIZE];
    };

    std::int64_t file_size() const noexcept {
        return std::max<std::int64_t>({task_.program.n_scalars(), task_.coupling().n_scalars, 1});
    }

    void live_block(std::size_t index, Arena& arena, std::int64_t* row) {
        Block& block = blocks_[index];
        const Item& item = pieces_[block.piece].item;
        const Program& program = task_.program;
        const Kernels& kernels = *task_.settings.kernels;
        const ProgramView view = program.view();
        auto* const rows = reinterpret_cast<std::uint32_t*>(store_.get() + index * block_lines_);
        BlockMemory memory = arena.memory();
        std::uint32_t* const scratch_words = memory.words;
        memory.id_low = rows;
        memory.words = rows + stride_;
        std::uint32_t* const states =
            memory.words + view.step_streams.count * WORDS_PER_CALL * stride_;
        const std::uint64_t id =
            static_cast<std::uint64_t>(task_.cells[item.cell].segment) << 40 | block.low;

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
            for (std::int64_t i = 0; i < task_.settings.block; ++i)
                memory.id_low[i] = static_cast<std::uint32_t>(id + static_cast<std::uint64_t>(i));
            BlockMemory starting = memory;
            starting.words = scratch_words;
            kernels.begin(view, lives, starting);
        } else {
            for (std::int32_t r = 0; r < view.n_states; ++r)
                std::memcpy(memory.registers + r * stride_, states + r * stride_,
                            bytes(lives.lanes));
            hear(block, lives, memory, scratch_words);
        }
        bool leaving = false;
        Fault fault{};
        if (kernels.step(view, lives, memory, period, leaving, fault) == Outcome::out_of_range)
            throw std::invalid_argument(out_of_range(program, fault));
        speak(block, lives, memory);
        if (leaving) {
            block.lanes =
                kernels.leave(view, lives, lives.lanes, period % WORDS_PER_CALL + 1, memory);
        }
        for (std::int32_t r = 0; r < view.n_states; ++r)
            std::memcpy(states + r * stride_, memory.registers + r * stride_, bytes(block.lanes));
    }

    static std::size_t bytes(std::int32_t lanes) noexcept {
        return static_cast<std::size_t>(lanes) * sizeof(float);
    }

    // Which consumer of the group is in each lane.
    std::uint64_t node(const Block& block, std::uint32_t id_low) const noexcept {
        const Piece& piece = pieces_[block.piece];
        const std::uint64_t first = piece.node + block.low - piece.item.low;
        return first + (id_low - static_cast<std::uint32_t>(block.low));
    }

    std::int32_t* said(int when, std::size_t signal) noexcept {
        return said_[when].data() + signal * everybody_;
    }

    void silence(const Block& block) noexcept {
        const std::uint64_t first = node(block, static_cast<std::uint32_t>(block.low));
        for (std::size_t s = 0; s < task_.coupling().signals.size(); ++s)
            std::fill_n(said(1, s) + first, block.size, SILENT);
    }

    // Tell the neighbours of the next period; who is not active says nothing.
    void speak(const Block& block, const Lives& lives, const BlockMemory& memory) {
        const auto& signals = task_.coupling().signals;
        silence(block);
        for (std::size_t s = 0; s < signals.size(); ++s) {
            std::int32_t* const out = said(1, s);
            const float* const x = memory.registers + signals[s].source * stride_;
            const float scale = power_of_two(signals[s].exponent);
            for (std::int32_t i = 0; i < lives.lanes; ++i) {
                const float scaled = x[i] * scale;
                if (!(__builtin_fabsf(scaled) < 2147483648.0F)) {
                    throw std::invalid_argument(
                        out_of_range(task_.signals[s], static_cast<std::int32_t>(period_), x[i]));
                }
                out[node(block, memory.id_low[i])] =
                    static_cast<std::int32_t>(Scalar::round_to_int(scaled));
            }
        }
    }

    // What the neighbours said in the period before, into the registers that hold it.
    void hear(const Block& block, const Lives& lives, const BlockMemory& memory,
              std::uint32_t* words) {
        const auto& signals = task_.coupling().signals;
        for (std::size_t s = 0; s < signals.size(); ++s) {
            const std::int32_t* const from = said(0, s);
            float* const out = memory.registers + signals[s].target * stride_;
            const auto put = [&](std::int32_t i, std::int64_t sum, std::int64_t speakers) {
                out[i] = aggregated(signals[s].kind, sum, signals[s].exponent, speakers);
            };
            if (task_.network.degree > 0) {
                hear_hashed(block, lives, memory, words, from, put);
            } else {
                hear_listed(block, lives, memory, from, put);
            }
        }
    }

    template <class Put>
    void hear_listed(const Block& block, const Lives& lives, const BlockMemory& memory,
                     const std::int32_t* from, Put&& put) {
        const Network& network = task_.network;
        for (std::int32_t i = 0; i < lives.lanes; ++i) {
            const std::uint64_t k = node(block, memory.id_low[i]);
            std::int64_t sum = 0, speakers = 0;
            for (std::int64_t e = network.starts[k]; e < network.starts[k + 1]; ++e) {
                const std::int32_t value = from[network.targets[e]];
                const bool speaks = value != SILENT;
                sum += speaks ? value : 0;
                speakers += speaks;
            }
            put(i, sum, speakers);
        }
    }

    template <class Put>
    void hear_hashed(const Block& block, const Lives& lives, const BlockMemory& memory,
                     std::uint32_t* words, const std::int32_t* from, Put&& put) {
        const Network& network = task_.network;
        std::vector<std::int64_t> sum(static_cast<std::size_t>(lives.lanes), 0);
        std::vector<std::int64_t> speakers(sum);
        std::uint32_t* const nodes = memory.scratch;
        for (std::int32_t i = 0; i < lives.lanes; ++i)
            nodes[i] = static_cast<std::uint32_t>(node(block, memory.id_low[i]));
        Lives drawn = lives;
        drawn.id_high = 0;
        drawn.key_0 = static_cast<std::uint32_t>(network.seed);
        drawn.key_1 = static_cast<std::uint32_t>(network.seed >> 32);
        BlockMemory at = memory;
        at.id_low = nodes;
        at.words = words;
        const std::uint32_t slot = 0;
        const std::uint64_t others = network.nodes - 1;
        for (std::uint32_t done = 0; done < network.degree; done += WORDS_PER_CALL) {
            const std::uint32_t call = PURPOSE_NETWORK << 28 | done / WORDS_PER_CALL;
            task_.settings.kernels->draw({&slot, 1}, call, drawn, lives.lanes, at);
            const std::uint32_t left = network.degree - done;
            for (std::uint32_t w = 0; w < std::min<std::uint32_t>(left, WORDS_PER_CALL); ++w) {
                const std::uint32_t* const row = words + w * stride_;
                for (std::int32_t i = 0; i < lives.lanes; ++i) {
                    const auto k = static_cast<std::size_t>(i);
                    std::uint64_t other = row[i] * others >> 32;
                    other += other >= nodes[i];
                    const std::int32_t value = from[std::min(other, others)];
                    const bool speaks = value != SILENT;
                    sum[k] += speaks ? value : 0;
                    speakers[k] += speaks;
                }
            }
        }
        for (std::int32_t i = 0; i < lives.lanes; ++i)
            put(i, sum[static_cast<std::size_t>(i)], speakers[static_cast<std::size_t>(i)]);
    }

    void merge(std::size_t piece, const std::vector<std::int64_t>& local) {
        const std::lock_guard<std::mutex> lock(task_.workers.mutex());
        std::int64_t* const out =
            task_.ledger_of(pieces_[piece].item) + period_ * task_.program.width();
        for (std::size_t i = 0; i < local.size(); ++i) {
            out[i] += local[i];
            total_[i] += local[i];
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
    const std::int64_t stride_;
    std::vector<Piece> pieces_;
    std::vector<Block> blocks_;
    std::vector<std::size_t> cells_;
    std::uint64_t everybody_ = 0;
    std::unique_ptr<Line[]> store_;
    std::size_t stored_ = 0;
    std::size_t block_lines_ = 0;
    std::vector<std::int32_t> said_[2]; // in the period before, in this one
    std::vector<std::vector<float>> files_;
    std::vector<float> shared_;
    std::vector<std::int64_t> total_;
    std::int64_t period_ = 0;
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
    }
    for (std::int64_t e = 0; e < network.starts[network.nodes]; ++e) {
        require(network.targets[e] < network.nodes, "network: allowed are numbers of nodes");
    }
}

// One thread per group, or all threads together on one group after the other.
class Crews {
  public:
    Crews(Task& task, const Groups& groups) : task_(task), groups_(groups) {}

    void run(const Watch& watch) {
        const std::int64_t threads = thread_count(task_.settings.threads);
        task_.one_thread = groups_.largest() <= SMALL_GROUP;
        const auto useful =
            task_.one_thread
                ? std::min<std::uint64_t>(groups_.size(), static_cast<std::uint64_t>(threads))
                : static_cast<std::uint64_t>(threads);
        if (task_.one_thread) {
            task_.workers.supervise(static_cast<std::int64_t>(useful), groups_.consumers(), watch,
                                    [this] { alone(); });
            return;
        }
        Group group(task_, Arena::stride(task_.settings.block));
        Rounds rounds([this, &group] { return prepare(group); });
        task_.workers.supervise(static_cast<std::int64_t>(useful), groups_.consumers(), watch,
                                [&] { together(group, rounds); });
    }

  private:
    void alone() {
        const FloatingPointMode mode;
        Arena arena(task_.program, task_.settings.block, *task_.settings.kernels);
        Group group(task_, Arena::stride(task_.settings.block));
        std::vector<std::int64_t> local(static_cast<std::size_t>(task_.program.width()));
        for (;;) {
            const std::uint64_t index = next_.fetch_add(1, std::memory_order_relaxed);
            if (index >= groups_.size()) return;
            group.assign(groups_[index]);
            for (std::int64_t period = 0; period < task_.settings.periods; ++period) {
                if (task_.workers.stop().raised()) return;
                group.begin_period(period);
                group.live_period(arena, local);
            }
            if (task_.workers.stop().raised()) return;
            group.begin_period(task_.settings.periods);
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
                group.live_period(arena, local);
        } catch (...) {
            task_.workers.fail(std::current_exception()); // before the seat is given up
        }
    }

    // The next period of the group, or the first one of the next group; false if none is left.
    bool prepare(Group& group) noexcept {
        const FloatingPointMode mode;
        const std::int64_t periods = task_.settings.periods;
        try {
            if (task_.workers.stop().raised()) return false;
            if (period_ < periods) group.begin_period(++period_);
            if (period_ >= periods) {
                if (next_ == groups_.size()) return false;
                group.assign(groups_[next_++]);
                before_ += group.everybody();
                group.begin_period(period_ = 0);
            }
            const auto left = static_cast<std::uint64_t>(periods - period_);
            const std::uint64_t done =
                before_ - group.everybody() * left / static_cast<std::uint64_t>(periods);
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
    std::int64_t period_ = task_.settings.periods;
    std::uint64_t before_ = 0; // consumers of the groups up to this one
    std::uint64_t reported_ = 0;
};

} // namespace

std::uint64_t coupled_bytes(const Program& program, const std::vector<Cell>& cells,
                            const std::vector<std::uint32_t>& groups, const RunSettings& settings) {
    ledger_size(program, cells, settings); // refuses unusable settings
    check_groups(program, cells, groups);
    const Groups all(program, cells, groups, settings);
    const std::int64_t threads = thread_count(settings.threads);
    const auto block = static_cast<std::uint64_t>(settings.block);
    const std::uint64_t row = static_cast<std::uint64_t>(Arena::stride(settings.block)) * 4;
    std::uint64_t most = 0;
    const bool communities = program.definition().coupling.community > 0;
    for (std::uint64_t g = 0;
         g < (communities ? std::min<std::uint64_t>(all.size(), 1) : all.size()); ++g) {
        std::uint64_t blocks = 0, consumers = 0;
        for (const Piece& piece : all[g]) {
            blocks += (piece.item.high - piece.item.low + block - 1) / block;
            consumers += piece.item.high - piece.item.low;
        }
        const std::uint64_t signals = program.definition().coupling.signals.size();
        most = std::max(most, blocks * (stored_rows(program) * row + sizeof(Block)) +
                                  2 * signals * consumers * sizeof(std::int32_t));
    }
    return all.largest() <= SMALL_GROUP ? most * static_cast<std::uint64_t>(threads) : most;
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
    Task task{program, cells, network, environments, signals, settings, ledger, workers, true};
    Crews(task, all).run(watch);
}

} // namespace pycore
