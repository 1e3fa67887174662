// The flat form of a program as sections of words, and changes of them.
#pragma once

#include "fuzz_random.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

namespace fuzz {

using Words = std::vector<std::uint32_t>;

// The population's word, the form's mark and version, and its sections.
struct Form {
    std::uint32_t choice = 0;
    std::uint32_t head[2] = {};
    std::vector<Words> sections;

    // False if the lengths do not fit the words.
    bool read(const Words& input) {
        if (input.size() < 5) return false;
        choice = input[0];
        head[0] = input[1];
        head[1] = input[2];
        for (std::size_t place = 4; place < input.size();) {
            const std::size_t length = input[place++];
            if (length > input.size() - place) return false;
            const auto from = input.begin() + static_cast<std::ptrdiff_t>(place);
            sections.emplace_back(from, from + static_cast<std::ptrdiff_t>(length));
            place += length;
        }
        return true;
    }

    Words write() const {
        Words words = {choice, head[0], head[1], 0};
        for (const Words& section : sections) {
            words.push_back(static_cast<std::uint32_t>(section.size()));
            words.insert(words.end(), section.begin(), section.end());
        }
        words[3] = static_cast<std::uint32_t>(words.size() - 1);
        return words;
    }
};

inline std::uint32_t any_word(Random& random, std::uint32_t old) {
    constexpr std::uint32_t SPECIAL[] = {0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFFU, 0x7F800000U,
                                         0x7FC00000U, 0x3F800000U, 0xBF800000U, 0x00000001U,
                                         0x7149F2CAU, 4096U,       65536U,      64U};
    switch (pick(random, 6)) {
    case 0:
        return old + 1;
    case 1:
        return old - 1;
    case 2:
        return SPECIAL[pick(random, std::size(SPECIAL))];
    case 3:
        return old ^ (1U << pick(random, 32));
    default:
        return static_cast<std::uint32_t>(pick(random, 40));
    }
}

// One change of one section; entries of twelve words are moved whole.
inline void change(Words& section, Random& random) {
    const std::size_t entry = !section.empty() && section.size() % 12 == 0 ? 12 : 1;
    const std::size_t entries = section.size() / entry;
    const auto at = [&](std::size_t i) {
        return section.begin() + static_cast<std::ptrdiff_t>(i * entry);
    };
    if (entries == 0) {
        section.push_back(any_word(random, 0));
        return;
    }
    const std::size_t i = pick(random, entries), k = pick(random, entries);
    switch (pick(random, 8)) {
    case 0: {
        const Words copy(at(i), at(i) + static_cast<std::ptrdiff_t>(entry));
        section.insert(at(k), copy.begin(), copy.end());
        break;
    }
    case 1:
        section.erase(at(i), at(i) + static_cast<std::ptrdiff_t>(entry));
        break;
    case 2:
        std::swap_ranges(at(i), at(i) + static_cast<std::ptrdiff_t>(i == k ? 0 : entry), at(k));
        break;
    case 3: { // the same place of another entry
        const std::size_t place = pick(random, entry);
        section[i * entry + place] = section[k * entry + place];
        break;
    }
    default: {
        std::uint32_t& word = section[pick(random, section.size())];
        word = any_word(random, word);
    }
    }
}

} // namespace fuzz
