#include "pycore/run.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#ifdef PYCORE_X86
#include <xmmintrin.h>
#endif

namespace pycore {

namespace {

constexpr auto WATCH_INTERVAL = std::chrono::milliseconds(25);
constexpr std::int64_t BLOCKS_PER_ITEM = 32;
constexpr std::uint64_t LOW_WORD = std::uint64_t{1} << 32;

// Round to nearest, denormals kept: the arithmetic of the contract, whatever the caller had set.
class FloatingPointMode {
  public:
#ifdef PYCORE_X86
    FloatingPointMode() noexcept : saved_(_mm_getcsr()) { _mm_setcsr(0x1F80U); }
    ~FloatingPointMode() { _mm_setcsr(saved_); }
#else
    FloatingPointMode() noexcept {}
    ~FloatingPointMode() {}
#endif
    FloatingPointMode(const FloatingPointMode&) = delete;
    FloatingPointMode& operator=(const FloatingPointMode&) = delete;

  private:
#ifdef PYCORE_X86
    unsigned int saved_;
#endif
};

// One thread's registers, words and ids, in lines of the cache.
class Arena {
  public:
    Arena(const Program& program, std::int64_t block, const Kernels& kernels) {
        // One line more than the block keeps registers from falling onto the same cache sets.
        stride_ = block + LINE;
        registers_.resize(lines(std::max(program.n_registers(), 1)));
        words_.resize(lines(std::max(program.max_streams(), 1) * std::int64_t{4}));
        lanes_.resize(lines(3));
        const ProgramView view = program.view();
        start_.resize(static_cast<std::size_t>(view.start_code.count));
        step_.resize(static_cast<std::size_t>(view.step_code.count));
        kernels.prepare(view, memory());
    }

    BlockMemory memory() noexcept {
        BlockMemory memory{};
        memory.registers = registers_.front().floats;
        memory.words = words_.front().words;
        memory.id_low = lanes_.front().words;
        memory.row = memory.id_low + stride_;
        memory.scratch = memory.row + stride_;
        memory.start_steps = start_.data();
        memory.step_steps = step_.data();
        memory.stride = stride_;
        return memory;
    }

  private:
    static constexpr std::int64_t LINE = 16;
    union alignas(64) Line {
        float floats[LINE];
        std::uint32_t words[LINE];
    };

    std::size_t lines(std::int64_t rows) const noexcept {
        return static_cast<std::size_t>(rows * stride_ / LINE);
    }

    std::int64_t stride_ = 0;
    std::vector<Line> registers_;
    std::vector<Line> words_;
    std::vector<Line> lanes_;
    std::vector<Step> start_;
    std::vector<Step> step_;
};

[[noreturn]] void refuse(const std::string& message) {
    throw std::invalid_argument(message);
}

void check_settings(const Program& program, const std::vector<Cell>& cells,
                    const RunSettings& settings) {
    if (settings.periods < 1 || settings.periods > MAX_PERIODS) {
        refuse("periods: received " + std::to_string(settings.periods) + ", allowed is 1 to 2^28");
    }
    if (settings.batches < 1 || settings.batches > 65536) {
        refuse("batches: received " + std::to_string(settings.batches) + ", allowed is 1 to 65536");
    }
    if (settings.threads < 0 || settings.threads > 1024) {
        refuse("threads: received " + std::to_string(settings.threads) +
               ", allowed is 0 (all) to 1024");
    }
    if (settings.block < 128 || settings.block > 1024 || settings.block % LANE_QUANTUM != 0) {
        refuse("block: received " + std::to_string(settings.block) +
               ", allowed is a multiple of 64 from 128 to 1024");
    }
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const Cell& cell = cells[i];
        const std::string label = "cell " + std::to_string(i) + ": ";
        const std::int64_t rows = cell.inputs.rows;
        if (rows != 1 && rows != settings.periods) {
            refuse(label + "inputs have " + std::to_string(rows) + " rows, allowed is 1 or " +
                   std::to_string(settings.periods) + " (periods)");
        }
        if (static_cast<std::int64_t>(cell.inputs.values.size()) != rows * program.inputs()) {
            refuse(label + "inputs do not have " + std::to_string(program.inputs()) + " columns");
        }
        if (cell.segment >= MAX_SEGMENTS) {
            refuse(label + "segment " + std::to_string(cell.segment) + ", allowed is below 2^24");
        }
        if (cell.count > MAX_CONSUMERS) {
            refuse(label + "count " + std::to_string(cell.count) + ", allowed is at most 2^40");
        }
        if (cell.low > cell.high || cell.high > cell.count) {
            refuse(label + "range " + std::to_string(cell.low) + " to " +
                   std::to_string(cell.high) + ", allowed is within 0 to " +
                   std::to_string(cell.count));
        }
    }
}

std::string out_of_range(const Program& program, const Fault& fault) {
    char value[32];
    std::snprintf(value, sizeof value, "%.9g", static_cast<double>(fault.value));
    const auto& record = program.definition().records[static_cast<std::size_t>(fault.record)];
    return "record '" + record.name + "' out of range in period " + std::to_string(fault.period) +
           ": value " + value;
}

// Scalar files of a cell: one, or one for each period.
class ScalarFiles {
  public:
    void fill(const Program& program, const InputTable& inputs) {
        const auto size = static_cast<std::size_t>(std::max(program.n_scalars(), 1));
        values_.assign(size * static_cast<std::size_t>(inputs.rows), 0.0F);
        for (std::int64_t row = 0; row < inputs.rows; ++row) {
            program.fill_scalars(inputs.values.data() + row * program.inputs(),
                                 values_.data() + static_cast<std::size_t>(row) * size);
        }
        step_ = inputs.rows > 1 ? static_cast<std::int64_t>(size) : 0;
    }
    const float* data() const noexcept { return values_.data(); }
    std::int64_t step() const noexcept { return step_; }

