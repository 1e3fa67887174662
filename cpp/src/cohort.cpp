#include "pycore/cohort.hpp"

#include "group.hpp"
#include "network.hpp"
#include "schedule.hpp"
#include "workers.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace pycore {

namespace {

// The pieces of a cohort; unlike those of a whole group they may begin and end anywhere.
std::vector<Piece> pieces_of(const std::vector<Cell>& cells, std::int64_t batches) {
    std::vector<std::uint64_t> before{0};
    for (const Cell& cell : cells)
        before.push_back(before.back() + cell.count);
    const Schedule schedule(cells, batches, static_cast<std::int64_t>(MAX_CONSUMERS));
    std::vector<Piece> pieces;
    for (std::uint64_t i = 0; i < schedule.size(); ++i) {
        const Item item = schedule[i];
        pieces.push_back({item, before[item.cell] + item.low});
    }
    return pieces;
}

} // namespace

struct Cohort::Living {
    Living(const Program& program_, CohortDefinition definition_)
        : program(program_), definition(std::move(definition_)), task(make_task()), group(task) {
        group.assign(pieces_of(definition.cells, definition.settings.batches));
    }

    Task make_task() {
        const RunSettings& settings = definition.settings;
        const std::vector<Cell>& cells = definition.cells;
        ledger_size(program, cells, settings); // refuses unusable settings
        const CouplingDefinition& coupling = program.definition().coupling;
        require(program.definition().coupled && coupling.community == 0 &&
                    definition.signals.size() == coupling.signals.size(),
                "program: allowed is a coupled one without communities and a name for each signal");
        for (const RecordDefinition& record : program.definition().records)
            require(record.kind != RecordKind::shared, "program: allowed are records of consumers");
        std::uint64_t count = 0;
        begin = end = 0;
        for (const Cell& cell : cells) {
            const bool empty = cell.low == cell.high;
            require(empty || begin == end || end == count + cell.low,
                    "lo, hi: allowed is one stretch of the society");
            if (!empty) {
                if (begin == end) begin = count + cell.low;
                end = count + cell.high;
            }
            count += cell.count;
        }
        network.degree = definition.degree;
        network.seed = definition.network_seed;
        network.nodes = coupling.signals.empty() ? 0 : count;
        if (!coupling.signals.empty()) {
            if (network.degree == 0) {
                require(!definition.starts.empty() &&
                            definition.starts.back() ==
                                static_cast<std::int64_t>(definition.targets.size()),
                        "network: allowed are starts (nodes + 1) and the targets they count");
                network.starts = definition.starts.data();
                network.targets = definition.targets.data();
                network.nodes = definition.starts.size() - 1;
            }
            check_network({count}, network);
        }
        const bool everybody = end - begin == count;
        const bool mutual = !coupling.signals.empty() && everybody && is_mutual(network);
        awaited = begin;
        forget_others();
        return {program,
                cells,
                network,
                nobody,
                definition.signals,
                settings,
                nullptr,
                1,
                workers,
                mutual,
                thread_count(settings.threads) == 1};
    }

    // One round of the group, by as many threads as have something to do.
    void work(const Watch& watch) {
        const auto useful = std::min<std::int64_t>(thread_count(definition.settings.threads),
                                                   static_cast<std::int64_t>(group.portions()));
        workers.supervise(useful, end - begin, watch, [this] {
            const FloatingPointMode mode;
            Arena arena(program, definition.settings.block, *definition.settings.kernels);
            std::vector<std::int64_t> local(static_cast<std::size_t>(program.width()));
            group.work(arena, local);
        });
    }

    // Of a new period nobody else has told anything.
    void forget_others() noexcept { heard = begin > 0 ? 0 : end; }
    // Whether all have been heard whom consumers here may listen to.
    bool told() const noexcept { return network.nodes == 0 || heard == network.nodes; }

    const Program& program;
    const CohortDefinition definition;
    Network network;
    const std::vector<std::string> nobody; // names environments here
    std::uint64_t begin = 0, end = 0;      // numbers of those who are lived here
    std::uint64_t awaited = 0;             // the next to be put back
    std::uint64_t heard = 0;               // the next of the others to be heard
    std::int64_t periods = 0;              // over, of those put back
    Workers workers;
    Task task;
    Group group;
    std::mutex mutex;    // of one call at a time
    bool broken = false; // in the middle of a period

    bool whole() const noexcept { return awaited == begin || awaited == end; }
};

