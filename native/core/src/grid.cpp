#include "tidewire/grid.hpp"

#include <algorithm>
#include <limits>

namespace tidewire {
namespace {

constexpr int max_decimals = 18;
constexpr std::int64_t max_step = 1'000'000'000'000'000'000;

std::uint64_t magnitude(std::int64_t value) { return static_cast<std::uint64_t>(value < 0 ? -value : value); }

}  // namespace

Status Grid::make(Bytes text, Grid& out) {
  Decimal number;
  if (const Status status = read_whole_decimal(text, number); !status.ok()) return status;
  int decimals = 0;
  std::int64_t step = 0;
  Code code = to_int64(number, 0, step);
  while (code == Code::bad_number && decimals < max_decimals) code = to_int64(number, ++decimals, step);
  if (code != Code::ok || step <= 0 || step > max_step) return {Code::out_of_range, 0};
  out = of(step, decimals);
  return {};
}

Grid Grid::of(std::int64_t step, int decimals) {
  Grid out;
  out.step_ = step;
  out.decimals_ = decimals;
  std::uint64_t divisor = static_cast<std::uint64_t>(step);
  bool fits = decimals <= usual_decimals;
  for (int i = decimals; i < usual_decimals; ++i)
    fits = fits && !__builtin_mul_overflow(divisor, std::uint64_t{10}, &divisor);
  if (fits) {
    out.quotient_limit_ = std::numeric_limits<std::uint64_t>::max() / divisor;
    out.twos_ = std::countr_zero(divisor);
    const std::uint64_t odd = divisor >> out.twos_;
    out.inverse_ = odd;  // Newton: right to 3 bits at first, twice as many each round
    for (int round = 0; round < 5; ++round) out.inverse_ *= 2 - odd * out.inverse_;
  }
  return out;
}

Code Grid::refined(const Decimal& number, Grid& finer, std::int64_t& ratio) const {
  std::int64_t units = 0;
  ratio = step_;
  for (int decimals = decimals_; decimals <= max_decimals; ++decimals) {
    if (to_int64(number, decimals, units) == Code::ok) {
      finer = of(1, decimals);
      return Code::ok;
    }
    if (__builtin_mul_overflow(ratio, std::int64_t{10}, &ratio)) break;
  }
  return Code::out_of_range;
}

Code Grid::ticks(const Decimal& number, std::int64_t& out) const {
  std::int64_t units = 0;
  const Code code = to_int64(number, decimals_, units);
  if (code != Code::ok) return code == Code::bad_number ? Code::off_grid : code;
  if (units > limit || units < -limit) return Code::out_of_range;
  if (units % step_ != 0) return Code::off_grid;
  out = units / step_;
  return Code::ok;
}

const char* Grid::read_any(const char* p, const char* end, std::int64_t& ticks) const {
  Decimal number;
  return read_decimal(p, end, number) == Code::ok && this->ticks(number, ticks) == Code::ok ? p : nullptr;
}

Status Grid::ticks(Bytes text, std::int64_t& out) const {
  Decimal number;
  const Status status = read_whole_decimal(text, number);
  return status.ok() ? Status{ticks(number, out), 0} : status;
}

std::string Grid::text(std::int64_t ticks) const {
  std::uint64_t units = magnitude(ticks * step_);
  char buffer[32];
  char* const end = buffer + sizeof buffer;
  char* p = end;
  for (int place = 0; units != 0 || place <= decimals_; ++place) {
    if (place == decimals_ && place != 0) *--p = '.';
    *--p = static_cast<char>('0' + static_cast<int>(units % 10));
    units /= 10;
  }
  if (ticks < 0) *--p = '-';
  return {p, end};
}

double Grid::value_of_large(std::int64_t units) const {
  Decimal number;
  number.digits = magnitude(units);
  number.exponent = -decimals_;
  number.negative = units < 0;
  return to_double(number);
}

}  // namespace tidewire
