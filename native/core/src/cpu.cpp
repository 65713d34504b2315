#include "tidewire/cpu.hpp"

#include <cstdint>
#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace tidewire {
namespace {

#if defined(__x86_64__)
struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
  Registers r;  // stays zero where the CPU does not know the leaf
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

constexpr bool bit(unsigned word, unsigned index) { return (word >> index & 1U) != 0; }

// XCR0 says which registers the operating system saves; the instruction exists only where OSXSAVE is set.
std::uint32_t saved_registers() {
  std::uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

// Bit positions: Intel SDM volume 2A, CPUID (June 2025), and AMD APM volume 3, appendix E.
Cpu detect() {
  const Registers basic = cpuid(1), structured = cpuid(7), extended = cpuid(0x80000001U);
  const bool ssse3 = bit(basic.ecx, 9), sse41 = bit(basic.ecx, 19), osxsave = bit(basic.ecx, 27);
  constexpr std::uint32_t sse_and_avx_state = 0x6;
  const bool wide_saved = osxsave && (saved_registers() & sse_and_avx_state) == sse_and_avx_state;
  const bool bmi1 = bit(structured.ebx, 3), avx2 = bit(structured.ebx, 5), bmi2 = bit(structured.ebx, 8);
  const bool sha = bit(structured.ebx, 29), lzcnt = bit(extended.ecx, 5);
  return {.sha256 = sha && sse41 && ssse3, .avx2 = avx2 && bmi1 && bmi2 && lzcnt && wide_saved};
}
#else
Cpu detect() { return {}; }
#endif

bool portable_asked() {
  const char* value = std::getenv("TIDEWIRE_PORTABLE");
  return value != nullptr && *value != '\0';
}

}  // namespace

const Cpu& cpu() noexcept {
  static const Cpu found = portable_asked() ? Cpu{} : detect();
  return found;
}

}  // namespace tidewire
