// What everybody on a network said last.
#pragma once

#include "pycore/program.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

namespace pycore {

// The lanes of a block: their ids, and which node an id is.
struct Speakers {
    const std::uint32_t* ids;
    std::int32_t lanes;
    std::uint32_t low;
    std::uint64_t first;
    std::uint64_t node(std::int32_t lane) const noexcept { return first + (ids[lane] - low); }
};

// Numbers, and the same as codes of two bits, which say all as long as nothing but 0 and 1 is said.
class Said {
  public:
    static constexpr std::int32_t SILENT = INT32_MIN; // of those who have left
    static constexpr std::uint8_t ONE = 1, SPEAKS = 2;
    static constexpr std::uint64_t CODES_IN_WORD = 16, BITS_IN_WORD = 32;

    explicit Said(const Buffer<SignalDefinition>& signals) {
        for (const SignalDefinition& signal : signals)
            units_.push_back(
                static_cast<std::int32_t>(Scalar::round_to_int(power_of_two(signal.exponent))));
    }

    // Bytes for so many consumers.
    static std::uint64_t bytes(std::uint64_t signals, std::uint64_t nodes) noexcept {
        const std::uint64_t each = sizeof(std::int32_t) + sizeof(std::uint8_t);
        return signals * (nodes * each + words_of(nodes) * sizeof(std::uint32_t));
    }

    // Everybody speaks and says 0.
    void assign(std::uint64_t nodes) {
        nodes_ = nodes;
        numbers_.assign(signals() * nodes, 0);
        codes_.assign(signals() * nodes, SPEAKS);
        packed_.resize(signals() * words_of(nodes));
        only_units_.assign(signals(), true);
        somebody_left_ = false;
    }

    std::size_t signals() const noexcept { return units_.size(); }
    std::uint64_t nodes() const noexcept { return nodes_; }
    // What 1 is said as.
    std::int32_t unit(std::size_t signal) const noexcept { return units_[signal]; }
    bool only_units(std::size_t signal) const noexcept { return only_units_[signal] != 0; }
    bool somebody_left() const noexcept { return somebody_left_; }
    const std::int32_t* numbers(std::size_t signal) const noexcept {
        return numbers_.data() + signal * nodes_;
    }
    const std::uint8_t* codes(std::size_t signal) const noexcept {
        return codes_.data() + signal * nodes_;
    }
    const std::uint32_t* packed(std::size_t signal) const noexcept {
        return packed_.data() + signal * words_of(nodes_);
    }

    void put(std::size_t signal, std::uint64_t node, std::int32_t number) noexcept {
        number == SILENT ? fall_silent(signal, node) : say(signal, node, number);
    }
    void fall_silent(std::size_t signal, std::uint64_t node) noexcept {
        numbers_[signal * nodes_ + node] = SILENT;
        codes_[signal * nodes_ + node] = 0;
        somebody_left_.store(true, std::memory_order_relaxed);
    }
    void say(std::size_t signal, std::uint64_t node, std::int32_t number) noexcept {
        numbers_[signal * nodes_ + node] = number;
        codes_[signal * nodes_ + node] = code(number);
        if (number != 0 && number != units_[signal]) not_only_units(signal);
    }
    // The same of a block; whether a number is 0 is a coin's toss, so no branch asks.
    void say(std::size_t signal, const Speakers& speakers, const std::int32_t* said) noexcept {
        std::int32_t* const numbers = numbers_.data() + signal * nodes_;
        std::uint8_t* const codes = codes_.data() + signal * nodes_;
        const std::int32_t unit = units_[signal];
        unsigned others = 0;
        for (std::int32_t i = 0; i < speakers.lanes; ++i) {
            const std::uint64_t node = speakers.node(i);
            const std::int32_t number = said[i];
            const unsigned one = number != 0;
            numbers[node] = number;
            codes[node] = static_cast<std::uint8_t>(SPEAKS | one);
            others |= one & static_cast<unsigned>(number != unit);
        }
        if (others != 0) not_only_units(signal);
    }

    // What so many consumers said, in words to keep: the numbers, signal after signal.
    std::size_t words(std::uint64_t nodes) const noexcept { return signals() * nodes; }
    void write(std::uint64_t first, std::uint64_t last, std::vector<std::uint32_t>& words) const {
        for (std::size_t s = 0; s < signals(); ++s)
            words.insert(words.end(), numbers(s) + first, numbers(s) + last);
    }

