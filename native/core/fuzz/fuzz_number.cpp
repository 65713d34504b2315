// A number that we accept is the number that strtod sees, bit for bit; as an integer it is exact or refused.
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tidewire/number.hpp"

using namespace tidewire;

const std::vector<std::string>& fuzz_seeds() {
  static const std::vector<std::string> seeds = {
      "6733.55000000",
      "-0.000000012345678901234567890",
      "9007199254740993",
      "1e-400",
      "5.33E-4",
      "1785000000123",
      "179769313486231580793e289",
      "2.2250738585072011e-308",
      "18446744073709551616.18446744073709551616",
  };
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes text(reinterpret_cast<const char*>(data), size);
  Decimal number;
  const Status status = read_whole_decimal(text, number);
  if (status.offset > size) std::abort();
  if (!status.ok()) return 0;
  const double expected = std::strtod(std::string(text.data(), size).c_str(), nullptr);
  if (std::bit_cast<std::uint64_t>(to_double(number)) != std::bit_cast<std::uint64_t>(expected)) std::abort();
  std::int64_t integer = 0;
  if (to_int64(number, 0, integer) == Code::ok && static_cast<double>(integer) != expected) std::abort();
  return 0;
}
