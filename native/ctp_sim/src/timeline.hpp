// Simulated time, and what is to happen in it.
#pragma once
#include <functional>
#include <map>
#include <optional>

#include "dates.hpp"

namespace tidewire::ctp_sim {

class Timeline {
 public:
  explicit Timeline(Millis start) : now_(start), trading_day_(trading_day_of(start)) {}

  Millis now() const { return now_; }
  Day trading_day() const { return trading_day_; }

  void at(Millis when, std::function<void()> act) { events_.emplace(std::max(when, now_), std::move(act)); }
  std::optional<Millis> next() const { return events_.empty() ? std::nullopt : std::optional(events_.begin()->first); }
  // Does the earliest thing; equal times keep their order.
  void run_next() {
    const auto event = events_.extract(events_.begin());
    now_ = std::max(now_, event.key());
    event.mapped()();
  }
  void move_to(Millis now) { now_ = std::max(now_, now); }
  void begin_day(Millis start) {
    now_ = start;
    trading_day_ = trading_day_of(start);
  }

 private:
  Millis now_;
  Day trading_day_;
  std::multimap<Millis, std::function<void()>> events_;
};

}  // namespace tidewire::ctp_sim
