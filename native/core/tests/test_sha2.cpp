// FIPS 180-4 examples, every length around the block borders, and the SHA instructions against the portable code.
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "tidewire/cpu.hpp"
#include "tidewire/hex.hpp"
#include "tidewire/sha2.hpp"

using namespace tidewire;

namespace {

Octets octets(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

template <class Hash>
std::string hex(std::string_view message) {
  const auto bytes = digest<Hash>(octets(message));
  std::string text(hex_size(bytes.size()), '?');
  hex_encode(bytes, text.data());
  return text;
}

// NIST CSRC, "Examples with Intermediate Values": SHA256, SHA384, SHA512.
void published_examples() {
  const std::string_view two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  const std::string_view two_long_blocks =
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrst"
      "u";
  CHECK(hex<Sha256>("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex<Sha256>("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex<Sha256>(two_blocks) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex<Sha384>("abc") ==
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
  CHECK(hex<Sha384>(two_long_blocks) ==
        "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039");
  CHECK(hex<Sha512>("abc") ==
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  CHECK(hex<Sha512>(two_long_blocks) ==
        "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
        "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909");
  const std::string million(1000000, 'a');
  CHECK(hex<Sha256>(million) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  CHECK(hex<Sha512>(million) ==
        "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
        "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b");
}

// A digest of the digests of "", "a", "aa" … 300 letters: any wrong padding at any length changes it. Reference values
// from Python 3.11: new(b"".join(new(b"a" * n).digest() for n in range(301))).hexdigest().
template <class Hash>
std::string every_length() {
  std::string digests;
  for (std::size_t n = 0; n <= 300; ++n) {
    const auto bytes = digest<Hash>(octets(std::string(n, 'a')));
    digests.append(bytes.begin(), bytes.end());
  }
  return hex<Hash>(digests);
}

void every_length_to_300() {
  CHECK(every_length<Sha256>() == "e8e4a8cfe049153f6f930f2156161a5b19bb9b3dc4b698c20e4d44a29d7f9526");
  CHECK(every_length<Sha384>() ==
        "d80b01d0f4d7ebdf1eecf7340637351e167ce7d9a0f265c24a848d9c99285f850a42df6a46ab7c23af3a387c30ea6faf");
  CHECK(every_length<Sha512>() ==
        "b0252e29bae50b5a42c84d684a695d3ce9eb9f45564b98f09503ce01bcdc907c"
        "14d2fad620cea072e46915da1321a945dee073b717b9c105a6a57beb402eddc5");
}

// Hashing from a state that already holds whole blocks must equal hashing the whole.
template <class Hash>
void chunk_borders() {
  std::string text(5 * Hash::block_size + 3, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 37);
  for (std::size_t blocks = 0; blocks <= 5; ++blocks) {
    const std::size_t cut = blocks * Hash::block_size;
    typename Hash::State state = Hash::start;
    Hash::compress(state, octets(text).data(), blocks);
    std::array<std::uint8_t, Hash::digest_size> out;
    finish<Hash>(state, cut, octets(text).subspan(cut), out.data());
    CHECK(out == digest<Hash>(octets(text)));
  }
}

void instructions_equal_portable() {
  if (!cpu().sha256) {
    std::printf("no SHA instructions here, or TIDEWIRE_PORTABLE is set: not compared\n");
    return;
  }
#if defined(__x86_64__)
  std::mt19937_64 random(180);
  for (std::size_t count = 0; count < 40; ++count) {
    std::vector<std::uint8_t> blocks(count * 64 + 1);  // one byte off alignment, and no byte behind the last block
    for (auto& byte : blocks) byte = static_cast<std::uint8_t>(random());
    Sha256State expected;
    for (auto& word : expected) word = static_cast<std::uint32_t>(random());
    Sha256State got = expected;
    sha256_compress_generic(expected.data(), blocks.data() + 1, count);
    sha256_compress_ni(got.data(), blocks.data() + 1, count);
    CHECK(got == expected);
  }
#endif
}

}  // namespace

int main() {
  published_examples();
  every_length_to_300();
  chunk_borders<Sha256>();
  chunk_borders<Sha384>();
  chunk_borders<Sha512>();
  instructions_equal_portable();
  return check::report("sha2");
}
