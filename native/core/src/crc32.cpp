#include "tidewire/crc32.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace tidewire {
namespace {

// tables[k][b]: what byte b does to the state when k zero bytes follow it.
constexpr auto tables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> made{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? value >> 1 ^ 0xEDB88320u : value >> 1;
    made[0][i] = value;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t i = 0; i < 256; ++i) made[k][i] = made[0][made[k - 1][i] & 0xFF] ^ made[k - 1][i] >> 8;
  }
  return made;
}();

}  // namespace

void Crc32::add(Bytes text) {
  const char* p = text.data();
  std::size_t left = text.size();
  std::uint32_t state = state_;
  if constexpr (std::endian::native == std::endian::little) {
    for (; left >= 8; p += 8, left -= 8) {  // eight bytes at once, each by the table of its distance to the end
      std::uint64_t word;
      std::memcpy(&word, p, 8);
      word ^= state;
      state = 0;
      for (std::size_t k = 0; k < 8; ++k) state ^= tables[7 - k][word >> (8 * k) & 0xFF];
    }
  }
  for (; left != 0; ++p, --left) state = tables[0][(state ^ static_cast<unsigned char>(*p)) & 0xFF] ^ state >> 8;
  state_ = state;
}

}  // namespace tidewire
