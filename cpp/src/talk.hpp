// How what is said on a network is handed on to those who hear it.
#pragma once

#include "arena.hpp"
#include "pycore/run.hpp"
#include "said.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

namespace pycore {

// One number that a consumer says has changed, or one fewer speaks.
struct Change {
    static constexpr std::int32_t LEFT = -1;
    std::uint32_t node;
    std::int32_t signal;
    std::int64_t by;
};

// Consumers whom one thread at a time lives: what changed in this period, who left at its end.
struct Portion {
    std::vector<Change> changes;
    std::vector<std::uint32_t> gone;
    std::vector<Change> found; // in one block
};

// Sums of whole numbers do not depend on their order, so they are made in the way that is cheaper:
// anew from what everybody says (pull), or by handing on what has changed (push), when few begin to
// speak, end, or leave.  Pushing must know who hears a consumer: whom she hears, if all listening
// is mutual.  Where only some of a society live here, what the others said is learned and it is
// pulled.
class Talk {
  public:
    Talk(const Program& program, const Network& network, const RunSettings& settings, bool mutual)
        : signals_(program.definition().coupling.signals), network_(network), settings_(settings),
          mutual_(mutual), said_(signals_) {}

    bool any() const noexcept { return !signals_.empty(); }
    Said& said() noexcept { return said_; }
    const Said& said() const noexcept { return said_; }

    // Bytes for so many consumers.
    static std::uint64_t bytes(std::uint64_t signals, std::uint64_t nodes) noexcept {
        if (signals == 0) return 0;
        return Said::bytes(signals, nodes) +
               nodes * (signals * sizeof(std::int64_t) + sizeof(std::int32_t)) +
               2 * limit(signals, nodes) * sizeof(Change);
    }

    // Everybody speaks and says 0; `first` to `last` (excluded) live here and hear.
    void assign(std::uint64_t nodes, std::uint64_t first, std::uint64_t last,
                std::size_t portions) {
        if (!any()) return;
        first_ = first;
        last_ = last;
        said_.assign(nodes);
        sums_.assign(signals_.size() * listeners(), 0);
        speakers_.assign(listeners(), static_cast<std::int32_t>(network_.degree));
        if (network_.degree == 0) {
            for (std::uint64_t k = first; k < last; ++k)
                speakers_[k - first] =
                    static_cast<std::int32_t>(network_.starts[k + 1] - network_.starts[k]);
        }
        portions_.assign(portions, {});
        changed_ = 0;
    }

    // The words of `first` to `last`, of whom one is put back; who has left and is not silent yet
    // left in this period.
    void restore(Portion& portion, std::uint64_t node, bool active, const std::uint32_t* words,
                 std::uint64_t first, std::uint64_t last) {
        bool silent = true;
        for (std::size_t k = 0; k < signals_.size(); ++k) {
            const auto number =
                static_cast<std::int32_t>(words[k * (last - first) + (node - first)]);
            said_.put(k, node, number);
            silent = silent && number == Said::SILENT;
        }
        if (!active && !silent) portion.gone.push_back(static_cast<std::uint32_t>(node));
    }

    // Nobody knows what has changed, so all is heard anew.
    void resume() noexcept { changed_ = UINT64_MAX; }

    Portion& portion(std::size_t index) noexcept { return portions_[index]; }

    // A thread begins a portion in a period: who has left falls silent.
    void begin(Portion& portion) {
        portion.changes.clear();
        for (const std::uint32_t node : portion.gone) {
            for (std::size_t s = 0; s < signals_.size(); ++s) {
                note(portion, node, static_cast<std::int32_t>(s),
                     -std::int64_t{said_.numbers(s)[node]});
                said_.fall_silent(s, node);
            }
            note(portion, node, Change::LEFT, -1);
        }
        portion.gone.clear();
    }
    void end(const Portion& portion) noexcept {
        changed_.fetch_add(portion.changes.size(), std::memory_order_relaxed);
    }