  private:
    std::vector<float> values_;
    std::int64_t step_ = 0;
};

// Consecutive numbers of one cell and batch, worked on by one thread.
struct Item {
    std::size_t cell;
    std::int64_t batch;
    std::uint64_t low;
    std::uint64_t high;
};

// All items of a run, numbered without being listed: a run of 10^9 consumers has 10^5 of them.
class Schedule {
  public:
    Schedule(const std::vector<Cell>& cells, std::int64_t batches, std::int64_t item_size)
        : item_size_(static_cast<std::uint64_t>(item_size)) {
        for (std::size_t c = 0; c < cells.size(); ++c) {
            for (std::int64_t b = 0; b < batches; ++b) {
                const std::uint64_t n = cells[c].count;
                const auto all = static_cast<std::uint64_t>(batches);
                const auto batch = static_cast<std::uint64_t>(b);
                const std::uint64_t low = std::max(n * batch / all, cells[c].low);
                const std::uint64_t high = std::min(n * (batch + 1) / all, cells[c].high);
                if (low >= high) continue;
                ranges_.push_back({c, b, low, high});
                first_.push_back(size_);
                size_ += (high - low + item_size_ - 1) / item_size_;
                consumers_ += high - low;
            }
        }
    }

    std::uint64_t size() const noexcept { return size_; }
    std::uint64_t consumers() const noexcept { return consumers_; }

    Item operator[](std::uint64_t index) const {
        const auto after = std::upper_bound(first_.begin(), first_.end(), index);
        const auto place = static_cast<std::size_t>(after - first_.begin()) - 1;
        Item item = ranges_[place];
        item.low += (index - first_[place]) * item_size_;
        item.high = std::min(item.high, item.low + item_size_);
        return item;
    }

  private:
    std::uint64_t item_size_;
    std::vector<Item> ranges_;
    std::vector<std::uint64_t> first_;
    std::uint64_t size_ = 0;
    std::uint64_t consumers_ = 0;
};

// The state that workers share; the ledger and the first error are guarded by the mutex.
class Crew {
  public:
    Crew(const Program& program, const std::vector<Cell>& cells, const RunSettings& settings,
         std::int64_t* ledger)
        : program_(program), view_(program.view()), cells_(cells), settings_(settings),
          schedule_(cells, settings.batches, BLOCKS_PER_ITEM * settings.block), ledger_(ledger) {}

