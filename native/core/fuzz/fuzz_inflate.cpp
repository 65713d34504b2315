// Any bytes: never beyond the limit, never past the frame, and the same twice.
#include <cstdlib>
#include <string>
#include <vector>

#include "../tests/inflate_cases.hpp"
#include "tidewire/inflate.hpp"

const std::vector<std::string>& fuzz_seeds() {
  static const auto seeds = [] {
    std::vector<std::string> frames;
    for (const auto& [frame, text] : inflate_cases::all()) frames.push_back(frame);
    return frames;
  }();
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t limit = 1 << 16;
  static tidewire::Inflater used(limit);
  tidewire::Inflater fresh(limit);
  const tidewire::Bytes frame(reinterpret_cast<const char*>(data), size);
  tidewire::Bytes first, second;
  const tidewire::Status status = used.inflate(frame, first);
  if (fresh.inflate(frame, second).code != status.code || status.offset > size) std::abort();
  if (!status.ok()) return 0;
  if (first.size() > limit || std::string(first.data(), first.size()) != std::string(second.data(), second.size()))
    std::abort();
  return 0;
}