    // Whether changes are worth noting, as long as they are few.
    bool noting() const noexcept {
        return mutual_ &&
               changed_.load(std::memory_order_relaxed) <= limit(signals_.size(), said_.nodes());
    }
    // Whether a value has changed is a coin's toss, so no branch asks.
    void say(Portion& portion, std::size_t signal, const Speakers& speakers,
             const std::int32_t* values) {
        if (noting()) {
            const std::int32_t* const said = said_.numbers(signal);
            portion.found.resize(static_cast<std::size_t>(speakers.lanes));
            Change* const found = portion.found.data();
            std::size_t changed = 0;
            for (std::int32_t i = 0; i < speakers.lanes; ++i) {
                const std::uint64_t node = speakers.node(i);
                const std::int64_t by = std::int64_t{values[i]} - said[node];
                found[changed] = {static_cast<std::uint32_t>(node),
                                  static_cast<std::int32_t>(signal), by};
                changed += by != 0;
            }
            portion.changes.insert(portion.changes.end(), found, found + changed);
        }
        said_.say(signal, speakers, values);
    }

    void hear(std::size_t signal, const Speakers& listeners, float* out) const noexcept {
        const SignalDefinition& definition = signals_[signal];
        const std::int64_t* const sums = sums_.data() + signal * this->listeners();
        for (std::int32_t i = 0; i < listeners.lanes; ++i) {
            const std::uint64_t k = listeners.node(i) - first_;
            out[i] = aggregated(definition.kind, sums[k], definition.exponent, speakers_[k]);
        }
    }

    // By one thread, between a period and the next: how it is handed on.
    void begin_exchange() noexcept {
        push_ = mutual_ && changed_ <= limit(signals_.size(), said_.nodes());
        changed_ = 0;
        next_ = push_ ? 0 : first_;
        if (push_ || network_.degree > 0) return;
        for (std::size_t s = 0; s < signals_.size(); ++s)
            if (said_.only_units(s)) said_.pack(s);
    }

    // By any number of threads.
    void exchange(Arena& arena, bool alone, const StopFlag& stop) {
        if (push_) {
            while (!stop.raised()) {
                const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed);
                if (index >= portions_.size()) return;
                alone ? push<true>(portions_[index].changes)
                      : push<false>(portions_[index].changes);
            }
        }
        const auto size = static_cast<std::uint64_t>(settings_.block);
        std::vector<std::uint32_t> ones;
        std::vector<std::uint64_t> both;
        std::vector<Heard> values;
        while (!stop.raised()) {
            const std::uint64_t first = next_.fetch_add(size, std::memory_order_relaxed);
            if (first >= last_) return;
            const std::uint64_t last = std::min(first + size, last_);
            if (network_.degree > 0) {
                pull_hashed(first, last, arena);
                continue;
            }
            for (std::size_t s = 0; s < signals_.size(); ++s) {
                if (!said_.only_units(s)) {
                    pull_values(s, first, last, values);
                } else if (said_.somebody_left()) {
                    pull_units(s, first, last, both);
                } else {
                    pull_ones(s, first, last, ones);
                }
            }
        }
    }

  private:
    static constexpr std::size_t AHEAD = 4; // changes by which each step of a push is fetched early

    // Running totals along the edges of some consumers: what each hears is a difference, and the
    // loop knows no branch that depends on how many neighbours she has.
    struct Heard {
        std::int64_t sum;
        std::int64_t speakers;
        Heard operator-(const Heard& other) const noexcept {
            return {sum - other.sum, speakers - other.speakers};
        }
    };

    // Handing on as many changes costs as much as adding up anew.
    static std::uint64_t limit(std::uint64_t signals, std::uint64_t nodes) noexcept {
        return signals * nodes / 8;
    }

    std::uint64_t listeners() const noexcept { return last_ - first_; }

    void note(Portion& portion, std::uint64_t node, std::int32_t signal, std::int64_t by) {
        if (noting()) portion.changes.push_back({static_cast<std::uint32_t>(node), signal, by});
    }