    // The same in words to be told where others live: for every signal its form, then numbers or,
    // where nothing but 0 and 1 was said, codes.
    std::vector<std::uint32_t> told(std::uint64_t first, std::uint64_t last) const {
        std::vector<std::uint32_t> words;
        for (std::size_t s = 0; s < signals(); ++s) {
            words.push_back(only_units(s) ? CODES : NUMBERS);
            if (!only_units(s)) {
                words.insert(words.end(), numbers(s) + first, numbers(s) + last);
                continue;
            }
            for (std::uint64_t node = first; node < last; node += CODES_IN_WORD)
                words.push_back(
                    packed_word<CODES_IN_WORD>(s, node, std::min(last, node + CODES_IN_WORD), 3));
        }
        return words;
    }
    // Those of others; false, and nothing changed, if they cannot be.
    bool learn(std::uint64_t first, std::uint64_t last, const std::vector<std::uint32_t>& words) {
        const std::uint64_t size[] = {last - first, words_of(last - first)};
        std::size_t place = 0;
        for (std::size_t s = 0; s < signals(); ++s) {
            if (place >= words.size() || words[place] > CODES) return false;
            place += 1 + size[words[place]];
        }
        if (place != words.size()) return false;
        const std::uint32_t* form = words.data();
        for (std::size_t s = 0; s < signals(); ++s) {
            if (*form == CODES) {
                learn_codes(s, first, last, form + 1);
            } else {
                for (std::uint64_t k = 0; k < last - first; ++k)
                    put(s, first + k, static_cast<std::int32_t>(form[1 + k]));
            }
            form += 1 + size[*form];
        }
        return true;
    }

    // What a signal says, so close together that a million stay in the cache: the codes, or, as
    // long as all still speak, a bit each.
    void pack(std::size_t signal) noexcept {
        somebody_left_ ? pack<CODES_IN_WORD>(signal, 3) : pack<BITS_IN_WORD>(signal, ONE);
    }

  private:
    static constexpr std::uint32_t NUMBERS = 0, CODES = 1; // forms

    static std::uint64_t words_of(std::uint64_t nodes) noexcept {
        return (nodes + CODES_IN_WORD - 1) / CODES_IN_WORD;
    }
    static std::uint8_t code(std::int32_t number) noexcept {
        return static_cast<std::uint8_t>(SPEAKS | (number != 0 ? ONE : 0));
    }
    void not_only_units(std::size_t signal) noexcept {
        __atomic_store_n(&only_units_[signal], std::uint8_t{0}, __ATOMIC_RELAXED);
    }

    void learn_codes(std::size_t signal, std::uint64_t first, std::uint64_t last,
                     const std::uint32_t* words) noexcept {
        const std::int32_t number[] = {SILENT, SILENT, 0, units_[signal]};
        const std::uint8_t same[] = {0, 0, SPEAKS, code(units_[signal])};
        bool left = false;
        for (std::uint64_t k = 0; k < last - first; ++k) {
            const std::uint32_t told = words[k / CODES_IN_WORD] >> 2 * (k % CODES_IN_WORD) & 3U;
            numbers_[signal * nodes_ + first + k] = number[told];
            codes_[signal * nodes_ + first + k] = same[told];
            left = left || told < SPEAKS;
        }
        if (left) somebody_left_.store(true, std::memory_order_relaxed);
    }

    template <std::uint64_t IN_WORD>
    std::uint32_t packed_word(std::size_t signal, std::uint64_t first, std::uint64_t last,
                              std::uint32_t mask) const noexcept {
        const std::uint8_t* const codes = this->codes(signal);
        std::uint32_t word = 0;
        for (std::uint64_t node = first; node < last; ++node)
            word |= (codes[node] & mask) << BITS_IN_WORD / IN_WORD * (node - first);
        return word;
    }
    template <std::uint64_t IN_WORD>
    void pack(std::size_t signal, std::uint32_t mask) noexcept {
        std::uint32_t* word = packed_.data() + signal * words_of(nodes_);
        for (std::uint64_t first = 0; first < nodes_; first += IN_WORD)
            *word++ = packed_word<IN_WORD>(signal, first, std::min(nodes_, first + IN_WORD), mask);
    }

    std::vector<std::int32_t> units_;
    std::uint64_t nodes_ = 0;
    std::vector<std::int32_t> numbers_;
    std::vector<std::uint8_t> codes_;
    std::vector<std::uint32_t> packed_; // codes once more, many in a word
    std::vector<std::uint8_t> only_units_;
    std::atomic<bool> somebody_left_{false};
};

} // namespace pycore
