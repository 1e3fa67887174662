// What blocks keep between periods: ids once somebody has left, and the states that the next period
// reads.
#pragma once

#include "kept.hpp"
#include "large_pages.hpp"
#include "pycore/machine.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace pycore {

struct Block {
    std::size_t piece;
    std::uint64_t low; // number of the first consumer in her cell
    std::uint32_t size;
    std::int32_t lanes; // still active
    float stage = 0.0F; // of all of them, if
    bool alike = false; // it is the same; the row of stages is then not written
};

class Store {
  public:
    Store(const Program& program, std::int64_t block)
        : kept_(program), size_(static_cast<std::size_t>(block)),
          lines_(kept_.rows() * size_ / Line::SIZE) {}

    // Make room for so many blocks; what was there is lost.
    void reserve(std::size_t blocks) {
        if (lines_ * blocks <= room_) return;
        room_ = lines_ * blocks;
        memory_.reset(); // before the larger one is asked for
        memory_.reset(new Line[room_]);
        use_large_pages(memory_.get(), room_ * sizeof(Line));
    }

    std::size_t states() const noexcept { return kept_.states(); }
    std::uint32_t* ids(std::size_t block) noexcept { return memory_[block * lines_].words; }
    const std::uint32_t* ids(std::size_t block) const noexcept {
        return memory_[block * lines_].words;
    }
    float* row(std::size_t block, std::size_t state) noexcept {
        return reinterpret_cast<float*>(ids(block) + (1 + state) * size_);
    }
    float value(std::size_t index, const Block& block, std::size_t state,
                std::int32_t lane) const noexcept {
        const bool stage = kept_.stage >= 0 && state + 1 == states();
        if (stage && block.alike) return block.stage;
        return reinterpret_cast<const float*>(ids(index) + (1 + state) * size_)[lane];
    }

    // It is on its way from memory while a block before it lives; without ids and stages, which are
    // seldom read.
    void fetch(std::size_t block, Lives& lives) const noexcept {
        const std::size_t row = size_ / Line::SIZE;
        const std::size_t lines = lines_ - row - (kept_.stage >= 0 ? row : 0);
        lives.ahead = reinterpret_cast<const char*>(&memory_[block * lines_ + row]);
        lives.ahead_bytes = static_cast<std::int64_t>(lines * sizeof(Line));
    }

    void load(std::size_t index, const Block& block, const BlockMemory& memory) noexcept {
        const float* states = row(index, 0);
        for (const auto* rows : {&kept_.changing, &kept_.constant}) {
            for (const std::int32_t r : *rows) {
                std::copy_n(states, block.lanes, memory.registers + r * memory.stride);
                states += size_;
            }
        }
        if (kept_.stage < 0) return;
        float* const stage = memory.registers + kept_.stage * memory.stride;
        if (block.alike) {
            std::fill_n(stage, block.lanes, block.stage);
        } else {
            std::copy_n(states, block.lanes, stage);
        }
    }

    // What never changes only moves, when somebody leaves.
    void save(std::size_t index, Block& block, const BlockMemory& memory, bool moved) noexcept {
        float* states = row(index, 0);
        for (const auto* rows : {&kept_.changing, &kept_.constant}) {
            for (const std::int32_t r : *rows) {
                if (rows == &kept_.changing || moved)
                    std::copy_n(memory.registers + r * memory.stride, block.lanes, states);
                states += size_;
            }
        }
        if (kept_.stage < 0 || block.lanes == 0) return;
        const float* const stage = memory.registers + kept_.stage * memory.stride;
        const auto others = static_cast<std::size_t>(block.lanes - 1) * sizeof(float);
        block.alike = std::memcmp(stage, stage + 1, others) == 0;
        block.stage = *stage;
        if (!block.alike) std::copy_n(stage, block.lanes, states);
    }

  private:
    struct alignas(64) Line {
        static constexpr std::size_t SIZE = 16;
        std::uint32_t words[SIZE];
    };

    const Kept kept_;
    const std::size_t size_;  // of a block
    const std::size_t lines_; // of a block
    std::unique_ptr<Line[]> memory_;
    std::size_t room_ = 0;
};

} // namespace pycore
