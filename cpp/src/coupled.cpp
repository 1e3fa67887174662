// Consumers who influence each other, all of a run in one process.
//
// The last thread of a team to finish a round turns the exact sums into the environments of the
// next.  Small groups, such as communities, have a team of one thread each, and their store stays
// in its cache.
#include "group.hpp"
#include "network.hpp"
#include "pycore/run.hpp"
#include "rounds.hpp"
#include "schedule.hpp"
#include "workers.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace pycore {

namespace {

// Groups up to this size are lived by one thread, others by all together.
constexpr std::uint64_t SMALL_GROUP = 16384;

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

// One thread per group, or all threads together on one group after the other.
class Crews {
  public:
    Crews(Task& task, const Groups& groups) : task_(task), groups_(groups) {}

    void run(const Watch& watch) {
        const std::int64_t threads = thread_count(task_.settings.threads);
        if (groups_.largest() <= SMALL_GROUP) {
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
            const std::uint64_t size = piece.item.high - piece.item.low;
            blocks += 1 + (size > block ? (size + block_step(block) - 2) / block : 0);
            consumers += size;
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
    const bool alone = all.largest() <= SMALL_GROUP || thread_count(settings.threads) == 1;
    Task task{program,          cells,   network, environments, signals, settings, ledger,
              settings.periods, workers, mutual,  alone};
    Crews(task, all).run(watch);
}

} // namespace pycore
