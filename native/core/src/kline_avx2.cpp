// Rows with AVX2, in two stages: find where runs of number bytes begin and end, 64 bytes at a time; then check the
// fixed text between them and convert up to 16 characters at once. Whatever is unusual (a sign, 17 digits, a leading
// zero) is read by the portable number reader, so that both paths accept the same text and give the same bits.
#if defined(__AVX2__)

#include <immintrin.h>

#include <cstring>

#include "tidewire/kline_row.hpp"

namespace tidewire {
namespace {

constexpr std::size_t block_size = 8192;  // so that an edge fits 16 bits and the index stays in the first-level cache
constexpr std::size_t index_slack = 8;    // edges are written four at a time

constexpr double exact_powers[16] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
constexpr std::int64_t integer_powers[10] = {1,       10,        100,        1'000,       10'000,
                                             100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

struct ByteTable {
  alignas(16) unsigned char bytes[17][16];
};

// Row n keeps the last n of 16 bytes.
constexpr ByteTable keep_last = [] {
  ByteTable table{};
  for (int n = 0; n <= 16; ++n)
    for (int i = 0; i < 16; ++i) table.bytes[n][i] = i >= 16 - n ? 0xFF : 0;
  return table;
}();

// Row n closes the hole at byte n (the dot): bytes before it move up by one. Row 16 has no hole.
constexpr ByteTable close_hole = [] {
  ByteTable table{};
  for (int n = 0; n <= 16; ++n)
    for (int i = 0; i < 16; ++i)
      table.bytes[n][i] = static_cast<unsigned char>(n == 16 || i > n ? i : i == 0 ? 0x80 : i - 1);
  return table;
}();

__m128i load(const unsigned char* bytes) { return _mm_load_si128(reinterpret_cast<const __m128i*>(bytes)); }

// One bit for each of 32 bytes that is a number byte ('-' to '9').
std::uint64_t number_bytes(const char* at) {
  const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const __m256i y = _mm256_sub_epi8(x, _mm256_set1_epi8('-'));
  const __m256i inside = _mm256_cmpeq_epi8(_mm256_min_epu8(y, _mm256_set1_epi8('9' - '-')), y);
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(inside));
}

// Where runs of number bytes begin and end in [at, at + length), in turns. A run that touches the end has no end edge.
std::size_t index_edges(const char* at, std::size_t length, std::uint16_t* edges) {
  std::uint16_t* out = edges;
  std::uint64_t carry = 0;
  alignas(32) char padded[64];
  for (std::size_t i = 0; i < length; i += 64) {
    const char* source = at + i;
    if (length - i < 64) {
      std::memset(padded, ' ', sizeof padded);
      std::memcpy(padded, source, length - i);
      source = padded;
    }
    const std::uint64_t inside = number_bytes(source) | number_bytes(source + 32) << 32;
    std::uint64_t changes = inside ^ (inside << 1 | carry);
    carry = inside >> 63;
    std::uint16_t* const next = out + _mm_popcnt_u64(changes);
    while (changes != 0) {
      for (int k = 0; k < 4; ++k) {  // past the last change this writes i + 64, which the next block overwrites
        out[k] = static_cast<std::uint16_t>(i + _tzcnt_u64(changes));
        changes = _blsr_u64(changes);
      }
      out += 4;
    }
    out = next;
  }
  return static_cast<std::size_t>(out - edges);
}

// A number of up to 19 digits without sign, exponent or leading zero: digits ÷ 10^fraction.
struct ShortNumber {
  std::uint64_t digits;
  unsigned fraction;
};

// The last `length` of the 16 bytes before `end`. `dots` has a bit for each dot, the last byte's being the highest.
// False unless they are digits with at most one dot, which is not the last.
[[gnu::always_inline]] inline bool read_tail(const char* end, std::size_t length, ShortNumber& out, unsigned& dots) {
  const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(end - 16));
  const __m128i keep = load(keep_last.bytes[length]);
  const __m128i value = _mm_sub_epi8(text, _mm_set1_epi8('0'));
  const __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value);
  const __m128i dot = _mm_and_si128(keep, _mm_cmpeq_epi8(text, _mm_set1_epi8('.')));
  if (!_mm_testc_si128(_mm_or_si128(digit, dot), keep)) return false;
  dots = static_cast<unsigned>(_mm_movemask_epi8(dot));
  if ((dots & (dots - 1)) != 0 || (dots & 0x8000U) != 0) return false;
  const unsigned hole = _tzcnt_u32(dots | 0x10000U);
  const __m128i digits = _mm_shuffle_epi8(_mm_and_si128(keep, value), load(close_hole.bytes[hole]));
  const __m128i pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010A));                            // 10 a + b
  const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00010064));                            // 100 a + b
  const __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(0x00012710));  // 10000 a + b
  const auto halves = static_cast<std::uint64_t>(_mm_cvtsi128_si64(eights));
  out.digits = (halves & 0xFFFFFFFF) * 100'000'000 + (halves >> 32);
  out.fraction = hole == 16 ? 0 : 15 - hole;
  return true;
}

// 17 to 20 characters, of which the dot, if any, is among the last 16: daily volumes are that long.
[[gnu::noinline]] bool read_long(const char* begin, const char* end, ShortNumber& out) {
  std::uint64_t head = 0;
  for (const char* at = begin; at != end - 16; ++at) {
    if (*at < '0' || *at > '9') return false;
    head = head * 10 + static_cast<std::uint64_t>(*at - '0');
  }
  unsigned dots = 0;
  if (*begin == '0' || !read_tail(end, 16, out, dots) || (end - begin == 20 && dots == 0)) return false;
  out.digits += head * (dots == 0 ? 10'000'000'000'000'000 : 1'000'000'000'000'000);
  return true;
}

