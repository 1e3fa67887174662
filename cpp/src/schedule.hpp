// The work of a run, cut into items.
#pragma once

#include "pycore/run.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace pycore {

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
    // Batches hold whole communities of `community` consumers.
    Schedule(const std::vector<Cell>& cells, std::int64_t batches, std::int64_t item_size,
             std::uint64_t community = 1)
        : item_size_(static_cast<std::uint64_t>(item_size)) {
        for (std::size_t c = 0; c < cells.size(); ++c) {
            for (std::int64_t b = 0; b < batches; ++b) {
                const std::uint64_t n = cells[c].count;
                const auto all = static_cast<std::uint64_t>(batches);
                const auto batch = static_cast<std::uint64_t>(b);
                const std::uint64_t whole = (n + community - 1) / community;
                const std::uint64_t low = std::max(whole * batch / all * community, cells[c].low);
                const std::uint64_t high =
                    std::min(whole * (batch + 1) / all * community, cells[c].high);
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

} // namespace pycore
