// Portable stand-in for libFuzzer: argv[1] rounds of seeded mutation over the seeds that the target offers.
// Every input lives in an exactly-sized heap block, so that AddressSanitizer sees the first byte read past the end.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
const std::vector<std::string>& fuzz_seeds();  // defined by each target

namespace {
void run(const std::string& text) {
  std::unique_ptr<std::uint8_t[]> block(new std::uint8_t[text.size()]);
  std::copy(text.begin(), text.end(), block.get());
  LLVMFuzzerTestOneInput(block.get(), text.size());
}

std::string mutate(std::string text, std::mt19937_64& random) {
  static const std::string alphabet = "0123456789.-+eE\"'[]{},:\\ \n\t\0nulltruefalse";
  const std::size_t edits = 1 + random() % 4;
  for (std::size_t i = 0; i < edits; ++i) {
    const std::size_t at = text.empty() ? 0 : random() % text.size();
    switch (random() % 5) {
      case 0:
        if (!text.empty()) text[at] = alphabet[random() % alphabet.size()];
        break;
      case 1:
        if (!text.empty()) text[at] = static_cast<char>(random());
        break;
      case 2:
        if (!text.empty()) text.erase(at, 1 + random() % 8);
        break;
      case 3: text.insert(at, 1 + random() % 4, alphabet[random() % alphabet.size()]); break;
      default: text.resize(at); break;
    }
  }
  return text;
}
}  // namespace

int main(int argc, char** argv) {
  const long rounds = argc > 1 ? std::atol(argv[1]) : 20000;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20261123;
  std::printf("rounds %ld seed %llu\n", rounds, static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  const auto& seeds = fuzz_seeds();
  for (const auto& text : seeds) {
    run(text);
    for (std::size_t cut = 0; cut < text.size() && cut < 4096; ++cut) run(text.substr(0, cut));
  }
  for (long i = 0; i < rounds; ++i) run(mutate(seeds[random() % seeds.size()], random));
  std::printf("%ld inputs passed\n", rounds);
  return 0;
}
