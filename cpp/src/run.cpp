#include "pycore/run.hpp"

#include "arena.hpp"
#include "schedule.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

namespace pycore {

namespace {

constexpr auto WATCH_INTERVAL = std::chrono::milliseconds(25);
constexpr std::int64_t BLOCKS_PER_ITEM = 32;

std::string out_of_range(const Program& program, const Fault& fault) {
    // The sign of a NaN is the processor's business and stands in no message.
    char value[32] = "nan";
    if (fault.value == fault.value) {
        std::snprintf(value, sizeof value, "%.9g", static_cast<double>(fault.value));
    }
    const auto& record = program.definition().records[static_cast<std::size_t>(fault.record)];
    return "record '" + std::string(record.name.characters()) + "' out of range in period " +
           std::to_string(fault.period) + ": value " + value;
}

// `cell` is one of all periods; only a moment can come that far, and each belongs to one record.
std::string too_large(const ProgramView& program, const Program& names, std::size_t cell) {
    const auto width = static_cast<std::size_t>(program.width);
    std::int32_t record = program.n_records - 1;
    while (program.records[record].offset > static_cast<std::int32_t>(cell % width))
        --record;
    const auto& found = names.definition().records[static_cast<std::size_t>(record)];
    return "record '" + std::string(found.name.characters()) + "': its sum passes 2^63 in period " +
           std::to_string(cell / width);
}

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
                    const InputTable& inputs = cells_[item.cell].inputs;
                    scalars.fill(program_, inputs.values.data(), inputs.rows);
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
        if (threads <= 1 && !watch) { // one worker whom nobody watches is the caller
            ++working_;
            work();
            if (error_) std::rethrow_exception(error_);
            return;
        }
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
            Lives lives = next_block(cell.segment, low, item.high, settings_.block, memory);
            lives.periods = static_cast<std::int32_t>(settings_.periods);
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
                throw std::invalid_argument(out_of_range(program_, fault));
            }
            const auto lanes = static_cast<std::uint64_t>(lives.lanes);
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
        for (std::size_t i = 0; i < local.size(); ++i) {
            if (__builtin_add_overflow(out[i], local[i], out + i)) {
                throw std::invalid_argument(too_large(view_, program_, i));
            }
        }
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

void run(const Program& program, const std::vector<Cell>& cells, const RunSettings& settings,
         const Watch& watch, std::int64_t* ledger) {
    ledger_size(program, cells, settings); // refuses unusable settings
    Crew crew(program, cells, settings, ledger);
    const std::int64_t threads =
        settings.threads > 0 ? settings.threads : std::max(1U, std::thread::hardware_concurrency());
    const auto useful = static_cast<std::int64_t>(
        std::min<std::uint64_t>(crew.items(), static_cast<std::uint64_t>(threads)));
    crew.supervise(useful, watch);
}

} // namespace pycore
