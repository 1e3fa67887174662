// Words that nobody has checked → reader → program → run, under sanitizers (PYCORE_FUZZ,
// libFuzzer).
//
// An input is one word that chooses the population, then the flat form of a program.  The mutator
// knows no more of the form than that lengths precede sections, so a new section changes nothing
// here.  What is refused with a reason is well; what runs must give the same bits on two
// instruction sets and take less than a second of the processor.
#include "fuzz_form.hpp"
#include "fuzz_people.hpp"
#include "pycore/cohort.hpp"
#include "pycore/run.hpp"
#include "pycore/words.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using namespace fuzz;

constexpr std::int64_t MOST_CELLS = 1 << 14; // of a ledger: what runs here is small

Words to_words(const std::uint8_t* data, std::size_t size) {
    Words words(size / sizeof(std::uint32_t));
    if (!words.empty()) std::memcpy(words.data(), data, words.size() * sizeof words[0]);
    return words;
}

struct Tally {
    std::uint64_t executions = 0;
    std::uint64_t accepted = 0;
    std::uint64_t finished = 0;
    Tally() = default;
    Tally(const Tally&) = delete;
    Tally& operator=(const Tally&) = delete;
    ~Tally() {
        std::fprintf(stderr, "fuzz_words: %llu executions, %llu programs accepted, %llu run\n",
                     static_cast<unsigned long long>(executions),
                     static_cast<unsigned long long>(accepted),
                     static_cast<unsigned long long>(finished));
    }
};

Tally tally;

[[noreturn]] void found(const char* what) {
    std::fprintf(stderr, "fuzz_words: %s\n", what);
    std::abort();
}

// What came of a run: its ledger and, if it was refused, the reason.
struct Result {
    std::vector<std::int64_t> ledger;
    std::string refusal;
};

Result run_on(const pycore::Kernels& kernels, const pycore::Program& program, Population& people,
              std::uint32_t choice) {
    people.settings.kernels = &kernels;
    Result result;
    result.ledger.resize(
        static_cast<std::size_t>(pycore::ledger_size(program, people.cells, people.settings)));
    try {
        if (program.definition().coupled) {
            const Society society(program, choice, people);
            pycore::run_coupled(program, people.cells, society.groups, society.network,
                                society.environments, society.signals, people.settings, {},
                                result.ledger.data());
        } else {
            pycore::run(program, people.cells, people.settings, {}, result.ledger.data());
        }
    } catch (const std::invalid_argument& error) {
        result.ledger.clear();
        result.refusal = error.what();
    }
    return result;
}

Result live_period(pycore::Cohort& cohort, const std::vector<float>& environments) {
    Result result;
    result.ledger.resize(static_cast<std::size_t>(cohort.size() + cohort.width()));
    try {
        cohort.live(environments, {}, result.ledger.data(), result.ledger.data() + cohort.size());
    } catch (const std::invalid_argument& error) {
        result.ledger.clear();
        result.refusal = error.what();
    }
    return result;
}

// Some consumers of a society, as another cohort kept them after its first period.
struct Part {
    std::uint64_t low, high;
    pycore::Cohort cohort;

    Part(const pycore::Program& program, pycore::CohortDefinition definition,
         const pycore::Cohort& whole, std::uint64_t low_, std::uint64_t high_)
        : low(low_), high(high_), cohort(program, some(definition, low_, high_)) {
        cohort.restore(1, low, high, whole.state(low, high));
    }
    static pycore::CohortDefinition& some(pycore::CohortDefinition& definition, std::uint64_t low,
                                          std::uint64_t high) {
        std::uint64_t before = 0;
        for (pycore::Cell& cell : definition.cells) {
            const std::uint64_t end = before + cell.count;
            cell.low = std::clamp(low, before, end) - before;
            cell.high = std::clamp(high, before, end) - before;
            before = end;
        }
        return definition;
    }
};

// A period of a society in two cohorts, which tell each other what was said.
Result live_divided(Part& one, Part& other, bool talks, const std::vector<float>& environments) {
    if (talks) {
        one.cohort.hear(other.low, other.high, other.cohort.said());
        other.cohort.hear(one.low, one.high, one.cohort.said());
    }
    Result sum = live_period(one.cohort, environments);
    Result theirs = live_period(other.cohort, environments);
    if (!sum.refusal.empty() || !theirs.refusal.empty()) return sum.refusal.empty() ? theirs : sum;
    for (std::size_t k = 0; k < sum.ledger.size(); ++k)
        sum.ledger[k] += theirs.ledger[k];
    return sum;
}

