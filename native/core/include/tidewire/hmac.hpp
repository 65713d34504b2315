// HMAC (RFC 2104) that remembers the two states which depend on the key alone, so that a short message costs three
// blocks or four instead of five or six.
#pragma once
#include "tidewire/sha2.hpp"
#include "tidewire/wipe.hpp"

namespace tidewire {

template <class Hash>
class Hmac {
 public:
  static constexpr std::size_t tag_size = Hash::digest_size;

  explicit Hmac(Octets key) noexcept {
    std::array<std::uint8_t, Hash::block_size> padded{};
    if (key.size() > padded.size()) {
      finish<Hash>(Hash::start, 0, key, padded.data());
    } else if (!key.empty()) {
      std::memcpy(padded.data(), key.data(), key.size());
    }
    for (std::uint8_t& byte : padded) byte ^= inner_pad;
    Hash::compress(inner_, padded.data(), 1);
    for (std::uint8_t& byte : padded) byte ^= inner_pad ^ outer_pad;
    Hash::compress(outer_, padded.data(), 1);
    wipe(padded.data(), sizeof padded);
  }
  ~Hmac() {
    wipe(inner_.data(), sizeof inner_);
    wipe(outer_.data(), sizeof outer_);
  }
  Hmac(const Hmac&) = delete;  // one copy of the key in memory, wiped once
  Hmac& operator=(const Hmac&) = delete;

  // Writes tag_size bytes. Any number of threads may call this at once.
  void tag(Octets message, std::uint8_t* out) const noexcept {
    std::array<std::uint8_t, Hash::block_size> block{};  // the inner digest, which with its padding is one block
    finish<Hash>(inner_, Hash::block_size, message, block.data());
    pad<Hash>(block.data(), Hash::digest_size, 1, Hash::block_size + Hash::digest_size);
    typename Hash::State state = outer_;
    Hash::compress(state, block.data(), 1);
    store_digest<Hash>(state, out);
  }

 private:
  static constexpr std::uint8_t inner_pad = 0x36, outer_pad = 0x5c;
  Hash::State inner_ = Hash::start, outer_ = Hash::start;
};

}  // namespace tidewire
