// Refusing what came from outside, with the reason in words.
#pragma once

#include <cstdint>

namespace pycore {

// A short text put together from pieces; what exceeds its room is cut off.
class Text {
  public:
    static constexpr std::int32_t ROOM = 512;

    Text() noexcept { characters_[0] = '\0'; }
    Text(const char* text) noexcept : Text() { *this = *this + text; } // NOLINT: meant to convert
    explicit Text(std::int64_t number) noexcept : Text() {
        auto size = static_cast<std::uint64_t>(number);
        if (number < 0) {
            put('-');
            size = 0 - size;
        }
        put_number(size);
    }
    static Text of(std::uint64_t number) noexcept {
        Text text;
        text.put_number(number);
        return text;
    }
    Text(const Text& other) noexcept : Text() { append(other); }
    Text& operator=(const Text& other) noexcept {
        if (this != &other) {
            size_ = 0;
            append(other);
        }
        return *this;
    }
    ~Text() = default;

    void put(char character) noexcept {
        if (size_ + 1 >= ROOM) return;
        characters_[size_++] = character;
        characters_[size_] = '\0';
    }
    const char* characters() const noexcept { return characters_; }
    std::int32_t size() const noexcept { return size_; }

    friend Text operator+(Text left, const Text& right) noexcept {
        left.append(right);
        return left;
    }
    friend Text operator+(Text left, const char* right) noexcept {
        for (; *right != '\0'; ++right)
            left.put(*right);
        return left;
    }

  private:
    void put_number(std::uint64_t number) noexcept {
        char digits[20];
        std::int32_t count = 0;
        do {
            digits[count++] = static_cast<char>('0' + number % 10);
            number /= 10;
        } while (number > 0);
        while (count > 0)
            put(digits[--count]);
    }
    void append(const Text& other) noexcept {
        for (std::int32_t i = 0; i < other.size_; ++i)
            put(other.characters_[i]);
    }

    char characters_[ROOM];
    std::int32_t size_ = 0;
};

// Ends the call.  Each host has its own way: an exception in C++ (src/refusal.cpp), an error of
// JavaScript in the browser's build.
[[noreturn]] void refuse(const Text& reason);

} // namespace pycore
