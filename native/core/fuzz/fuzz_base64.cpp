// Whatever decodes must encode to the same text again: the decoder accepts one spelling only, and stays in its buffers.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "tidewire/base64.hpp"

const std::vector<std::string>& fuzz_seeds() {
  static const std::vector<std::string> seeds = {"Zg==", "Zm8=", "Zm9v",
                                                 "Y29pbmJhc2UtZXhjaGFuZ2UtZXhhbXBsZS1zZWNyZXQtMzJieXRlcyE="};
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const char* text = reinterpret_cast<const char*>(data);
  const std::unique_ptr<std::uint8_t[]> bytes(new std::uint8_t[size / 4 * 3]);
  std::size_t decoded = 0;
  const tidewire::Status status = tidewire::base64_decode(tidewire::Bytes(text, size), bytes.get(), decoded);
  if (!status.ok()) {
    if (status.offset > size) std::abort();
    return 0;
  }
  const std::size_t length = tidewire::base64_size(decoded);
  const std::unique_ptr<char[]> again(new char[length]);
  tidewire::base64_encode({bytes.get(), decoded}, again.get());
  if (length != size || (size != 0 && std::memcmp(again.get(), text, size) != 0)) std::abort();
  return 0;
}