// False when [begin, end) is anything else. The 16 bytes before `end` must be readable.
[[gnu::always_inline]] inline bool read_short(const char* begin, const char* end, ShortNumber& out) {
  const auto length = static_cast<std::size_t>(end - begin);
  if (length > 16) return length <= 20 && read_long(begin, end, out);
  unsigned dots = 0;
  if (!read_tail(end, length, out, dots)) return false;
  const unsigned first = 1U << (16 - length);
  return dots != first && (*begin != '0' || length == 1 || dots == first << 1);
}

// What a row is read with, gathered once so that stores into columns cannot make the compiler look it up again.
struct Rows {
  explicit Rows(const FastInput& source) : input(source), slots(source.shape->slots()), count(source.shape->count()) {
    for (std::size_t i = 0; i < count; ++i) columns[i] = source.out->column(slots[i].field);
  }

  const FastInput& input;
  const Slot* slots;
  std::size_t count;
  std::byte* columns[RowTrace::max_values];
};

[[gnu::noinline]] bool read_any(const Rows& rows, std::size_t slot, const char* begin, const char* end,
                                std::size_t row) {
  Decimal number;
  const char* at = begin;
  if (read_decimal(at, end, number) != Code::ok || at != end) return false;
  return store_number(rows.slots[slot], number, rows.input.time_power, *rows.input.out, row);
}

// More digits than float64 has: rounded once, by the portable code.
[[gnu::noinline]] double divide_wide(ShortNumber number) {
  return to_double({.digits = number.digits, .exponent = -static_cast<std::int64_t>(number.fraction), .text = {}});
}

[[gnu::always_inline]] inline bool store(const Rows& rows, std::size_t slot, const char* begin, const char* end,
                                         std::size_t row) {
  const SlotKind kind = rows.slots[slot].kind;
  if (kind == SlotKind::unused_quoted) return true;  // any text will do inside quotes
  ShortNumber number;
  if (kind == SlotKind::flag || !read_short(begin, end, number)) return read_any(rows, slot, begin, end, row);
  const auto digits = static_cast<std::int64_t>(number.digits);
  if (kind == SlotKind::number) {
    double& value = reinterpret_cast<double*>(rows.columns[slot])[row];
    if (number.digits > std::uint64_t{1} << 53) [[unlikely]] {
      value = divide_wide(number);
    } else {
      value = static_cast<double>(digits) / exact_powers[number.fraction];
    }
    return true;
  }
  if (kind == SlotKind::unused_bare) return true;
  if (number.fraction != 0 || digits < 0) return read_any(rows, slot, begin, end, row);
  const std::int64_t scale = kind == SlotKind::time ? integer_powers[rows.input.time_power] : 1;
  return !__builtin_mul_overflow(digits, scale, &reinterpret_cast<std::int64_t*>(rows.columns[slot])[row]);
}

// All-zero where the text at `at` agrees with the fixed text. 32 bytes must be readable.
__m256i difference(const FixedText& fixed, const char* at) {
  const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const __m256i expected = _mm256_load_si256(reinterpret_cast<const __m256i*>(fixed.text.data()));
  const __m256i mask = _mm256_load_si256(reinterpret_cast<const __m256i*>(fixed.mask.data()));
  return _mm256_and_si256(mask, _mm256_xor_si256(text, expected));
}

// The row whose numbers have these edges; `edges` holds one more: the beginning of the next row's first number.
bool read_row(const Rows& rows, const char* block, const std::uint16_t* edges, std::size_t row) {
  __m256i differences = _mm256_setzero_si256();
  bool sound = true;
  for (std::size_t i = 0; i < rows.count; ++i, edges += 2) {
    const FixedText& gap = rows.slots[i].gap;
    const char* const end = block + edges[1];
    sound &= static_cast<std::size_t>(edges[2] - edges[1]) == gap.length;
    differences = _mm256_or_si256(differences, difference(gap, end));
    sound &= store(rows, i, block + edges[0], end, row);
  }
  return sound && _mm256_testz_si256(differences, differences);
}

}  // namespace

FastRows read_rows_avx2(const FastInput& input) {
  FastRows done;
  const RowTemplate& shape = *input.shape;
  const FixedText& lead = shape.lead();
  if (static_cast<std::size_t>(input.end - input.at) < lead.length ||
      std::memcmp(input.at, lead.text.data(), lead.length) != 0)
    return done;
  const char* block = input.at + lead.length;
  if (block - input.begin < 16) return done;  // numbers are loaded backwards from their end
  const std::size_t room = input.out->capacity - input.out->rows;
  const Rows rows(input);
  const std::size_t row_edges = 2 * rows.count;
  std::uint16_t index[block_size + index_slack];
  for (;;) {
    const auto left = static_cast<std::size_t>(input.end - block);
    index[0] = 1;
    const std::size_t found = index_edges(block, left < block_size ? left : block_size, index);
    if (index[0] != 0) return done;  // no number here
    const std::uint16_t* edges = index;
    const std::uint16_t* const last = index + found;
    const std::size_t before = done.count;
    bool alike = true;
    while (alike && static_cast<std::size_t>(last - edges) > row_edges && done.count < room) {
      const char* const last_number_end = block + edges[row_edges - 1];
      alike = input.end - last_number_end >= static_cast<std::ptrdiff_t>(FixedText::max_length) &&
              read_row(rows, block, edges, input.out->rows + done.count);
      if (!alike) break;
      ++done.count;
      done.end = last_number_end + shape.tail_length();
      edges += row_edges;
    }
    if (!alike || done.count == before || done.count == room) return done;
    block += edges[0];
  }
}

}  // namespace tidewire

#endif
