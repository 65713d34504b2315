#include "tidewire/iso_time.hpp"

namespace tidewire {
namespace {

class Cursor {
 public:
  explicit Cursor(Bytes text) : at_(text.data()), end_(at_ + text.size()) {}

  bool done() const { return at_ == end_; }
  char peek() const { return done() ? '\0' : *at_; }

  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  // Exactly `width` digits, with a value in [low, high].
  bool digits(int width, int low, int high, int& value) {
    value = 0;
    for (int i = 0; i < width; ++i) {
      if (peek() < '0' || peek() > '9') return false;
      value = value * 10 + (*at_++ - '0');
    }
    return value >= low && value <= high;
  }

  // One to nine digits after a dot, in nanoseconds.
  bool fraction(std::int64_t& ns) {
    std::int64_t scale = 1'000'000'000;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      if (scale == 1) return false;
      scale /= 10;
      ns += (*at_ - '0') * scale;
    }
    return scale != 1'000'000'000;
  }

 private:
  const char* at_;
  const char* end_;
};

constexpr bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

constexpr int month_length(int year, int month) {
  constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : lengths[month - 1];
}

// Days from 1970-01-01 in the proleptic Gregorian calendar.
constexpr std::int64_t days_since_epoch(int year, int month, int day) {
  const std::int64_t past = year - 1;
  std::int64_t days = past * 365 + past / 4 - past / 100 + past / 400 - 719'162;
  for (int m = 1; m < month; ++m) days += month_length(year, m);
  return days + day - 1;
}
static_assert(days_since_epoch(1970, 1, 1) == 0 && days_since_epoch(2000, 3, 1) == 11'017);

bool read_zone(Cursor& cursor, int& minutes) {
  minutes = 0;
  if (cursor.accept('Z')) return true;
  const bool west = cursor.accept('-');
  if (!west && !cursor.accept('+')) return false;
  int hour = 0;
  int minute = 0;
  if (!cursor.digits(2, 0, 23, hour)) return false;
  cursor.accept(':');
  if (!cursor.digits(2, 0, 59, minute)) return false;
  minutes = (hour * 60 + minute) * (west ? -1 : 1);
  return true;
}

}  // namespace

Code read_iso_time(Bytes text, std::int64_t& time_ns) {
  Cursor cursor(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offset = 0;
  std::int64_t fraction = 0;
  const bool date = cursor.digits(4, 1, 9999, year) && cursor.accept('-') && cursor.digits(2, 1, 12, month) &&
                    cursor.accept('-') && cursor.digits(2, 1, month_length(year, month), day);
  if (!date || !(cursor.accept('T') || cursor.accept(' '))) return Code::wrong_type;
  if (!cursor.digits(2, 0, 23, hour) || !cursor.accept(':') || !cursor.digits(2, 0, 59, minute))
    return Code::wrong_type;
  if (cursor.accept(':')) {
    if (!cursor.digits(2, 0, 59, second)) return Code::wrong_type;
    if (cursor.accept('.') && !cursor.fraction(fraction)) return Code::wrong_type;
  }
  if (!read_zone(cursor, offset) || !cursor.done()) return Code::wrong_type;
  if (year < 1678 || year > 2261) return Code::out_of_range;
  const std::int64_t minutes = (days_since_epoch(year, month, day) * 24 + hour) * 60 + minute - offset;
  time_ns = (minutes * 60 + second) * 1'000'000'000 + fraction;
  return Code::ok;
}

}  // namespace tidewire
