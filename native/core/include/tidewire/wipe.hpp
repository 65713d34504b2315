// Erase key material with a write that the compiler must keep.
#pragma once
#include <cstddef>
#include <cstring>

namespace tidewire {

inline void wipe(void* memory, std::size_t size) noexcept {
#if defined(__GNUC__)
  std::memset(memory, 0, size);
  __asm__ __volatile__("" : : "r"(memory) : "memory");  // "somebody reads this": the memset is no dead store
#else
  volatile unsigned char* byte = static_cast<volatile unsigned char*>(memory);
  while (size-- != 0) *byte++ = 0;
#endif
}

}  // namespace tidewire
