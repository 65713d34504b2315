// Bytes as lower-case hexadecimal text.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace tidewire {

constexpr std::size_t hex_size(std::size_t bytes) { return 2 * bytes; }

// Writes hex_size(bytes.size()) characters, no terminator. Arithmetic, not a table: compilers vectorise it.
inline void hex_encode(std::span<const std::uint8_t> bytes, char* text) noexcept {
  constexpr auto digit = [](unsigned nibble) {
    return static_cast<char>(nibble + '0' + (nibble > 9 ? 'a' - '9' - 1 : 0));
  };
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    text[2 * i] = digit(bytes[i] >> 4U);
    text[2 * i + 1] = digit(bytes[i] & 15U);
  }
}

}  // namespace tidewire
