// What one thread needs to run blocks: arithmetic mode, memory, scalar files.
#pragma once

#include "pycore/run.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#ifdef PYCORE_X86
#include <xmmintrin.h>
#endif

namespace pycore {

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
        stride_ = stride(block);
        registers_.resize(lines(std::max(program.n_registers(), 1)));
        words_.resize(lines(std::max(program.max_streams(), 1) * std::int64_t{4}));
        lanes_.resize(lines(3));
        const ProgramView view = program.view();
        start_.resize(static_cast<std::size_t>(view.start_code.count));
        step_.resize(static_cast<std::size_t>(view.step_code.count));
        kernels.prepare(view, memory());
    }

    // One line more than the block keeps registers from falling onto the same cache sets.
    static constexpr std::int64_t stride(std::int64_t block) noexcept { return block + LINE; }

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

} // namespace pycore
