// SHA-256, SHA-384 and SHA-512 (FIPS 180-4) as data for one algorithm: a state, its start value, and how blocks are
// taken in.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "tidewire/sha2_blocks.hpp"

namespace tidewire {

using Octets = std::span<const std::uint8_t>;

using Sha256State = std::array<std::uint32_t, 8>;
using Sha512State = std::array<std::uint64_t, 8>;

struct Sha256 {
  using State = Sha256State;
  static constexpr std::size_t block_size = 64, digest_size = 32, length_size = 8;
  static constexpr State start = {0x6a09e667U, 0xbb67ae85U, 0x3c6ef372U, 0xa54ff53aU,
                                  0x510e527fU, 0x9b05688cU, 0x1f83d9abU, 0x5be0cd19U};
  static void compress(State& state, const std::uint8_t* blocks, std::size_t count) noexcept {
    static const Sha256Compress chosen = sha256_compress();
    chosen(state.data(), blocks, count);
  }
};

struct Sha384 {
  using State = Sha512State;
  static constexpr std::size_t block_size = 128, digest_size = 48, length_size = 16;
  static constexpr State start = {0xcbbb9d5dc1059ed8U, 0x629a292a367cd507U, 0x9159015a3070dd17U, 0x152fecd8f70e5939U,
                                  0x67332667ffc00b31U, 0x8eb44a8768581511U, 0xdb0c2e0d64f98fa7U, 0x47b5481dbefa4fa4U};
  static void compress(State& state, const std::uint8_t* blocks, std::size_t count) noexcept {
    sha512_compress(state.data(), blocks, count);
  }
};

struct Sha512 {
  using State = Sha512State;
  static constexpr std::size_t block_size = 128, digest_size = 64, length_size = 16;
  static constexpr State start = {0x6a09e667f3bcc908U, 0xbb67ae8584caa73bU, 0x3c6ef372fe94f82bU, 0xa54ff53a5f1d36f1U,
                                  0x510e527fade682d1U, 0x9b05688c2b3e6c1fU, 0x1f83d9abfb41bd6bU, 0x5be0cd19137e2179U};
  static void compress(State& state, const std::uint8_t* blocks, std::size_t count) noexcept {
    sha512_compress(state.data(), blocks, count);
  }
};

// Whole words at a time: compilers make one instruction of it, and of a loop over bytes they make forty.
template <class Word>
Word big_endian(Word word) noexcept {
  if constexpr (std::endian::native == std::endian::big) return word;
  if constexpr (sizeof(Word) == 4)
    return __builtin_bswap32(word);
  else
    return __builtin_bswap64(word);
}

template <class Word>
Word load_big_endian(const std::uint8_t* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return big_endian(word);
}

template <class Word>
void store_big_endian(Word word, std::uint8_t* to) noexcept {
  word = big_endian(word);
  std::memcpy(to, &word, sizeof word);
}

// Mark the end of a message of `size` bytes, whose last `rest` bytes begin `tail`: `blocks` cleared blocks otherwise.
template <class Hash>
void pad(std::uint8_t* tail, std::size_t rest, std::size_t blocks, std::uint64_t size) noexcept {
  tail[rest] = 0x80;
  store_big_endian<std::uint64_t>(size * 8, tail + blocks * Hash::block_size - 8);
}

template <class Hash>
void store_digest(const typename Hash::State& state, std::uint8_t* digest) noexcept {
  using Word = Hash::State::value_type;
  for (std::size_t i = 0; i < Hash::digest_size / sizeof(Word); ++i)
    store_big_endian(state[i], digest + i * sizeof(Word));
}

// End a hash: `state` has taken `before` bytes (whole blocks), `message` is the rest. Writes Hash::digest_size bytes.
template <class Hash>
void finish(typename Hash::State state, std::uint64_t before, Octets message, std::uint8_t* digest) noexcept {
  constexpr std::size_t block = Hash::block_size;
  const std::size_t whole = message.size() / block, rest = message.size() % block;
  if (whole != 0) Hash::compress(state, message.data(), whole);

  std::array<std::uint8_t, 2 * block> tail;  // cleared as far as it is used: this is on the path of every request
  const std::size_t blocks = rest + 1 + Hash::length_size > block ? 2 : 1;
  std::memset(tail.data(), 0, block);
  if (blocks == 2) std::memset(tail.data() + block, 0, block);
  if (rest != 0) std::memcpy(tail.data(), message.data() + whole * block, rest);
  pad<Hash>(tail.data(), rest, blocks, before + message.size());
  Hash::compress(state, tail.data(), blocks);
  store_digest<Hash>(state, digest);
}

template <class Hash>
std::array<std::uint8_t, Hash::digest_size> digest(Octets message) noexcept {
  std::array<std::uint8_t, Hash::digest_size> out;
  finish<Hash>(Hash::start, 0, message, out.data());
  return out;
}

}  // namespace tidewire
