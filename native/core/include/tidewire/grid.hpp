// Decimal text to whole ticks and back, exactly. A grid is a step such as 0.01, 0.05, 5 or 1e-8; a value off the grid
// is an error.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include "tidewire/number.hpp"
#include "tidewire/status.hpp"

namespace tidewire {

namespace detail {
// Powers of ten that a step may have for decimals; a double holds each exactly.
inline constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
inline std::uint64_t load8(const char* p) {
  std::uint64_t v;
  std::memcpy(&v, p, 8);
  return v;
}
// Bit 7 of the first byte that is no digit is set, and of no byte before it.
inline std::uint64_t non_digits(std::uint64_t v) {
  return ((v + 0x4646464646464646u) | (v - 0x3030303030303030u)) & 0x8080808080808080u;
}
// Eight digit values (0..9 each), first digit in the lowest byte.
inline std::uint64_t eight_digits(std::uint64_t v) {
  v = v * 10 + (v >> 8);
  return (((v & 0x000000FF000000FFu) * 0x000F424000000064u) +
          (((v >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u)) >>
         32;
}
}  // namespace detail

class Grid {
 public:
  // Largest value, in units of the step's last decimal: the difference of any two still fits in int64.
  static constexpr std::int64_t limit = (std::int64_t{1} << 62) - 1;

  Grid() = default;  // step 1

  // The step from its text; it must be positive, at most 1e18 and have at most 18 decimals.
  static Status make(Bytes text, Grid& out);

  // A value as whole steps: Code::off_grid when it is no multiple, Code::out_of_range beyond the limit.
  Code ticks(const Decimal& number, std::int64_t& out) const;
  Status ticks(Bytes text, std::int64_t& out) const;

  // The coarsest power of ten that divides this step and holds `number`; `ratio` of it make one step of this.
  // Code::out_of_range when there is none.
  Code refined(const Decimal& number, Grid& finer, std::int64_t& ratio) const;

  // Reads one JSON number at p. Returns the first byte after it; nullptr when there is none, or none on the grid.
  const char* read(const char* p, const char* end, std::int64_t& ticks) const {
    if (const char* after = read_usual(p, end, ticks)) [[likely]]
      return after;
    return read_any(p, end, ticks);
  }

  // Canonical text: always as many decimals as the step has. The value must lie within the limit.
  std::string text(std::int64_t ticks) const;

  // Nearest double. The value must lie within the limit.
  double value(std::int64_t ticks) const {
    const std::int64_t units = ticks * step_;
    constexpr std::int64_t exact = std::int64_t{1} << 53;
    if (units > exact || units < -exact) [[unlikely]]
      return value_of_large(units);
    return static_cast<double>(units) /
           detail::powers[decimals_];  // both are exact, so the quotient is correctly rounded
  }

  int decimals() const { return decimals_; }
  std::int64_t step() const { return step_; }  // in units of 10^-decimals

 private:
  static constexpr int usual_decimals = 8;

  static Grid of(std::int64_t step, int decimals);
  const char* read_usual(const char* p, const char* end, std::int64_t& ticks) const;
  const char* read_any(const char* p, const char* end, std::int64_t& ticks) const;
  double value_of_large(std::int64_t units) const;

  std::int64_t step_ = 1;
  int decimals_ = 0;
  // Exact division by step * 10^(8 - decimals): multiply by the inverse of the divisor's odd part, rotate its power of
  // two away; the quotient exceeds `quotient_limit_` exactly when there is a remainder (Granlund and Montgomery 1994,
  // section 9).
  std::uint64_t inverse_ = 0;
  std::uint64_t quotient_limit_ = 0;  // 0: the step does not suit the usual shape
  int twos_ = 0;
};

// The shape that venues send nearly always: at most 8 digits, optionally a point and at most 8 more. nullptr: anything
// else.
inline const char* Grid::read_usual(const char* p, const char* end, std::int64_t& ticks) const {
  constexpr std::uint64_t nibbles = 0x0F0F0F0F0F0F0F0Fu;
  if (std::endian::native != std::endian::little || quotient_limit_ == 0 || end - p < 18) return nullptr;

  const std::uint64_t whole = detail::load8(p);
  const std::uint64_t whole_end = detail::non_digits(whole);
  const int digits = std::countr_zero(whole_end) >> 3;
  if (digits == 0 || (*p == '0' && digits > 1)) return nullptr;
  std::uint64_t scaled = detail::eight_digits((whole << (64 - 8 * digits)) & nibbles) * 100'000'000u;
  p += digits;

  if (*p == '.') {
    const std::uint64_t fraction = detail::load8(p + 1);
    const std::uint64_t fraction_end = detail::non_digits(fraction);
    const std::uint64_t kept =
        ((fraction_end & (0 - fraction_end)) >> 7) - 1;  // the digits' bytes: all eight when none stops them
    if (kept == 0) return nullptr;
    scaled += detail::eight_digits(fraction & kept & nibbles);
    p += 1 + (std::countr_zero(fraction_end) >> 3);
  }
  if (static_cast<unsigned char>(*p - '0') < 10 || (*p | 0x20) == 'e') return nullptr;

  const std::uint64_t quotient = std::rotr(scaled * inverse_, twos_);
  if (quotient > quotient_limit_) return nullptr;
  ticks = static_cast<std::int64_t>(quotient);
  return p;
}

}  // namespace tidewire
