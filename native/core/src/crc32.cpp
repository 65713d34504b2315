#include "tidewire/crc32.hpp"

#include <array>

namespace tidewire {
namespace {

constexpr auto table = [] {
  std::array<std::uint32_t, 256> made{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? value >> 1 ^ 0xEDB88320u : value >> 1;
    made[i] = value;
  }
  return made;
}();

}  // namespace

void Crc32::add(Bytes text) {
  for (const char c : text) state_ = table[(state_ ^ static_cast<unsigned char>(c)) & 0xFF] ^ state_ >> 8;
}

}  // namespace tidewire
