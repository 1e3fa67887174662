// The flat form of a program, written by pycore/program/words.py, which documents it: how a program
// crosses a border, from Python into the extension, to another processor, into a browser.
#pragma once

#include "pycore/program.hpp"

#include <cstddef>
#include <cstdint>

namespace pycore {

inline constexpr std::uint32_t WORDS_MAGIC = 0x4C4F5953U; // "SYOL"
inline constexpr std::uint32_t WORDS_VERSION = 2;

// Reads the form and trusts no word of it: refuses what is not a program's form.  What the numbers
// mean is checked when the definition becomes a Program.
ProgramDefinition read_words(const std::uint32_t* words, std::size_t size);

} // namespace pycore
