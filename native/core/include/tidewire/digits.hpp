// Decimal digits, eight or sixteen at once. SSE2 is part of every x86-64; elsewhere a 64-bit word does the same.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tidewire::digits {

inline constexpr bool words_read_forwards = std::endian::native == std::endian::little;
inline constexpr std::uint64_t nibbles = 0x0F0F0F0F0F0F0F0Fu;  // of eight ASCII digits: their values

inline std::uint64_t load8(const char* p) {
  std::uint64_t v;
  std::memcpy(&v, p, 8);
  return v;
}

// The first `count` of eight bytes, 0 to 8.
inline std::uint64_t first_bytes(int count) {
  return count == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * count)) - 1;
}

// Bit 7 of the first byte that is no digit is set, and of no byte before it.
inline std::uint64_t non_digits(std::uint64_t v) {
  return ((v + 0x4646464646464646u) | (v - 0x3030303030303030u)) & 0x8080808080808080u;
}

// How many of eight bytes are digits before one that is not.
inline int count(std::uint64_t v) { return std::countr_zero(non_digits(v)) >> 3; }

// The number that eight digit values (not characters) make (Langdale's and Lemire's multiply-and-shift).
inline std::uint64_t eight(std::uint64_t v) {
  constexpr std::uint64_t pairs = 0x000000FF000000FFu;
  v = v * 10 + (v >> 8);
  return (((v & pairs) * 0x000F424000000064u) + (((v >> 16) & pairs) * 0x0000271000000001u)) >> 32;
}

// The number that sixteen characters make where the masks have ones; the others count as zeros.
// False: one of those is no digit.
inline bool sixteen_portable(std::uint64_t first, std::uint64_t second, std::uint64_t first_mask,
                             std::uint64_t second_mask, std::uint64_t& value) {
  value = eight(first & first_mask & nibbles) * 100'000'000 + eight(second & second_mask & nibbles);
  constexpr std::uint64_t zeros = 0x3030303030303030u;
  const auto odd = [](std::uint64_t v, std::uint64_t mask) { return non_digits((v & mask) | (zeros & ~mask)); };
  return (odd(first, first_mask) | odd(second, second_mask)) == 0;
}

inline bool sixteen(std::uint64_t first, std::uint64_t second, std::uint64_t first_mask, std::uint64_t second_mask,
                    std::uint64_t& value) {
#if defined(__SSE2__)
  const auto both = [](std::uint64_t low, std::uint64_t high) {
    return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
  };
  const __m128i ones =
      _mm_and_si128(_mm_xor_si128(both(first, second), _mm_set1_epi8('0')), both(first_mask, second_mask));
  const __m128i excess = _mm_subs_epu8(ones, _mm_set1_epi8(9));
  if (_mm_movemask_epi8(_mm_cmpeq_epi8(excess, _mm_setzero_si128())) != 0xFFFF) return false;
  const __m128i tens = _mm_mullo_epi16(_mm_and_si128(ones, _mm_set1_epi16(0xFF)), _mm_set1_epi16(10));
  const __m128i twos = _mm_add_epi16(tens, _mm_srli_epi16(ones, 8));
  const __m128i fours = _mm_madd_epi16(twos, _mm_set1_epi32(1 << 16 | 100));
  const __m128i eights = _mm_madd_epi16(_mm_packs_epi32(fours, fours), _mm_set1_epi32(1 << 16 | 10000));
  const std::uint64_t halves = static_cast<std::uint64_t>(_mm_cvtsi128_si64(eights));
  value = (halves & 0xFFFFFFFFu) * 100'000'000 + (halves >> 32);
  return true;
#else
  return sixteen_portable(first, second, first_mask, second_mask, value);
#endif
}

// Would a number that ends before `c` go on with it?
inline bool go_on(char c) { return static_cast<unsigned char>(c - '0') < 10 || (c | 0x20) == 'e'; }

}  // namespace tidewire::digits
