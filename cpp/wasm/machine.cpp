// The machine as a WebAssembly module, for machine.mjs beside it.
//
// An instance serves one program.  What it allocates stays until the run after the next `rewind`,
// and the program until the instance goes.  What is wrong becomes an error of JavaScript, which the
// host throws through the frames of this code; an instance that refused is not used again.
#include "../src/arena.hpp"
#include "pycore/limits.hpp"
#include "pycore/words.hpp"

#define PYCORE_EXPORT(NAME) extern "C" __attribute__((export_name(#NAME)))
#define PYCORE_IMPORT(NAME)                                                                        \
    extern "C" __attribute__((import_module("host"), import_name(#NAME), noreturn))

PYCORE_IMPORT(refuse) void host_refuse(const char* text, std::int32_t bytes);
PYCORE_IMPORT(out_of_range)
void host_out_of_range(const char* record, std::int32_t bytes, std::int32_t period, float value);

extern "C" char __heap_base; // NOLINT: the linker's name for the end of static memory

namespace {

constexpr std::size_t PAGE = 65536;
constexpr std::int64_t BLOCK = 256;

// Memory is only ever taken from the front.
struct Heap {
    std::size_t top = reinterpret_cast<std::size_t>(&__heap_base);

    void* take(std::size_t bytes) {
        const std::size_t begin = (top + 63) & ~std::size_t{63};
        const std::size_t have = __builtin_wasm_memory_size(0) * PAGE;
        if (bytes > SIZE_MAX - begin) refuse(bytes);
        const std::size_t end = begin + bytes;
        if (end > have && __builtin_wasm_memory_grow(0, (end - have + PAGE - 1) / PAGE) ==
                              static_cast<std::size_t>(-1)) {
            refuse(bytes);
        }
        top = end;
        return reinterpret_cast<void*>(begin);
    }
    [[noreturn]] static void refuse(std::size_t bytes) {
        pycore::refuse(pycore::Text("memory: no room for ") + pycore::Text::of(bytes) + " bytes");
    }
};

Heap heap;

} // namespace

void* operator new(std::size_t bytes) {
    return heap.take(bytes);
}
void* operator new[](std::size_t bytes) {
    return heap.take(bytes);
}
namespace std {
enum class align_val_t : size_t {};
} // namespace std
void* operator new[](std::size_t bytes, std::align_val_t) {
    return heap.take(bytes); // every piece begins on a line of the cache
}
void operator delete(void*) noexcept {}
void operator delete[](void*) noexcept {}
void operator delete(void*, std::size_t) noexcept {}
void operator delete[](void*, std::size_t) noexcept {}
void operator delete[](void*, std::align_val_t) noexcept {}
void operator delete[](void*, std::size_t, std::align_val_t) noexcept {}

namespace pycore {

void refuse(const Text& reason) {
    host_refuse(reason.characters(), reason.size());
}

namespace {

struct Loaded {
    Program program;
    Arena arena;

    Loaded(const std::uint32_t* words, std::size_t size)
        : program(read_words(words, size)), arena(program, BLOCK, v128_kernels()) {}
};

Loaded* loaded = nullptr;
std::size_t after_loading = 0;

} // namespace

PYCORE_EXPORT(allocate) void* allocate(std::size_t bytes) {
    return heap.take(bytes);
}

// Give back what was allocated since `load`, with zeros in it for the next who takes it.
PYCORE_EXPORT(rewind) void rewind() {
    __builtin_memset(reinterpret_cast<void*>(after_loading), 0, heap.top - after_loading);
    heap.top = after_loading;
}

PYCORE_EXPORT(load) void load(const std::uint32_t* words, std::size_t size) {
    if (loaded != nullptr) refuse("load: an instance serves one program");
    loaded = new Loaded(words, size);
    if (loaded->program.definition().coupled) {
        refuse("load: consumers influence each other, allowed are those who do not meet");
    }
    after_loading = heap.top;
}

PYCORE_EXPORT(inputs) std::int32_t inputs() {
    return loaded->program.inputs();
}

PYCORE_EXPORT(width) std::int32_t width() {
    return loaded->program.width();
}

// Add the lives numbered [low, high) of a cell to a ledger [period][width].
PYCORE_EXPORT(run)
void run(std::int32_t cell, const float* values, std::int64_t size, std::int64_t rows,
         std::uint32_t segment, std::uint64_t count, std::uint64_t low, std::uint64_t high,
         std::int64_t periods, std::uint64_t seed, std::int64_t* ledger) {
    const Program& program = loaded->program;
    check_periods(periods);
    check_cell(program, periods, cell, {rows, size, segment, count, low, high});
    ScalarFiles scalars;
    scalars.fill(program, values, rows);
    const BlockMemory memory = loaded->arena.memory();
    const ProgramView view = program.view();
    const StopFlag stop;
    while (low < high) {
        Lives lives = next_block(segment, low, high, BLOCK, memory);
        lives.periods = static_cast<std::int32_t>(periods);
        lives.key_0 = static_cast<std::uint32_t>(seed);
        lives.key_1 = static_cast<std::uint32_t>(seed >> 32);
        lives.scalars = scalars.data();
        lives.scalar_step = scalars.step();
        lives.ledger = ledger;
        lives.stop = &stop;
        Fault fault{};
        if (v128_kernels().live(view, lives, memory, fault) == Outcome::out_of_range) {
            const Text& name =
                program.definition().records[static_cast<std::size_t>(fault.record)].name;
            host_out_of_range(name.characters(), name.size(), fault.period, fault.value);
        }
        low += static_cast<std::uint64_t>(lives.lanes);
    }
}

} // namespace pycore
