#include "tidewire/base64.hpp"

namespace tidewire {
namespace {

constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char character(std::uint32_t bits) { return alphabet[bits & 63U]; }

constexpr unsigned invalid = 64;

constexpr unsigned range(unsigned c, unsigned from, unsigned to, unsigned value) {
  return c - from <= to - from ? c - from + value : 0;
}

// The six bits of a character, or `invalid`. Computed, not looked up: a table would show key bytes to the cache.
constexpr unsigned value_of(char character) {
  const unsigned c = static_cast<unsigned char>(character);
  const unsigned found = range(c, 'A', 'Z', 0 + 1) | range(c, 'a', 'z', 26 + 1) | range(c, '0', '9', 52 + 1) |
                         range(c, '+', '+', 62 + 1) | range(c, '/', '/', 63 + 1);
  return found == 0 ? invalid : found - 1;
}

}  // namespace

void base64_encode(std::span<const std::uint8_t> bytes, char* text) noexcept {
  const std::uint8_t* in = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3; left -= 3, in += 3, text += 4) {
    const std::uint32_t group = std::uint32_t{in[0]} << 16 | std::uint32_t{in[1]} << 8 | in[2];
    text[0] = character(group >> 18);
    text[1] = character(group >> 12);
    text[2] = character(group >> 6);
    text[3] = character(group);
  }
  if (left == 0) return;
  const std::uint32_t group = std::uint32_t{in[0]} << 16 | (left == 2 ? std::uint32_t{in[1]} << 8 : 0U);
  text[0] = character(group >> 18);
  text[1] = character(group >> 12);
  text[2] = left == 2 ? character(group >> 6) : '=';
  text[3] = '=';
}

Status base64_decode(Bytes text, std::uint8_t* out, std::size_t& size) noexcept {
  size = 0;
  std::size_t length = text.size();
  if (length % 4 != 0) return {Code::truncated, length};
  if (length != 0 && text[length - 1] == '=') length -= text[length - 2] == '=' ? 2 : 1;

  std::uint32_t bits = 0;
  unsigned waiting = 0;  // bits not yet written
  for (std::size_t i = 0; i < length; ++i) {
    const unsigned value = value_of(text[i]);
    if (value == invalid) return {Code::syntax, i};
    bits = bits << 6 | value;
    waiting += 6;
    if (waiting >= 8) {
      waiting -= 8;
      out[size++] = static_cast<std::uint8_t>(bits >> waiting);
    }
  }
  const std::uint32_t unused = bits & ((1U << waiting) - 1U);
  if (unused != 0) return {Code::syntax, length - 1};
  return {};
}

}  // namespace tidewire
