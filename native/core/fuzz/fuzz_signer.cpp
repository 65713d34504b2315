// Any split of the input into key and message signs within bounds, and both SHA-256 block functions agree on it.
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tidewire/cpu.hpp"
#include "tidewire/signer.hpp"

using namespace tidewire;

const std::vector<std::string>& fuzz_seeds() {
  static const std::vector<std::string> seeds = {std::string(1, '\0'), "\x40" + std::string(64, 'k') + "symbol=BTCUSDT",
                                                 "\x80" + std::string(400, 'x')};
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Octets input(data + 1, size - 1);
  const std::size_t cut = std::min<std::size_t>(data[0], input.size());
  for (const Algorithm algorithm : {Algorithm::sha256, Algorithm::sha384, Algorithm::sha512}) {
    const Signer signer(algorithm, input.first(cut));
    const std::unique_ptr<char[]> text(new char[signer.hex_size()]);  // exact, so that one byte too many is seen
    signer.hex(input.subspan(cut), text.get());
    signer.base64(input.subspan(cut), text.get());
    signer.tag(input.subspan(cut), reinterpret_cast<std::uint8_t*>(text.get()));
  }
#if defined(__x86_64__)
  if (cpu().sha256) {
    Sha256State portable = Sha256::start, instructions = Sha256::start;
    sha256_compress_generic(portable.data(), input.data(), input.size() / 64);
    sha256_compress_ni(instructions.data(), input.data(), input.size() / 64);
    if (portable != instructions) std::abort();
  }
#endif
  return 0;
}