// What a society carries from one period into the next is put back on another instruction set, and
// in two parts; then with some words changed, as by a disk: refused or lived.
void keep(const pycore::Kernels& one, const pycore::Kernels& other, const pycore::Program& program,
          Population& people, std::uint32_t choice) {
    Random random(choice + 2);
    const Society society(program, choice, people);
    pycore::CohortDefinition definition{
        people.cells,           society.signals,      society.starts, society.targets,
        society.network.degree, society.network.seed, people.settings};
    const std::vector<float> environments(society.environments.size(), 0.5F);
    std::uint64_t everybody = 0;
    for (pycore::Cell& cell : definition.cells) {
        cell.low = 0;
        everybody += cell.count;
    }
    definition.settings.kernels = &one;
    pycore::Cohort cohort(program, definition);
    if (!live_period(cohort, environments).refusal.empty()) return;
    Words words = cohort.state(0, everybody);
    definition.settings.kernels = &other;
    {
        pycore::Cohort again(program, definition);
        again.restore(1, 0, everybody, words);
        std::vector<std::unique_ptr<Part>> parts;
        if (everybody > 1) {
            const std::uint64_t place = 1 + pick(random, everybody - 1);
            parts.push_back(std::make_unique<Part>(program, definition, cohort, 0, place));
            parts.push_back(std::make_unique<Part>(program, definition, cohort, place, everybody));
        }
        const Result first = live_period(cohort, environments);
        const Result second = live_period(again, environments);
        // Consumers stand in another order than before: of several values that do not fit, another
        // may be met first.
        const auto where = [](const Result& result) {
            return result.refusal.substr(0, result.refusal.find(": value"));
        };
        if (first.ledger != second.ledger || where(first) != where(second))
            found("what was put back lives another life");
        const bool talks = !society.signals.empty();
        if (!parts.empty() && first.refusal.empty() &&
            live_divided(*parts[0], *parts[1], talks, environments).ledger != first.ledger)
            found("a society in two parts lives another life");
    }
    for (std::size_t left = 1 + pick(random, 3); left > 0; --left) {
        const std::size_t place = pick(random, words.size());
        constexpr std::uint32_t VALUES[] = {0, 1, 129, 1U << 31, UINT32_MAX, 0x7FC00000U};
        if (pick(random, 4) == 0) {
            words.resize(pick(random, words.size()) + pick(random, 3));
        } else {
            words[pick(random, 3) == 0 ? 0 : place] = VALUES[pick(random, std::size(VALUES))];
        }
        if (words.empty()) words.push_back(0);
    }
    pycore::Cohort hostile(program, definition);
    hostile.restore(1, 0, everybody, words);
    live_period(hostile, environments);
    live_period(hostile, environments);
}

std::vector<float> trace_on(const pycore::Kernels& kernels, const pycore::Program& program,
                            Population& people, std::int32_t index, bool coupled) {
    people.settings.kernels = &kernels;
    const std::vector<std::uint64_t> ids = {0, 1, 5, 1, (std::uint64_t{1} << 33) + 2, 77};
    std::vector<float> out(ids.size() * static_cast<std::size_t>(people.settings.periods));
    try {
        pycore::trace(program, people.cells, ids, {index}, coupled, people.settings, out.data());
    } catch (const std::invalid_argument&) {
        out.clear(); // a register that holds nothing after a step
    }
    return out;
}

bool same_numbers(const std::vector<float>& a, const std::vector<float>& b) {
    // Which of several NaN comes out is the processor's business.
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
        return std::memcmp(&x, &y, sizeof x) == 0 || (x != x && y != y);
    });
}

void live(const pycore::Program& program, std::uint32_t choice) {
    Population people(program, choice);
    const auto kernels = pycore::available_kernels();
    people.settings.kernels = kernels.back();
    if (pycore::ledger_size(program, people.cells, people.settings) > MOST_CELLS) return;
    const pycore::Kernels& one = *kernels[choice % kernels.size()];
    const pycore::Kernels& other = *kernels.back();
    switch (choice / 16 % 8) {
    case 0:
    case 1: {
        const auto index = static_cast<std::int32_t>(choice / 128 % 64);
        const bool coupled = choice / 16 % 8 == 1;
        if (!same_numbers(trace_on(one, program, people, index, coupled),
                          trace_on(other, program, people, index, coupled))) {
            found("two instruction sets disagree about a life");
        }
        break;
    }
    case 2: {
        const Result first = run_on(one, program, people, choice);
        const Result second = run_on(other, program, people, choice);
        if (first.ledger != second.ledger || first.refusal != second.refusal) {
            found("two instruction sets disagree about a ledger");
        }
        break;
    }
    case 3:
        if (program.definition().coupled) keep(one, other, program, people, choice);
        break;
    default: // most inputs run once: there is time for more of them
        run_on(one, program, people, choice);
    }
    ++tally.finished;
}

void try_words(const Words& input) {
    if (input.empty()) return;
    const Words form(input.begin() + 1, input.end());
    try {
        const pycore::Program program(pycore::read_words(form.data(), form.size()));
        ++tally.accepted;
        live(program, input[0]);
    } catch (const std::invalid_argument& error) {
        if (std::strlen(error.what()) < 10) found("a refusal without a reason");
    }
}

// --- an input, and another one made from it ---

std::size_t put(const Words& words, std::uint8_t* data, std::size_t max_size) {
    const std::size_t size = words.size() * sizeof words[0];
    if (size > max_size) return 0;
    std::memcpy(data, words.data(), size);
    return size;
}

} // namespace

// Little quarantine and short stacks: these programs are small and many.
extern "C" const char* __asan_default_options() {
    return "quarantine_size_mb=4:thread_local_quarantine_size_kb=64:malloc_context_size=4";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ++tally.executions;
    const std::clock_t start = std::clock();
    try_words(to_words(data, size));
    if (std::clock() - start > CLOCKS_PER_SEC) found("an input takes more than a second");
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
    Random random(seed);
    Form form;
    if (pick(random, 32) == 0 || !form.read(to_words(data, size)) || form.sections.empty()) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    const std::size_t changes = 1 + pick(random, 2);
    for (std::size_t i = 0; i < changes; ++i) {
        if (pick(random, 8) == 0) {
            form.choice = static_cast<std::uint32_t>(random());
        } else {
            change(form.sections[pick(random, form.sections.size())], random);
        }
    }
    const std::size_t written = put(form.write(), data, max_size);
    return written > 0 ? written : LLVMFuzzerMutate(data, size, max_size);
}
