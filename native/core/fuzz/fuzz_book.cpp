// Any bytes, applied to a live book: see book_cases::holds. The first byte chooses the layout.
#include <cstdlib>

#include "../tests/book_cases.hpp"

const std::vector<std::string>& fuzz_seeds() {
  static const auto seeds = [] {
    std::vector<std::string> built;
    for (std::size_t i = 0; i < book_cases::all().size(); ++i) {
      const auto& c = book_cases::all()[i];
      built.push_back(static_cast<char>('p' + i) + c.delta);
      if (c.in_band) built.push_back(static_cast<char>('p' + i) + c.snapshot);
    }
    return built;
  }();
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto& c = book_cases::all()[data[0] % book_cases::all().size()];
  if (!book_cases::holds(c, {reinterpret_cast<const char*>(data) + 1, size - 1})) std::abort();
  return 0;
}
