// CRC-32 as in IEEE 802.3, zlib and PNG.
#pragma once
#include <cstdint>

#include "tidewire/status.hpp"

namespace tidewire {

class Crc32 {
 public:
  void add(Bytes text);
  void add(char c) { add(Bytes(&c, 1)); }
  std::uint32_t value() const { return ~state_; }

 private:
  std::uint32_t state_ = ~std::uint32_t{0};
};

}  // namespace tidewire
