// Simulated time in China, and which of its dates each exchange writes into which field.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidewire::ctp_sim {

using Millis = std::int64_t;  // since 1970-01-01 00:00 in China, whose clocks never change
using Day = std::chrono::sys_days;

constexpr Millis second = 1000, day_length = 86'400 * second;

inline Day day_of(Millis time) { return Day(std::chrono::days(time / day_length)); }
inline int minute_of(Millis time) { return static_cast<int>(time % day_length / (60 * second)); }
std::string text_of(Day day);         // 20260701
std::string clock_text(Millis time);  // 13:30:00

bool is_weekend(Day day);
Day next_weekday(Day day);

// The evening belongs to the next weekday, and so do the hours after midnight. Holidays are not known here.
Day trading_day_of(Millis time);

// Night-session dates differ between exchanges: facts gathered from the vendor's manual and several clients' bug
// reports. By day all are the same.
struct Stamps {
  Day tick_trading, tick_action, order_insert, trade;
};
Stamps stamps_of(std::string_view exchange, Millis now, Day trading_day);

// SHFE, INE, CFFEX and GFEX stamp snapshots with 0 or 500 ms, CZCE with 0, DCE with what it was.
int stamped_millis(std::string_view exchange, Millis now);

// Whether continuous trading goes on; night_end in minutes after midnight, 0 for none.
bool in_session(std::string_view exchange, bool bonds, int night_end, Millis now);

}  // namespace tidewire::ctp_sim