    void work() noexcept {
        try {
            const FloatingPointMode mode;
            Arena arena(program_, settings_.block, *settings_.kernels);
            ScalarFiles scalars;
            std::size_t filled = cells_.size();
            std::vector<std::int64_t> local(static_cast<std::size_t>(row_cells()));
            for (;;) {
                const std::uint64_t index = next_.fetch_add(1, std::memory_order_relaxed);
                if (index >= schedule_.size() || stop_.raised()) break;
                const Item item = schedule_[index];
                if (item.cell != filled) {
                    scalars.fill(program_, cells_[item.cell].inputs);
                    filled = item.cell;
                }
                std::fill(local.begin(), local.end(), 0);
                if (!live_item(item, scalars, arena.memory(), local.data())) break;
                merge(item, local);
            }
        } catch (...) {
            fail(std::current_exception());
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        --working_;
        finished_.notify_all();
    }

    // Start the workers, watch them, and return when all have ended; rethrows the first error.
    void supervise(std::int64_t threads, const Watch& watch) {
        std::vector<std::thread> workers;
        try {
            for (std::int64_t i = 0; i < threads; ++i) {
                {
                    const std::lock_guard<std::mutex> lock(mutex_);
                    ++working_;
                }
                workers.emplace_back([this] { work(); });
            }
        } catch (...) {
            // The thread that could not start never ends either.
            const std::lock_guard<std::mutex> lock(mutex_);
            --working_;
            if (workers.empty()) error_ = std::current_exception();
        }
        wait(watch);
        for (std::thread& worker : workers)
            worker.join();
        if (error_) std::rethrow_exception(error_);
        if (watch) watch(schedule_.consumers(), schedule_.consumers());
    }

    std::uint64_t items() const noexcept { return schedule_.size(); }

  private:
    std::int64_t row_cells() const noexcept { return settings_.periods * program_.width(); }

    bool live_item(const Item& item, const ScalarFiles& scalars, const BlockMemory& memory,
                   std::int64_t* local) {
        const Cell& cell = cells_[item.cell];
        for (std::uint64_t low = item.low; low < item.high;) {
            const std::uint64_t id = static_cast<std::uint64_t>(cell.segment) << 40 | low;
            const std::uint64_t to_next_word = LOW_WORD - id % LOW_WORD;
            const std::uint64_t lanes = std::min(
                {static_cast<std::uint64_t>(settings_.block), item.high - low, to_next_word});
            for (std::int64_t i = 0; i < settings_.block; ++i) {
                memory.id_low[i] = static_cast<std::uint32_t>(id + static_cast<std::uint64_t>(i));
            }
            Lives lives{};
            lives.lanes = static_cast<std::int32_t>(lanes);
            lives.periods = static_cast<std::int32_t>(settings_.periods);
            lives.id_high = static_cast<std::uint32_t>(id >> 32);
            lives.key_0 = static_cast<std::uint32_t>(settings_.seed);
            lives.key_1 = static_cast<std::uint32_t>(settings_.seed >> 32);
            lives.scalars = scalars.data();
            lives.scalar_step = scalars.step();
            lives.ledger = local;
            lives.stop = &stop_;
            Fault fault{};
            switch (settings_.kernels->live(view_, lives, memory, fault)) {
            case Outcome::finished:
                break;
            case Outcome::stopped:
                return false;
            case Outcome::out_of_range:
                refuse(out_of_range(program_, fault));
            }
            low += lanes;
            done_.fetch_add(lanes, std::memory_order_relaxed);
        }
        return true;
    }

    void merge(const Item& item, const std::vector<std::int64_t>& local) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const std::int64_t place =
            static_cast<std::int64_t>(item.cell) * settings_.batches + item.batch;
        std::int64_t* const out = ledger_ + place * row_cells();
        for (std::size_t i = 0; i < local.size(); ++i)
            out[i] += local[i];
    }

    void fail(std::exception_ptr error) noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!error_) error_ = std::move(error);
        stop_.raise();
    }

    void wait(const Watch& watch) {
        std::unique_lock<std::mutex> lock(mutex_);
        while (working_ > 0) {
            finished_.wait_for(lock, WATCH_INTERVAL);
            if (!watch || working_ == 0) continue;
            lock.unlock();
            try {
                watch(done_.load(std::memory_order_relaxed), schedule_.consumers());
            } catch (...) {
                fail(std::current_exception());
                lock.lock();
                finished_.wait(lock, [this] { return working_ == 0; });
                return;
            }
            lock.lock();
        }
    }

    const Program& program_;
    const ProgramView view_;
    const std::vector<Cell>& cells_;
    const RunSettings& settings_;
    const Schedule schedule_;
    std::int64_t* const ledger_;

    StopFlag stop_;
    std::atomic<std::uint64_t> next_{0};
    std::atomic<std::uint64_t> done_{0};
    std::mutex mutex_;
    std::condition_variable finished_;
    std::int64_t working_ = 0;
    std::exception_ptr error_;
};

} // namespace

