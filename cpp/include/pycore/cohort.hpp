// Consumers of one society, or some of them, lived one period at a time: between two periods sums
// may be added to those of others, elsewhere, and what consumers carry may be kept.
#pragma once

#include "pycore/run.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pycore {

struct CohortDefinition {
    std::vector<Cell> cells; // of the society; the numbers [low, high) of each are lived here
    std::vector<std::string> signals;
    std::vector<std::int64_t> starts; // of the network, see Network
    std::vector<std::uint32_t> targets;
    std::uint32_t degree = 0;
    std::uint64_t network_seed = 0;
    RunSettings settings;
};

// The consumers of a society are numbered cell by cell.
class Cohort {
  public:
    // The program must outlive the cohort.
    Cohort(const Program& program, CohortDefinition definition);
    ~Cohort();
    Cohort(const Cohort&) = delete;
    Cohort& operator=(const Cohort&) = delete;

    // Periods that are over.
    std::int64_t period() const noexcept;
    // Cells of a period's ledger [cell][batch][width].
    std::int64_t size() const noexcept;
    std::int64_t width() const noexcept;

    // Live the next period with these environments (after the first one) and fill its ledger and
    // the sums of its rows.  After an error no more can be lived.
    void live(const std::vector<float>& environments, const Watch& watch, std::int64_t* ledger,
              std::int64_t* total);

    // What the consumers of the cohort said to those who listen to them in the period that is over,
    // and the same of others, who live elsewhere: all of them, stretch after stretch, before the
    // next period.
    std::vector<std::uint32_t> said() const;
    void hear(std::uint64_t first, std::uint64_t last, const std::vector<std::uint32_t>& words);

    // What the consumers numbered `first` to `last` (excluded) carry into the next period, in a
    // form that depends on neither blocks nor threads nor who else is in the cohort.
    std::vector<std::uint32_t> state(std::uint64_t first, std::uint64_t last) const;
    // Put it back into a new cohort, stretch after stretch of all its consumers; `periods` are
    // over.  What state() cannot have given is refused.
    void restore(std::int64_t periods, std::uint64_t first, std::uint64_t last,
                 const std::vector<std::uint32_t>& words);

  private:
    struct Living;
    std::unique_ptr<Living> living_;
};

} // namespace pycore
