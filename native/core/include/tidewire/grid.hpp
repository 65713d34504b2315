// Decimal text to whole ticks and back, exactly. A grid is a step such as 0.01, 0.05, 5 or 1e-8; a value off the grid
// is an error.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tidewire/digits.hpp"
#include "tidewire/number.hpp"
#include "tidewire/status.hpp"

namespace tidewire {

// Powers of ten that a step may have for decimals; a double holds each exactly.
inline constexpr double exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                          1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};

// How wide the numbers read last were. A market writes its prices alike, and often its quantities; the place after a
// number of expected width is known before its digits are, so that the processor reads several numbers at once.
struct Widths {
  static constexpr int enough = 4;  // numbers of equal width before the next is expected to be

  int whole = 0;
  int fraction = 0;
  int streak = 0;
  int shift = 0;  // brings the whole digits to the end of eight bytes
  std::uint64_t whole_mask = 0, fraction_mask = 0;

  void note(int whole_digits, int fraction_digits) {
    if (whole_digits == whole && fraction_digits == fraction) {
      ++streak;
      return;
    }
    const int gap = 64 - 8 * whole_digits;
    *this = {whole_digits, fraction_digits, 0, gap, ~std::uint64_t{0} << gap, digits::first_bytes(fraction_digits)};
  }
};

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
  const char* read(const char* p, const char* end, std::int64_t& ticks, Widths& widths) const {
    if (widths.streak >= Widths::enough) {
      if (const char* after = read_expected(p, end, ticks, widths)) [[likely]]
        return after;
    }
    if (const char* after = read_usual(p, end, ticks, widths)) [[likely]]
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
           exact_powers[decimals_];  // both are exact, so the quotient is correctly rounded
  }

  int decimals() const { return decimals_; }
  std::int64_t step() const { return step_; }  // in units of 10^-decimals

 private:
  static constexpr int usual_decimals = 8;
  static constexpr std::ptrdiff_t usual_size = 18;  // 8 digits, a point, 8 digits and the byte after

  static Grid of(std::int64_t step, int decimals);
  bool divide(std::uint64_t scaled, std::int64_t& ticks) const;
  const char* read_expected(const char* p, const char* end, std::int64_t& ticks, const Widths& widths) const;
  const char* read_usual(const char* p, const char* end, std::int64_t& ticks, Widths& widths) const;
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

// `scaled` is the value in units of 1e-8. False: it is no multiple of the step.
inline bool Grid::divide(std::uint64_t scaled, std::int64_t& ticks) const {
  const std::uint64_t quotient = std::rotr(scaled * inverse_, twos_);
  ticks = static_cast<std::int64_t>(quotient);
  return quotient <= quotient_limit_;
}

// A number of the expected width. nullptr: anything else.
inline const char* Grid::read_expected(const char* p, const char* end, std::int64_t& ticks,
                                       const Widths& widths) const {
  if (end - p < usual_size) return nullptr;
  const char* const point = p + widths.whole;
  const char* const after = point + 1 + widths.fraction;
  if (*point != '.' || digits::go_on(*after) || (widths.whole > 1 && *p == '0')) return nullptr;
  std::uint64_t scaled;
  const bool sound = digits::sixteen(digits::load8(p) << widths.shift, digits::load8(point + 1), widths.whole_mask,
                                     widths.fraction_mask, scaled);
  return sound && divide(scaled, ticks) ? after : nullptr;
}

// What venues send nearly always: at most 8 digits, optionally a point and at most 8 more. nullptr: anything else.
inline const char* Grid::read_usual(const char* p, const char* end, std::int64_t& ticks, Widths& widths) const {
  if (!digits::words_read_forwards || quotient_limit_ == 0 || end - p < usual_size) return nullptr;
  const std::uint64_t whole = digits::load8(p);
  const int count = digits::count(whole);
  if (count == 0 || (count > 1 && *p == '0')) return nullptr;
  std::uint64_t scaled = digits::eight((whole << (64 - 8 * count)) & digits::nibbles) * 100'000'000;
  p += count;
  if (*p == '.') {
    const std::uint64_t fraction = digits::load8(p + 1);
    const int decimals = digits::count(fraction);
    if (decimals == 0) return nullptr;
    scaled += digits::eight(fraction & digits::first_bytes(decimals) & digits::nibbles);
    p += 1 + decimals;
    widths.note(count, decimals);
  } else {
    widths.streak = 0;
  }
  return !digits::go_on(*p) && divide(scaled, ticks) ? p : nullptr;
}

}  // namespace tidewire
