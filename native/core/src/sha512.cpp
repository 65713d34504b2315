// SHA-512's block function, which SHA-384 shares (FIPS 180-4, 6.4).
#include <array>
#include <bit>

#include "tidewire/sha2.hpp"
#include "tidewire/wipe.hpp"

namespace tidewire {
namespace {

constexpr std::array<std::uint64_t, 80> round_constants = {
    0x428a2f98d728ae22U, 0x7137449123ef65cdU, 0xb5c0fbcfec4d3b2fU, 0xe9b5dba58189dbbcU, 0x3956c25bf348b538U,
    0x59f111f1b605d019U, 0x923f82a4af194f9bU, 0xab1c5ed5da6d8118U, 0xd807aa98a3030242U, 0x12835b0145706fbeU,
    0x243185be4ee4b28cU, 0x550c7dc3d5ffb4e2U, 0x72be5d74f27b896fU, 0x80deb1fe3b1696b1U, 0x9bdc06a725c71235U,
    0xc19bf174cf692694U, 0xe49b69c19ef14ad2U, 0xefbe4786384f25e3U, 0x0fc19dc68b8cd5b5U, 0x240ca1cc77ac9c65U,
    0x2de92c6f592b0275U, 0x4a7484aa6ea6e483U, 0x5cb0a9dcbd41fbd4U, 0x76f988da831153b5U, 0x983e5152ee66dfabU,
    0xa831c66d2db43210U, 0xb00327c898fb213fU, 0xbf597fc7beef0ee4U, 0xc6e00bf33da88fc2U, 0xd5a79147930aa725U,
    0x06ca6351e003826fU, 0x142929670a0e6e70U, 0x27b70a8546d22ffcU, 0x2e1b21385c26c926U, 0x4d2c6dfc5ac42aedU,
    0x53380d139d95b3dfU, 0x650a73548baf63deU, 0x766a0abb3c77b2a8U, 0x81c2c92e47edaee6U, 0x92722c851482353bU,
    0xa2bfe8a14cf10364U, 0xa81a664bbc423001U, 0xc24b8b70d0f89791U, 0xc76c51a30654be30U, 0xd192e819d6ef5218U,
    0xd69906245565a910U, 0xf40e35855771202aU, 0x106aa07032bbd1b8U, 0x19a4c116b8d2d0c8U, 0x1e376c085141ab53U,
    0x2748774cdf8eeb99U, 0x34b0bcb5e19b48a8U, 0x391c0cb3c5c95a63U, 0x4ed8aa4ae3418acbU, 0x5b9cca4f7763e373U,
    0x682e6ff3d6b2b8a3U, 0x748f82ee5defb2fcU, 0x78a5636f43172f60U, 0x84c87814a1f0ab72U, 0x8cc702081a6439ecU,
    0x90befffa23631e28U, 0xa4506cebde82bde9U, 0xbef9a3f7b2c67915U, 0xc67178f2e372532bU, 0xca273eceea26619cU,
    0xd186b8c721c0c207U, 0xeada7dd6cde0eb1eU, 0xf57d4f7fee6ed178U, 0x06f067aa72176fbaU, 0x0a637dc5a2c898a6U,
    0x113f9804bef90daeU, 0x1b710b35131c471bU, 0x28db77f523047d84U, 0x32caab7b40c72493U, 0x3c9ebe0a15c9bebcU,
    0x431d67c49c100d4cU, 0x4cc5d4becb3e42b6U, 0x597f299cfc657e2aU, 0x5fcb6fab3ad6faecU, 0x6c44198c4a475817U};

std::uint64_t small_sigma0(std::uint64_t x) { return std::rotr(x, 1) ^ std::rotr(x, 8) ^ x >> 7; }
std::uint64_t small_sigma1(std::uint64_t x) { return std::rotr(x, 19) ^ std::rotr(x, 61) ^ x >> 6; }
std::uint64_t big_sigma0(std::uint64_t x) { return std::rotr(x, 28) ^ std::rotr(x, 34) ^ std::rotr(x, 39); }
std::uint64_t big_sigma1(std::uint64_t x) { return std::rotr(x, 14) ^ std::rotr(x, 18) ^ std::rotr(x, 41); }

// One round, in place. The caller renames the eight variables instead of moving them: after eight rounds they are back.
inline void round(std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t& d, std::uint64_t e, std::uint64_t f,
                  std::uint64_t g, std::uint64_t& h, std::uint64_t input) {
  const std::uint64_t t = h + big_sigma1(e) + (g ^ (e & (f ^ g))) + input;
  d += t;
  h = t + big_sigma0(a) + ((a & b) | (c & (a | b)));
}

}  // namespace

void sha512_compress(std::uint64_t* state, const std::uint8_t* blocks, std::size_t count) noexcept {
  std::array<std::uint64_t, 80> w;
  for (; count != 0; --count, blocks += Sha512::block_size) {
    for (std::size_t i = 0; i < 16; ++i) w[i] = load_big_endian<std::uint64_t>(blocks + 8 * i);
    for (std::size_t i = 16; i < 80; ++i)
      w[i] = small_sigma1(w[i - 2]) + w[i - 7] + small_sigma0(w[i - 15]) + w[i - 16];
    std::uint64_t a = state[0], b = state[1], c = state[2], d = state[3];
    std::uint64_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (std::size_t i = 0; i < 80; i += 8) {
      round(a, b, c, d, e, f, g, h, round_constants[i] + w[i]);
      round(h, a, b, c, d, e, f, g, round_constants[i + 1] + w[i + 1]);
      round(g, h, a, b, c, d, e, f, round_constants[i + 2] + w[i + 2]);
      round(f, g, h, a, b, c, d, e, round_constants[i + 3] + w[i + 3]);
      round(e, f, g, h, a, b, c, d, round_constants[i + 4] + w[i + 4]);
      round(d, e, f, g, h, a, b, c, round_constants[i + 5] + w[i + 5]);
      round(c, d, e, f, g, h, a, b, round_constants[i + 6] + w[i + 6]);
      round(b, c, d, e, f, g, h, a, round_constants[i + 7] + w[i + 7]);
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
  }
  wipe(w.data(), sizeof w);  // the schedule of a key block gives the key away
}

}  // namespace tidewire
