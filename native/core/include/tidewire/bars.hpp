// Bars from snapshots ("ticks") that carry a trading day's running totals of volume and turnover, as Chinese futures
// do.
//
// Which bar a moment belongs to is data: slots, made by the calendar. So auctions, breaks, closing ticks and any
// alignment of bars are somebody else's knowledge. A bar's volume is the running total at its end less that at its
// beginning, so that nothing is lost between two snapshots.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "tidewire/tick_run.hpp"

namespace tidewire {

// Snapshots in [from, to) belong to bar `bar` of trading day `day`. Slots ascend and do not overlap; bars and days
// ascend with them. A bar may have several slots, with a break between them.
struct BarSlot {
  std::int64_t from, to;
  std::int64_t bar;
  std::int64_t day;
};

// Columns of equal length. Times are nanoseconds; volume and turnover are the day's totals so far.
struct TickColumns {
  std::size_t rows;
  const std::int64_t* time;
  const double* price;
  const std::int64_t* volume;
  const double* turnover;
  const double* open_interest;
};

struct Bar {
  std::int64_t bar;
  double open, high, low, close;
  std::int64_t volume;
  double turnover;
  double open_interest;
  std::int64_t ticks;  // snapshots with new volume
};

struct BarCounters {
  std::uint64_t outside = 0;       // snapshots in no slot: yesterday's at login, breaks, tests
  std::uint64_t late = 0;          // snapshots for a bar or moment that was over
  std::uint64_t shrinking = 0;     // snapshots whose volume was less than the one before
  std::uint64_t unpriced = 0;      // snapshots with volume and no price: counted, but forming no price
  std::int64_t missed_volume = 0;  // traded before the first snapshot, where that came in the middle of a day
};

class BarBuilder {
 public:
  // With `flat`, bars without a trade are written too: at the last price, with no volume.
  explicit BarBuilder(bool flat);

  // Appends slots, which must follow those there; before `horizon` there are no others. False: they do not follow, and
  // nothing was changed.
  bool extend(std::span<const BarSlot> slots, std::int64_t horizon);

  // Takes snapshots and appends the bars that they ended. Returns how many were taken: up to the first that is not
  // before the horizon.
  std::size_t add(const TickColumns& ticks, std::vector<Bar>& out);

  // Ends every bar whose last slot is over at `now`.
  void advance(std::int64_t now, std::vector<Bar>& out);

  // Ends the bar in the making, without flat ones after it.
  void finish(std::vector<Bar>& out);

  const BarCounters& counters() const { return counters_; }

 private:
  std::size_t run(const TickColumns& ticks, std::size_t row);
  std::size_t stride(const TickColumns& ticks, std::size_t row);
  void go_on(const TickColumns& ticks, std::size_t row, std::size_t end, const RunSummary& rest);
  void take(const TickColumns& ticks, std::size_t row, std::vector<Bar>& out);
  void trade(double price, std::int64_t volume);
  bool find(std::int64_t time);
  void begin_day(std::int64_t volume, double turnover);
  void reach(std::int64_t bar, std::vector<Bar>& out);
  void write(std::vector<Bar>& out);

  bool flat_;
  RunSummary (*look_over_)(const TickRun&);
  std::vector<BarSlot> slots_;
  std::int64_t horizon_ = std::numeric_limits<std::int64_t>::min();
  std::size_t at_ = 0;       // slot of the latest snapshot
  std::int64_t latest_ = 0;  // time of the latest snapshot
  bool started_ = false;     // a snapshot was taken
  std::int64_t day_ = 0;     // whose totals these are
  std::int64_t volume_ = 0;
  double turnover_ = 0;
  double turnover_before_ = 0;  // the bar in the making
  std::int64_t next_ = 0;       // first bar that is not written yet; valid once started
  bool has_price_ = false;
  Bar bar_{};  // in the making; empty while ticks == 0
  BarCounters counters_;
};

}  // namespace tidewire
