// Integers of 128 bits for money: products and sums of prices and quantities that say so when they do not fit.
#pragma once
#include <cstdint>
#include <limits>

namespace tidewire {

using Wide = __int128;

// False: the sum does not fit, and `out` is not to be used. Likewise below.
inline bool add(Wide a, Wide b, Wide& out) { return !__builtin_add_overflow(a, b, &out); }

// Of numbers that are not negative. What reaches 2^126 may count as not fitting. Not __builtin_mul_overflow: of 128
// bits, some compilers call a library for it that others do not link.
inline bool multiply(Wide a, std::int64_t b, Wide& out) {
  constexpr Wide half = Wide{1} << 63;
  if (a < half) {
    out = a * b;
    return true;
  }
  const Wide high = (a >> 63) * b;  // below 2^127: both are below 2^64 and 2^63
  return high < half && add(high << 63, (a & (half - 1)) * b, out);
}

// 10^power, which is 0 to 18 or does not fit.
inline bool power_of_ten(int power, std::int64_t& out) {
  if (power < 0 || power > std::numeric_limits<std::int64_t>::digits10) return false;
  for (out = 1; power > 0; --power) out *= 10;
  return true;
}

}  // namespace tidewire
