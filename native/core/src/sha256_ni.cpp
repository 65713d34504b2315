// SHA-256 with the x86 SHA extensions. Compiled with -msha -msse4.1, run only where cpu().sha256 says so.
#if defined(__x86_64__)
#include <immintrin.h>

#include "tidewire/sha2_blocks.hpp"

namespace tidewire {
namespace {

__m128i load(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
void store(void* to, __m128i value) { _mm_storeu_si128(static_cast<__m128i*>(to), value); }

// Rounds 4 group .. 4 group + 3. `w` holds the last sixteen schedule words, four to a register, oldest at group mod 4.
// The first sixteen words are the message; later ones replace the oldest: FIPS 180-4, 6.2.2.
inline void four_rounds(std::size_t group, __m128i (&w)[4], __m128i& abef, __m128i& cdgh) {
  __m128i& oldest = w[group & 3];
  if (group >= 4) {
    const __m128i newest = w[(group + 3) & 3];
    const __m128i seven_back = _mm_alignr_epi8(newest, w[(group + 2) & 3], 4);
    const __m128i partial = _mm_add_epi32(_mm_sha256msg1_epu32(oldest, w[(group + 1) & 3]), seven_back);
    oldest = _mm_sha256msg2_epu32(partial, newest);
  }
  const __m128i sum = _mm_add_epi32(oldest, load(sha256_round_constants + 4 * group));
  cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
  abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
}

}  // namespace

// SHA256RNDS2 wants the state as {A,B,E,F} and {C,D,G,H}, first word in the highest lane: Intel SDM volume 2B.
void sha256_compress_ni(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count) noexcept {
  const __m128i badc = _mm_shuffle_epi32(load(state), 0xB1), hgfe = _mm_shuffle_epi32(load(state + 4), 0x1B);
  __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xF0);
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

  for (; count != 0; --count, blocks += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];
    for (std::size_t i = 0; i < 4; ++i) w[i] = _mm_shuffle_epi8(load(blocks + 16 * i), big_endian);
#if defined(__GNUC__)
#pragma GCC unroll 16
#endif
    for (std::size_t group = 0; group < 16; ++group) four_rounds(group, w, abef, cdgh);
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }

  const __m128i feba = _mm_shuffle_epi32(abef, 0x1B), dchg = _mm_shuffle_epi32(cdgh, 0xB1);
  store(state, _mm_blend_epi16(feba, dchg, 0xF0));
  store(state + 4, _mm_alignr_epi8(dchg, feba, 8));
}

}  // namespace tidewire
#endif