std::int64_t ledger_size(const Program& program, const std::vector<Cell>& cells,
                         const RunSettings& settings) {
    check_settings(program, cells, settings);
    std::int64_t size = program.width();
    for (const std::int64_t factor :
         {settings.periods, settings.batches, static_cast<std::int64_t>(cells.size())}) {
        if (factor != 0 && size > std::numeric_limits<std::int64_t>::max() / 8 / factor) {
            refuse("ledger: cells × batches × periods × width exceeds 2^63 bytes");
        }
        size *= factor;
    }
    return size;
}

void run(const Program& program, const std::vector<Cell>& cells, const RunSettings& settings,
         const Watch& watch, std::int64_t* ledger) {
    check_settings(program, cells, settings);
    Crew crew(program, cells, settings, ledger);
    const std::int64_t processors = std::max(1U, std::thread::hardware_concurrency());
    const std::int64_t threads = settings.threads > 0 ? settings.threads : processors;
    const auto useful = static_cast<std::int64_t>(
        std::min<std::uint64_t>(crew.items(), static_cast<std::uint64_t>(threads)));
    crew.supervise(useful, watch);
}

void trace(const Program& program, const std::vector<Cell>& cells,
           const std::vector<std::uint64_t>& ids, const std::vector<std::int32_t>& registers,
           const RunSettings& settings, float* out) {
    check_settings(program, cells, settings);
    for (const std::int32_t index : registers) {
        if (!program.readable(index)) {
            refuse("registers: received " + std::to_string(index) +
                   ", allowed is a register that holds a value after a step");
        }
    }
    // Lives of one cell with one high word of the id share a block.
    struct Group {
        std::size_t cell;
        std::uint32_t id_high;
        std::size_t row;
        bool operator<(const Group& other) const noexcept {
            return std::pair(cell, id_high) < std::pair(other.cell, other.id_high);
        }
    };
    std::vector<Group> order;
    for (std::size_t row = 0; row < ids.size(); ++row) {
        const auto segment = static_cast<std::uint32_t>(ids[row] >> 40);
        const auto cell = std::find_if(cells.begin(), cells.end(),
                                       [segment](const Cell& c) { return c.segment == segment; });
        if (cell == cells.end()) {
            refuse("ids: id " + std::to_string(ids[row]) + " is of segment " +
                   std::to_string(segment) + ", which has no inputs");
        }
        order.push_back({static_cast<std::size_t>(cell - cells.begin()),
                         static_cast<std::uint32_t>(ids[row] >> 32), row});
    }
    std::stable_sort(order.begin(), order.end());

    const FloatingPointMode mode;
    Arena arena(program, settings.block, *settings.kernels);
    const BlockMemory memory = arena.memory();
    const ProgramView view = program.view();
    const TraceView sink{registers.data(), static_cast<std::int32_t>(registers.size()), out};
    const StopFlag stop;
    ScalarFiles scalars;
    for (std::size_t first = 0; first < order.size();) {
        std::size_t last = first;
        while (last < order.size() && !(order[first] < order[last]) &&
               last - first < static_cast<std::size_t>(settings.block)) {
            memory.id_low[last - first] = static_cast<std::uint32_t>(ids[order[last].row]);
            memory.row[last - first] = static_cast<std::uint32_t>(order[last].row);
            ++last;
        }
        scalars.fill(program, cells[order[first].cell].inputs);
        Lives lives{};
        lives.lanes = static_cast<std::int32_t>(last - first);
        lives.periods = static_cast<std::int32_t>(settings.periods);
        lives.id_high = order[first].id_high;
        lives.key_0 = static_cast<std::uint32_t>(settings.seed);
        lives.key_1 = static_cast<std::uint32_t>(settings.seed >> 32);
        lives.scalars = scalars.data();
        lives.scalar_step = scalars.step();
        lives.trace = &sink;
        lives.stop = &stop;
        Fault fault{};
        settings.kernels->live(view, lives, memory, fault);
        first = last;
    }
}

} // namespace pycore
