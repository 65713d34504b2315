#include "tidewire/number.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

namespace tidewire {
namespace {

using uint128 = unsigned __int128;

constexpr int max_digits = 19;                                    // every 19-digit number fits in 64 bits
constexpr std::int64_t exponent_limit = 100'000'000'000'000'000;  // beyond any text that fits in memory

constexpr auto powers_of_ten = [] {
  std::array<std::uint64_t, max_digits + 1> table{1};
  for (std::size_t i = 1; i < table.size(); ++i) table[i] = table[i - 1] * 10;
  return table;
}();

// Powers of ten that float64 holds exactly.
constexpr std::array<double, 23> exact_powers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Eight ASCII digits at once, when the next eight bytes are digits (Langdale's and Lemire's multiply-and-shift).
bool read_eight_digits(const char* at, const char* end, std::uint64_t& value) {
  if constexpr (std::endian::native != std::endian::little) return false;
  if (end - at < 8) return false;
  std::uint64_t block;
  std::memcpy(&block, at, 8);
  if (((block + 0x4646464646464646) | (block - 0x3030303030303030)) & 0x8080808080808080) return false;
  block -= 0x3030303030303030;
  block = block * 10 + (block >> 8);
  value = (((block & 0x000000FF000000FF) * 0x000F424000000064) +
           (((block >> 16) & 0x000000FF000000FF) * 0x0000271000000001)) >>
          32;
  return true;
}

// Digits of a run, appended to `value` modulo 2^64; `at` moves past them.
void read_digits(const char*& at, const char* end, std::uint64_t& value) {
  std::uint64_t eight;
  while (read_eight_digits(at, end, eight)) {
    value = value * 100'000'000 + eight;
    at += 8;
  }
  for (; at != end && is_digit(*at); ++at) value = value * 10 + static_cast<std::uint64_t>(*at - '0');
}

// The first 19 significant digits of [integer, end), which has a dot or not; counts the places dropped after them.
std::int64_t read_significant(const char* at, const char* end, Decimal& out) {
  int kept = 0;
  std::int64_t dropped = 0;
  out.digits = 0;
  for (; at != end; ++at) {
    if (*at == '.') continue;
    const auto digit = static_cast<std::uint64_t>(*at - '0');
    if (kept < max_digits) {
      out.digits = out.digits * 10 + digit;
      kept += out.digits != 0;
    } else {
      ++dropped;
      out.exact &= digit == 0;
    }
  }
  return dropped;
}

Code refuse(const char*& at, const char* where, const char* end) {
  at = where;
  return where == end ? Code::truncated : Code::bad_number;
}

// m ÷ 10^k for 1 ≤ k ≤ 19, rounded once: the quotient keeps at least 62 bits and a sticky bit for the remainder.
double divide(std::uint64_t m, std::size_t k) {
  const int shift_m = std::countl_zero(m);
  const int shift_d = std::countl_zero(powers_of_ten[k]);
  const std::uint64_t divisor = powers_of_ten[k] << shift_d;
  const uint128 dividend = static_cast<uint128>(m << shift_m) << 63;
  auto quotient = static_cast<std::uint64_t>(dividend / divisor);
  if (dividend % divisor != 0) quotient |= 1;
  const auto scale = static_cast<std::uint64_t>(1023 - 63 - shift_m + shift_d)
                     << 52;  // a power of two, as float64 bits
  return static_cast<double>(quotient) * std::bit_cast<double>(scale);
}

// The standard library's own correctly rounded conversion, for what the shortcuts do not cover.
double convert_text(const Decimal& number) {
  const char* first = number.text.data() + (number.negative ? 1 : 0);
  const char* last = number.text.data() + number.text.size();
  double value = 0;
  if (std::from_chars(first, last, value).ec != std::errc::result_out_of_range) return value;
  return number.exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0;
}

double magnitude(const Decimal& number) {
  const std::uint64_t m = number.digits;
  const std::int64_t e = number.exponent;
  if (m == 0) return 0.0;
  if (number.exact && e >= -22 && e <= 22) {
    if (m <= std::uint64_t{1} << 53) {  // both operands exact: IEEE rounds the one operation correctly
      const auto value = static_cast<double>(m);
      return e < 0 ? value / exact_powers[static_cast<std::size_t>(-e)]
                   : value * exact_powers[static_cast<std::size_t>(e)];
    }
    if (e == 0) return static_cast<double>(m);
    if (e > 0 && e <= max_digits)
      return static_cast<double>(static_cast<uint128>(m) * powers_of_ten[static_cast<std::size_t>(e)]);
    if (e < 0 && e >= -max_digits) return divide(m, static_cast<std::size_t>(-e));
  }
  return convert_text(number);
}

}  // namespace

Code read_decimal(const char*& at, const char* end, Decimal& out, Grammar grammar) {
  const bool relaxed = grammar == Grammar::relaxed;
  const char* const begin = at;
  const char* p = begin;
  out = Decimal{};
  if (p != end && *p == '-') {
    out.negative = true;
    ++p;
  }
  const char* const integer = p;
  if (!relaxed && p != end && *p == '0') {
    ++p;
  } else {
    read_digits(p, end, out.digits);
  }
  std::int64_t count = p - integer;
  if (count == 0 && !(relaxed && p != end && *p == '.')) return refuse(at, p, end);
  std::int64_t exponent = 0;
  if (p != end && *p == '.') {
    const char* const fraction = ++p;
    read_digits(p, end, out.digits);
    exponent = fraction - p;
    count -= exponent;
    if (exponent == 0 && !(relaxed && count != 0)) return refuse(at, p, end);
  }
  if (count > max_digits) exponent += read_significant(integer, p, out);  // the digits may have overflowed: once more
  if (p != end && (*p == 'e' || *p == 'E')) {
    ++p;
    bool down = false;
    if (p != end && (*p == '-' || *p == '+')) down = *p++ == '-';
    if (p == end || !is_digit(*p)) return refuse(at, p, end);
    std::int64_t written = 0;
    for (; p != end && is_digit(*p); ++p) {
      if (written < exponent_limit) written = written * 10 + (*p - '0');
    }
    exponent += down ? -written : written;
  }
  out.exponent = exponent;
  out.text = Bytes(begin, static_cast<std::size_t>(p - begin));
  at = p;
  return Code::ok;
}

Status read_whole_decimal(Bytes text, Decimal& out, Grammar grammar) {
  const char* at = text.data();
  const char* const end = at + text.size();
  Code code = read_decimal(at, end, out, grammar);
  if (code == Code::ok && at != end) code = Code::bad_number;
  return {code, static_cast<std::size_t>(at - text.data())};
}

double to_double(const Decimal& number) {
  const double value = magnitude(number);
  return number.negative ? -value : value;
}

Code to_int64(const Decimal& number, int power, std::int64_t& out) {
  std::uint64_t value = number.digits;
  std::int64_t exponent = number.exponent + power;
  if (!number.exact) return exponent <= 0 ? Code::bad_number : Code::out_of_range;
  for (; exponent < 0 && value != 0; ++exponent) {
    if (value % 10 != 0) return Code::bad_number;
    value /= 10;
  }
  if (value != 0 && exponent > 0) {
    if (exponent > max_digits) return Code::out_of_range;
    const std::uint64_t scale = powers_of_ten[static_cast<std::size_t>(exponent)];
    if (__builtin_mul_overflow(value, scale, &value)) return Code::out_of_range;
  }
  const std::uint64_t limit =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (number.negative ? 1 : 0);
  if (value > limit) return Code::out_of_range;
  out = static_cast<std::int64_t>(number.negative ? ~value + 1 : value);
  return Code::ok;
}

}  // namespace tidewire
