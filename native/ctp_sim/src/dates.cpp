#include "dates.hpp"

#include <cstdio>

namespace tidewire::ctp_sim {

using std::chrono::days;

std::string text_of(Day day) {
  const std::chrono::year_month_day date(day);
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%04d%02u%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text.data();
}

std::string clock_text(Millis time) {
  const int seconds = static_cast<int>(time % day_length / second);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
  return text.data();
}

bool is_weekend(Day day) {
  const std::chrono::weekday weekday(day);
  return weekday == std::chrono::Saturday || weekday == std::chrono::Sunday;
}

Day next_weekday(Day day) {
  do day += days(1);
  while (is_weekend(day));
  return day;
}

Day trading_day_of(Millis time) {
  constexpr int evening = 18 * 60;
  const Day day = day_of(time);
  return minute_of(time) >= evening || is_weekend(day) ? next_weekday(day) : day;
}

Stamps stamps_of(std::string_view exchange, Millis now, Day trading_day) {
  const Day natural = day_of(now);
  if (exchange == "DCE") return {trading_day, trading_day, trading_day, trading_day};
  if (exchange == "CZCE") return {natural, natural, natural, trading_day};
  return {trading_day, natural, natural, natural};
}

int stamped_millis(std::string_view exchange, Millis now) {
  const int millis = static_cast<int>(now % second);
  if (exchange == "CZCE") return 0;
  return exchange == "DCE" ? millis : millis / 500 * 500;
}

bool in_session(std::string_view exchange, bool bonds, int night_end, Millis now) {
  const int minute = minute_of(now);
  const auto within = [minute](int from, int to) { return from <= minute && minute < to; };
  if (exchange == "CFFEX") return within(570, 690) || within(780, bonds ? 915 : 900);
  if (within(540, 615) || within(630, 690) || within(810, 900)) return true;
  constexpr int night_start = 21 * 60;
  if (night_end == 0) return false;
  return night_end > night_start ? within(night_start, night_end) : minute >= night_start || minute < night_end;
}

}  // namespace tidewire::ctp_sim
