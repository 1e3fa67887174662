#include "pycore/run.hpp"

#include "arena.hpp"
#include "schedule.hpp"
#include "workers.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace pycore {

namespace {

constexpr std::int64_t BLOCKS_PER_ITEM = 32;

// Lives of consumers who do not meet: items in any order, merged under the mutex.
class Crew {
  public:
    Crew(const Program& program, const std::vector<Cell>& cells, const RunSettings& settings,
         std::int64_t* ledger)
        : program_(program), view_(program.view()), cells_(cells), settings_(settings),
          schedule_(cells, settings.batches, BLOCKS_PER_ITEM * settings.block), ledger_(ledger) {}

    void work() {
        const FloatingPointMode mode;
        Arena arena(program_, settings_.block, *settings_.kernels);
        ScalarFiles scalars;
        std::size_t filled = cells_.size();
        std::vector<std::int64_t> local(static_cast<std::size_t>(row_cells()));
        for (;;) {
            const std::uint64_t index = next_.fetch_add(1, std::memory_order_relaxed);
            if (index >= schedule_.size() || workers_.stop().raised()) break;
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
    }

    void supervise(std::int64_t threads, const Watch& watch) {
        workers_.supervise(threads, schedule_.consumers(), watch, [this] { work(); });
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
            lives.stop = &workers_.stop();
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
            workers_.did(lanes);
        }
        return true;
    }

    void merge(const Item& item, const std::vector<std::int64_t>& local) {
        const std::lock_guard<std::mutex> lock(workers_.mutex());
        const std::int64_t place =
            static_cast<std::int64_t>(item.cell) * settings_.batches + item.batch;
        std::int64_t* const out = ledger_ + place * row_cells();
        for (std::size_t i = 0; i < local.size(); ++i) {
            if (__builtin_add_overflow(out[i], local[i], out + i)) {
                const auto width = static_cast<std::size_t>(view_.width);
                throw std::invalid_argument(
                    too_large(program_, i % width, static_cast<std::int64_t>(i / width)));
            }
        }
    }

    const Program& program_;
    const ProgramView view_;
    const std::vector<Cell>& cells_;
    const RunSettings& settings_;
    const Schedule schedule_;
    std::int64_t* const ledger_;

    Workers workers_;
    std::atomic<std::uint64_t> next_{0};
};

} // namespace

void run(const Program& program, const std::vector<Cell>& cells, const RunSettings& settings,
         const Watch& watch, std::int64_t* ledger) {
    ledger_size(program, cells, settings); // refuses unusable settings
    if (program.definition().coupled) {
        throw std::invalid_argument("program: consumers influence each other: use run_coupled");
    }
    Crew crew(program, cells, settings, ledger);
    const auto useful = static_cast<std::int64_t>(std::min<std::uint64_t>(
        crew.items(), static_cast<std::uint64_t>(thread_count(settings.threads))));
    crew.supervise(useful, watch);
}

} // namespace pycore