Cohort::Cohort(const Program& program, CohortDefinition definition)
    : living_(new Living(program, std::move(definition))) {}

Cohort::~Cohort() = default;

std::int64_t Cohort::period() const noexcept {
    return living_->group.period() + 1;
}

std::int64_t Cohort::size() const noexcept {
    const RunSettings& settings = living_->definition.settings;
    return static_cast<std::int64_t>(living_->definition.cells.size()) * settings.batches * width();
}

std::int64_t Cohort::width() const noexcept {
    return living_->program.width();
}

void Cohort::live(const std::vector<float>& environments, const Watch& watch, std::int64_t* ledger,
                  std::int64_t* total) {
    const std::unique_lock<std::mutex> one(living_->mutex, std::try_to_lock);
    require(one.owns_lock(), "cohort: allowed is one call at a time");
    Living& self = *living_;
    require(!self.broken, "cohort: a period was broken off");
    require(self.whole(), "cohort: allowed is to live when all have been put back");
    require(period() < self.definition.settings.periods, "cohort: its last period is over");
    require(environments.size() == self.program.definition().coupling.inputs.size(),
            "environments: allowed is one number each");
    require(period() == 0 || self.told(), "cohort: allowed is to live when all others were heard");
    self.broken = true;
    std::fill_n(ledger, size(), 0);
    self.task.ledger = ledger;
    if (self.group.begin_exchange()) self.work(watch);
    {
        const FloatingPointMode mode;
        self.group.begin_period(environments.data());
    }
    self.work(watch);
    std::copy(self.group.total().begin(), self.group.total().end(), total);
    self.forget_others();
    self.broken = false;
}

std::vector<std::uint32_t> Cohort::said() const {
    const std::unique_lock<std::mutex> one(living_->mutex, std::try_to_lock);
    require(one.owns_lock(), "cohort: allowed is one call at a time");
    const Living& self = *living_;
    require(!self.broken && period() > 0 && self.network.nodes > 0,
            "said: allowed is a network, after a period");
    return self.group.told(self.begin, self.end);
}

void Cohort::hear(std::uint64_t first, std::uint64_t last,
                  const std::vector<std::uint32_t>& words) {
    const std::unique_lock<std::mutex> one(living_->mutex, std::try_to_lock);
    require(one.owns_lock(), "cohort: allowed is one call at a time");
    Living& self = *living_;
    require(!self.broken && period() > 0 && self.network.nodes > 0,
            "hear: allowed is a network, after a period");
    const std::uint64_t most = first < self.begin ? self.begin : self.network.nodes;
    require(!self.told() && first == self.heard && first < last && last <= most,
            "hear: allowed is one stretch of the others after the other");
    require(self.group.learn(first, last, words),
            "hear: allowed is what said() gave for these consumers");
    self.heard = last == self.begin ? self.end : last;
}

std::vector<std::uint32_t> Cohort::state(std::uint64_t first, std::uint64_t last) const {
    const std::unique_lock<std::mutex> one(living_->mutex, std::try_to_lock);
    require(one.owns_lock(), "cohort: allowed is one call at a time");
    const Living& self = *living_;
    require(!self.broken, "cohort: a period was broken off");
    require(period() > 0, "cohort: allowed is to keep what has been lived");
    require(self.begin <= first && first <= last && last <= self.end && last - first < LOW_WORD,
            "state: allowed are fewer than 2^32 consumers of the cohort");
    return self.group.state(first, last);
}

void Cohort::restore(std::int64_t periods, std::uint64_t first, std::uint64_t last,
                     const std::vector<std::uint32_t>& words) {
    const std::unique_lock<std::mutex> one(living_->mutex, std::try_to_lock);
    require(one.owns_lock(), "cohort: allowed is one call at a time");
    Living& self = *living_;
    require(!self.broken && period() == 0 && periods > 0 &&
                periods <= self.definition.settings.periods,
            "restore: allowed is a new cohort and at least one period");
    require(first == self.awaited && first < last && last <= self.end && last - first < LOW_WORD &&
                (first == self.begin || periods == self.periods),
            "restore: allowed is one stretch of the cohort after the other");
    self.broken = true;
    require(self.group.restore(first, last, words.data(), words.size()),
            "restore: allowed is what state() gave for these consumers");
    self.broken = false;
    self.awaited = last;
    self.periods = periods;
    if (last == self.end) self.group.resume(periods - 1);
}

} // namespace pycore
