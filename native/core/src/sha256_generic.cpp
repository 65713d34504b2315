// SHA-256 for any CPU, and the choice between it and the SHA instructions.
#include <array>
#include <bit>

#include "tidewire/cpu.hpp"
#include "tidewire/sha2.hpp"
#include "tidewire/wipe.hpp"

namespace tidewire {
namespace {

std::uint32_t small_sigma0(std::uint32_t x) { return std::rotr(x, 7) ^ std::rotr(x, 18) ^ x >> 3; }
std::uint32_t small_sigma1(std::uint32_t x) { return std::rotr(x, 17) ^ std::rotr(x, 19) ^ x >> 10; }
std::uint32_t big_sigma0(std::uint32_t x) { return std::rotr(x, 2) ^ std::rotr(x, 13) ^ std::rotr(x, 22); }
std::uint32_t big_sigma1(std::uint32_t x) { return std::rotr(x, 6) ^ std::rotr(x, 11) ^ std::rotr(x, 25); }

// One round, in place. The caller renames the eight variables instead of moving them: after eight rounds they are back.
inline void round(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t& d, std::uint32_t e, std::uint32_t f,
                  std::uint32_t g, std::uint32_t& h, std::uint32_t input) {
  const std::uint32_t t = h + big_sigma1(e) + (g ^ (e & (f ^ g))) + input;
  d += t;
  h = t + big_sigma0(a) + ((a & b) | (c & (a | b)));
}

}  // namespace

void sha256_compress_generic(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count) noexcept {
  std::array<std::uint32_t, 64> w;
  for (; count != 0; --count, blocks += Sha256::block_size) {
    for (std::size_t i = 0; i < 16; ++i) w[i] = load_big_endian<std::uint32_t>(blocks + 4 * i);
    for (std::size_t i = 16; i < 64; ++i)
      w[i] = small_sigma1(w[i - 2]) + w[i - 7] + small_sigma0(w[i - 15]) + w[i - 16];
    std::uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    std::uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (std::size_t i = 0; i < 64; i += 8) {
      round(a, b, c, d, e, f, g, h, sha256_round_constants[i] + w[i]);
      round(h, a, b, c, d, e, f, g, sha256_round_constants[i + 1] + w[i + 1]);
      round(g, h, a, b, c, d, e, f, sha256_round_constants[i + 2] + w[i + 2]);
      round(f, g, h, a, b, c, d, e, sha256_round_constants[i + 3] + w[i + 3]);
      round(e, f, g, h, a, b, c, d, sha256_round_constants[i + 4] + w[i + 4]);
      round(d, e, f, g, h, a, b, c, sha256_round_constants[i + 5] + w[i + 5]);
      round(c, d, e, f, g, h, a, b, sha256_round_constants[i + 6] + w[i + 6]);
      round(b, c, d, e, f, g, h, a, sha256_round_constants[i + 7] + w[i + 7]);
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
  }
  wipe(w.data(), sizeof w);  // the schedule of a key block gives the key away
}

Sha256Compress sha256_compress() noexcept {
#if defined(__x86_64__)
  if (cpu().sha256) return sha256_compress_ni;
#endif
  return sha256_compress_generic;
}

}  // namespace tidewire
