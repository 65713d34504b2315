// Every path through the kline decoder agrees on any bytes. The first byte chooses the layout.
#include <cstdlib>

#include "../tests/kline_cases.hpp"

namespace {
const std::vector<kline_cases::Case>& cases() {
  static const auto built = kline_cases::all();
  return built;
}
}  // namespace

const std::vector<std::string>& fuzz_seeds() {
  static const auto seeds = [] {
    std::vector<std::string> built;
    for (std::size_t i = 0; i < cases().size(); ++i) built.push_back(static_cast<char>('a' + i) + cases()[i].body);
    return built;
  }();
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto& layout = cases()[data[0] % cases().size()].layout;
  if (!kline_cases::paths_agree({reinterpret_cast<const char*>(data) + 1, size - 1}, layout)) std::abort();
  return 0;
}