    template <bool ALONE, class T>
    static void add(T& to, T by) noexcept {
        if (ALONE) {
            to += by;
        } else {
            __atomic_fetch_add(&to, by, __ATOMIC_RELAXED);
        }
    }

    // What a push will need: soon where a list begins, sooner the list, in a moment the sums on it.
    void fetch(const std::vector<Change>& changes, std::size_t c) const noexcept {
        const auto node = [&](std::size_t ahead) {
            return changes[std::min(c + ahead, changes.size() - 1)].node;
        };
        __builtin_prefetch(&network_.starts[node(4 * AHEAD)]);
        __builtin_prefetch(&network_.targets[network_.starts[node(2 * AHEAD)]]);
        if (c + AHEAD >= changes.size()) return;
        const Change& change = changes[c + AHEAD];
        const std::int64_t last = network_.starts[change.node + 1];
        const bool left = change.signal == Change::LEFT;
        const std::size_t row = left ? 0 : static_cast<std::size_t>(change.signal) * said_.nodes();
        for (std::int64_t e = network_.starts[change.node]; e < last; ++e) {
            const std::uint32_t target = network_.targets[e];
            __builtin_prefetch(left ? static_cast<const void*>(&speakers_[target])
                                    : static_cast<const void*>(&sums_[row + target]),
                               1);
        }
    }

    template <bool ALONE>
    void push(const std::vector<Change>& changes) noexcept {
        for (std::size_t c = 0; c < changes.size(); ++c) {
            const Change& change = changes[c];
            fetch(changes, c);
            const std::int64_t first = network_.starts[change.node];
            const std::int64_t last = network_.starts[change.node + 1];
            if (change.signal == Change::LEFT) {
                for (std::int64_t e = first; e < last; ++e)
                    add<ALONE>(speakers_[network_.targets[e]],
                               static_cast<std::int32_t>(change.by));
                continue;
            }
            std::int64_t* const sums =
                sums_.data() + static_cast<std::size_t>(change.signal) * said_.nodes();
            for (std::int64_t e = first; e < last; ++e)
                add<ALONE>(sums[network_.targets[e]], change.by);
        }
    }

    // Who is heard speaks.
    void pull_ones(std::size_t signal, std::uint64_t first, std::uint64_t last,
                   std::vector<std::uint32_t>& heard) {
        const std::uint32_t* const packed = said_.packed(signal);
        const auto edge = [packed](std::uint32_t& total, std::uint32_t target) {
            total += packed[target / Said::BITS_IN_WORD] >> target % Said::BITS_IN_WORD & 1U;
        };
        const auto difference = [this, signal](std::uint32_t ones, std::int64_t edges) {
            return Heard{static_cast<std::int64_t>(ones) * said_.unit(signal), edges};
        };
        pull(signal, first, last, heard, edge, difference);
    }

    // Ones and speakers in one word; of fewer than 2^32 edges neither runs into the other.
    void pull_units(std::size_t signal, std::uint64_t first, std::uint64_t last,
                    std::vector<std::uint64_t>& heard) {
        const std::uint32_t* const packed = said_.packed(signal);
        const auto edge = [packed](std::uint64_t& total, std::uint32_t target) {
            const std::uint64_t code =
                packed[target / Said::CODES_IN_WORD] >> 2 * (target % Said::CODES_IN_WORD);
            total += (code & Said::ONE) | (code & Said::SPEAKS) << 31;
        };
        const auto difference = [this, signal](std::uint64_t both, std::int64_t) {
            return Heard{static_cast<std::int64_t>(both & 0xFFFFFFFFU) * said_.unit(signal),
                         static_cast<std::int64_t>(both >> 32)};
        };
        pull(signal, first, last, heard, edge, difference);
    }

    void pull_values(std::size_t signal, std::uint64_t first, std::uint64_t last,
                     std::vector<Heard>& heard) {
        const std::int32_t* const said = said_.numbers(signal);
        const auto edge = [said](Heard& total, std::uint32_t target) {
            const std::int32_t value = said[target];
            total.sum += value == Said::SILENT ? 0 : value;
            total.speakers += value != Said::SILENT;
        };
        pull(signal, first, last, heard, edge,
             [](const Heard& both, std::int64_t) { return both; });
    }

