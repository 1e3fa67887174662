// What one thread needs to run blocks: arithmetic mode, memory, scalar files.
#pragma once

#include "pycore/buffer.hpp"
#include "pycore/program.hpp"

#include <cstdint>

#ifdef PYCORE_X86
#include <xmmintrin.h>
#endif

namespace pycore {

// Round to nearest, denormals kept: the arithmetic of the contract, whatever the caller had set.
class FloatingPointMode {
  public:
    FloatingPointMode() noexcept : saved_(get()) { set(CONTRACT); }
    ~FloatingPointMode() { set(saved_); }
    FloatingPointMode(const FloatingPointMode&) = delete;
    FloatingPointMode& operator=(const FloatingPointMode&) = delete;

  private:
#if defined(PYCORE_X86)
    using Register = unsigned int;
    static constexpr Register CONTRACT = 0x1F80U;
    static Register get() noexcept { return _mm_getcsr(); }
    static void set(Register mode) noexcept { _mm_setcsr(mode); }
#elif defined(__aarch64__)
    using Register = std::uint64_t;
    static constexpr Register CONTRACT = 0;
    static Register get() noexcept {
        Register mode = 0;
        __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
        return mode;
    }
    static void set(Register mode) noexcept { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else // WebAssembly knows no other mode
    using Register = int;
    static constexpr Register CONTRACT = 0;
    static Register get() noexcept { return CONTRACT; }
    static void set(Register) noexcept {}
#endif
    Register saved_;
};

// One thread's registers, words and ids, in lines of the cache.
class Arena {
  public:
    Arena(const Program& program, std::int64_t block, const Kernels& kernels) {
        stride_ = stride(block);
        registers_ = lines(at_least_one(program.n_registers()));
        words_ = lines(at_least_one(program.max_streams()) * 4);
        lanes_ = lines(3);
        const ProgramView view = program.view();
        start_ = Buffer<Step>(static_cast<std::size_t>(view.start_code.count));
        step_ = Buffer<Step>(static_cast<std::size_t>(view.step_code.count));
        large_ = Buffer<bool>(static_cast<std::size_t>(view.n_records));
        happened_ = Buffer<std::int32_t>(static_cast<std::size_t>(program.n_registers()));
        kernels.prepare(view, memory());
    }

    // One line more than the block keeps registers from falling onto the same cache sets.
    static constexpr std::int64_t stride(std::int64_t block) noexcept { return block + LINE; }

    BlockMemory memory() noexcept {
        BlockMemory memory{};
        memory.registers = registers_[0].floats;
        memory.words = words_[0].words;
        memory.id_low = lanes_[0].words;
        memory.row = memory.id_low + stride_;
        memory.scratch = memory.row + stride_;
        memory.large = large_.data();
        memory.happened = happened_.data();
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

    Buffer<Line> lines(std::int64_t rows) const {
        return Buffer<Line>(static_cast<std::size_t>(rows * stride_ / LINE));
    }
    static std::int64_t at_least_one(std::int32_t rows) noexcept { return rows > 0 ? rows : 1; }

    std::int64_t stride_ = 0;
    Buffer<Line> registers_;
    Buffer<Line> words_;
    Buffer<Line> lanes_;
    Buffer<Step> start_;
    Buffer<Step> step_;
    Buffer<bool> large_;
    Buffer<std::int32_t> happened_;
};

// Lanes of a block share the high word of their ids.
inline constexpr std::uint64_t LOW_WORD = std::uint64_t{1} << 32;

// The lives from number `low` of a segment, as many as fit into a block and share the high word of
// their ids; the caller adds periods, key, scalars and what is wanted of them.
inline Lives next_block(std::uint32_t segment, std::uint64_t low, std::uint64_t high,
                        std::int64_t block, const BlockMemory& memory) noexcept {
    const std::uint64_t id = static_cast<std::uint64_t>(segment) << 40 | low;
    std::uint64_t lanes = LOW_WORD - id % LOW_WORD;
    if (lanes > high - low) lanes = high - low;
    if (lanes > static_cast<std::uint64_t>(block)) lanes = static_cast<std::uint64_t>(block);
    for (std::int64_t i = 0; i < block; ++i)
        memory.id_low[i] = static_cast<std::uint32_t>(id + static_cast<std::uint64_t>(i));
    Lives lives{};
    lives.lanes = static_cast<std::int32_t>(lanes);
    lives.id_high = static_cast<std::uint32_t>(id >> 32);
    return lives;
}

// Scalar files of a cell: one, or one for each period.
class ScalarFiles {
  public:
    // `inputs` holds `rows` rows of the program's inputs.
    void fill(const Program& program, const float* inputs, std::int64_t rows) {
        const auto size =
            static_cast<std::size_t>(program.n_scalars() > 0 ? program.n_scalars() : 1);
        values_ = Buffer<float>(size * static_cast<std::size_t>(rows));
        for (std::int64_t row = 0; row < rows; ++row) {
            program.fill_scalars(inputs + row * program.inputs(),
                                 values_.data() + static_cast<std::size_t>(row) * size);
        }
        step_ = rows > 1 ? static_cast<std::int64_t>(size) : 0;
    }
    const float* data() const noexcept { return values_.data(); }
    std::int64_t step() const noexcept { return step_; }

  private:
    Buffer<float> values_;
    std::int64_t step_ = 0;
};

} // namespace pycore
