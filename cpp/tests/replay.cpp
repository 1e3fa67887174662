// Runs a program in its flat form over a population and writes the ledger, without Python: what
// tests/portable builds with other compilers, for other processors, and tests/hostile with
// sanitizers.
//
//     replay PROGRAM POPULATION ISA [THREADS] > LEDGER
//
// POPULATION is words too: batches, periods, seed (low, high), cells; then for each cell segment,
// count (low, high), rows of inputs, and rows x inputs float32.  LEDGER is int64, native order.
#include "pycore/run.hpp"
#include "pycore/words.hpp"

#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using Words = std::vector<std::uint32_t>;

Words read_file(const char* path) {
    std::FILE* const file = std::fopen(path, "rb");
    if (file == nullptr) throw std::runtime_error(std::string("cannot open ") + path);
    Words words;
    std::uint32_t word = 0;
    while (std::fread(&word, sizeof word, 1, file) == 1)
        words.push_back(word);
    std::fclose(file);
    return words;
}

class Population {
  public:
    Population(const Words& words, std::int32_t inputs) : words_(words) {
        settings.batches = next();
        settings.periods = next();
        settings.seed = next_wide();
        cells.resize(next());
        for (pycore::Cell& cell : cells) {
            cell.segment = next();
            cell.count = next_wide();
            cell.high = cell.count;
            cell.inputs.rows = next();
            cell.inputs.values.resize(static_cast<std::size_t>(cell.inputs.rows * inputs));
            for (float& value : cell.inputs.values) {
                const std::uint32_t word = next();
                std::memcpy(&value, &word, sizeof value);
            }
        }
    }

    pycore::RunSettings settings;
    std::vector<pycore::Cell> cells;

  private:
    std::uint32_t next() { return words_.at(place_++); }
    std::uint64_t next_wide() {
        const std::uint64_t low = next();
        return low | static_cast<std::uint64_t>(next()) << 32;
    }

    const Words& words_;
    std::size_t place_ = 0;
};

} // namespace

int main(int count, char** arguments) {
    try {
        if (count != 4 && count != 5) {
            throw std::invalid_argument("usage: replay PROGRAM POPULATION ISA [THREADS]");
        }
        const Words words = read_file(arguments[1]);
        const pycore::Program program(pycore::read_words(words.data(), words.size()));
        const Words given = read_file(arguments[2]);
        Population population(given, program.inputs());
        population.settings.kernels = &pycore::choose_kernels(arguments[3]);
        if (count == 5) population.settings.threads = std::stoll(arguments[4]);
        std::vector<std::int64_t> ledger(static_cast<std::size_t>(
            pycore::ledger_size(program, population.cells, population.settings)));
        pycore::run(program, population.cells, population.settings, {}, ledger.data());
        std::fwrite(ledger.data(), sizeof(std::int64_t), ledger.size(), stdout);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