    template <class Total, class Edge, class Difference>
    void pull(std::size_t signal, std::uint64_t first, std::uint64_t last,
              std::vector<Total>& heard, const Edge& edge, const Difference& difference) {
        const std::int64_t* const starts = network_.starts;
        const std::uint32_t* const targets = network_.targets + starts[first];
        const auto edges = static_cast<std::size_t>(starts[last] - starts[first]);
        if (heard.size() < edges + 1) heard.resize(edges + 1);
        Total* const running = heard.data();
        Total total{};
        for (std::size_t e = 0; e < edges; ++e) {
            running[e] = total;
            edge(total, targets[e]);
        }
        running[edges] = total;
        std::int64_t* const sums = sums_.data() + signal * listeners();
        for (std::uint64_t k = first; k < last; ++k) {
            const Heard mine = difference(running[starts[k + 1] - starts[first]] -
                                              running[starts[k] - starts[first]],
                                          starts[k + 1] - starts[k]);
            sums[k - first_] = mine.sum;
            speakers_[k - first_] = static_cast<std::int32_t>(mine.speakers);
        }
    }

    // Whom a consumer hears is drawn once more: nothing of the network is stored.
    void pull_hashed(std::uint64_t first, std::uint64_t last, Arena& arena) {
        const BlockMemory memory = arena.memory();
        const auto lanes = static_cast<std::int32_t>(last - first);
        for (std::int64_t i = 0; i < settings_.block; ++i)
            memory.id_low[i] = static_cast<std::uint32_t>(first + static_cast<std::uint64_t>(i));
        std::fill_n(speakers_.data() + (first - first_), lanes, 0);
        for (std::size_t s = 0; s < signals_.size(); ++s)
            std::fill_n(sums_.data() + s * listeners() + (first - first_), lanes, 0);
        Lives drawn{};
        drawn.key_0 = static_cast<std::uint32_t>(network_.seed);
        drawn.key_1 = static_cast<std::uint32_t>(network_.seed >> 32);
        const std::uint32_t slot = 0;
        const std::uint64_t others = said_.nodes() - 1;
        for (std::uint32_t done = 0; done < network_.degree; done += WORDS_PER_CALL) {
            const std::uint32_t call = PURPOSE_NETWORK << 28 | done / WORDS_PER_CALL;
            settings_.kernels->draw({&slot, 1, nullptr}, call, drawn, memory.id_low, lanes, memory);
            const std::uint32_t words =
                std::min<std::uint32_t>(network_.degree - done, WORDS_PER_CALL);
            for (std::uint32_t w = 0; w < words; ++w) {
                std::uint32_t* const row = memory.words + w * memory.stride;
                for (std::uint64_t k = first; k < last; ++k) {
                    const std::uint64_t word = row[k - first];
                    std::uint64_t other = word * others >> 32;
                    other += other >= k;
                    other = std::min(other, others);
                    speakers_[k - first_] += said_.codes(0)[other] >> 1;
                    for (std::size_t s = 0; s < signals_.size(); ++s) {
                        const std::int32_t value = said_.numbers(s)[other];
                        sums_[s * listeners() + (k - first_)] += value == Said::SILENT ? 0 : value;
                    }
                }
            }
        }
    }

    const Buffer<SignalDefinition>& signals_;
    const Network& network_;
    const RunSettings& settings_;
    const bool mutual_;
    Said said_;
    std::uint64_t first_ = 0, last_ = 0; // who hears here
    std::vector<std::int64_t> sums_;
    std::vector<std::int32_t> speakers_;
    std::vector<Portion> portions_;
    std::atomic<std::uint64_t> changed_{0};
    std::atomic<std::uint64_t> next_{0};
    bool push_ = false;
};

} // namespace pycore
