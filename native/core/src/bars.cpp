#include "tidewire/bars.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tidewire/cpu.hpp"

namespace tidewire {
namespace {

// Snapshots that are looked over at once: they stay in the first-level cache, and are not many to look over in vain.
constexpr std::size_t longest_stretch = 512;

// CTP writes DBL_MAX for "no value"; comparing leaves out NaN too.
bool is_price(double value) { return std::abs(value) < 1e300 && value != 0.0; }

// How many of the run's snapshots go on with the one before and lie before `to`.
std::size_t ordinary(const TickRun& run, std::int64_t to) {
  const std::int64_t* const time = run.time - 1;
  const std::int64_t* const volume = run.volume - 1;
  std::size_t i = 0;
  while (i < run.count && time[i] <= time[i + 1] && time[i + 1] < to && volume[i] <= volume[i + 1] &&
         is_price(run.price[i]))
    ++i;
  return i;
}

bool follows(const BarSlot& before, const BarSlot& slot) {
  return slot.from >= before.to && slot.bar >= before.bar && slot.day >= before.day;
}

}  // namespace

BarBuilder::BarBuilder(bool flat) : flat_(flat), look_over_(look_over_portable) {
#if defined(__x86_64__)
  if (cpu().avx2) look_over_ = look_over_avx2;
#endif
}

bool BarBuilder::extend(std::span<const BarSlot> slots, std::int64_t horizon) {
  const BarSlot* before = slots_.empty() ? nullptr : &slots_.back();
  for (const BarSlot& slot : slots) {
    if (slot.from >= slot.to || (before != nullptr && !follows(*before, slot))) return false;
    before = &slot;
  }
  // Of slots that are over only the last still says something: whose day it was.
  if (at_ > 1) {
    slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(at_ - 1));
    at_ = 1;
  }
  slots_.insert(slots_.end(), slots.begin(), slots.end());
  horizon_ = std::max(horizon_, horizon);
  return true;
}

std::size_t BarBuilder::add(const TickColumns& ticks, std::vector<Bar>& out) {
  if (ticks.rows > longest_stretch) out.reserve(out.size() + std::min(ticks.rows, slots_.size() - at_));
  for (std::size_t row = 0;; ++row) {
    row = run(ticks, row);
    if (row == ticks.rows || ticks.time[row] >= horizon_) return row;
    take(ticks, row, out);
  }
}

// Takes ordinary snapshots, which go on with the bar in the making; returns the first row that does not.
std::size_t BarBuilder::run(const TickColumns& ticks, std::size_t row) {
  while (row < ticks.rows && started_ && bar_.ticks != 0 && slots_[at_].bar == next_ && latest_ >= slots_[at_].from) {
    const std::size_t end = stride(ticks, row);
    if (end == row) break;
    row = end;
  }
  return row;
}

// One stretch of them, looked over at once. Where the bar's slot ends is searched for rather than asked of every
// snapshot, which only times that rise allow: the looking over tells.
std::size_t BarBuilder::stride(const TickColumns& ticks, std::size_t row) {
  const std::int64_t to = slots_[at_].to;
  if (ticks.time[row] < latest_ || ticks.time[row] >= to || ticks.volume[row] < volume_ || !is_price(ticks.price[row]))
    return row;
  const std::int64_t* const first = ticks.time + row + 1;
  const std::size_t room = std::min(ticks.rows - row - 1, longest_stretch);
  TickRun rest{static_cast<std::size_t>(std::lower_bound(first, first + room, to) - first), first,
               ticks.price + row + 1, ticks.volume + row + 1};
  RunSummary found = look_over_(rest);
  if (!found.ordinary || (rest.count > 0 && first[rest.count - 1] >= to)) {
    rest.count = ordinary(rest, to);
    found = look_over_(rest);
  }
  if (!found.ordinary) found = look_over_(rest = {0, first, rest.price, rest.volume});  // numbers out of any range
  const std::size_t end = row + 1 + rest.count;
  go_on(ticks, row, end, found);
  return end;
}

// Adds the snapshots from `row` to `end` to the bar in the making; `rest` sums up all but the first.
void BarBuilder::go_on(const TickColumns& ticks, std::size_t row, std::size_t end, const RunSummary& rest) {
  const bool trades = ticks.volume[row] != volume_;
  if (trades || rest.traded > 0) {
    std::size_t last = rest.traded > 0 ? end - 1 : row;
    while (last > row && ticks.volume[last] == ticks.volume[last - 1]) --last;
    bar_.close = ticks.price[last];
    turnover_ = ticks.turnover[last];
  }
  if (trades) {
    bar_.high = std::max(bar_.high, ticks.price[row]);
    bar_.low = std::min(bar_.low, ticks.price[row]);
  }
  bar_.high = std::max(bar_.high, rest.high);
  bar_.low = std::min(bar_.low, rest.low);
  bar_.ticks += static_cast<std::int64_t>(rest.traded) + trades;
  bar_.volume += ticks.volume[end - 1] - volume_;
  volume_ = ticks.volume[end - 1];
  latest_ = ticks.time[end - 1];
  for (std::size_t i = end; i-- > row;) {
    if (!is_price(ticks.open_interest[i])) continue;
    bar_.open_interest = ticks.open_interest[i];
    break;
  }
}

// Leaves at_ at the slot of a moment. False: it is in none.
bool BarBuilder::find(std::int64_t time) {
  if (at_ < slots_.size() && time >= slots_[at_].from && time < slots_[at_].to) [[likely]]
    return true;
  // Mostly it is in the next; a search through all of them would miss every cache.
  auto after = slots_.begin() + static_cast<std::ptrdiff_t>(at_);
  const auto near = after + std::min<std::ptrdiff_t>(4, slots_.end() - after);
  while (after != near && time >= after->to) ++after;
  if (after == near)
    after = std::upper_bound(near, slots_.end(), time,
                             [](std::int64_t moment, const BarSlot& slot) { return moment < slot.to; });
  if (after == slots_.end() || time < after->from) return false;
  at_ = static_cast<std::size_t>(after - slots_.begin());
  return true;
}

void BarBuilder::take(const TickColumns& ticks, std::size_t row, std::vector<Bar>& out) {
  const std::int64_t time = ticks.time[row], volume = ticks.volume[row];
  if (started_ && time < latest_) {
    ++counters_.late;
    return;
  }
  if (!find(time)) {
    ++counters_.outside;
    return;
  }
  const BarSlot& slot = slots_[at_];
  if (started_ && slot.bar < next_) {
    ++counters_.late;  // the clock has ended its bar already
    return;
  }
  const bool same_day = started_ && slot.day == day_;
  if (same_day && volume < volume_) {
    ++counters_.shrinking;
    return;
  }
  if (started_) reach(slot.bar, out);
  if (!same_day) begin_day(volume, ticks.turnover[row]);
  next_ = slot.bar;
  latest_ = time;
  if (is_price(ticks.open_interest[row])) bar_.open_interest = ticks.open_interest[row];
  if (volume == volume_) return;
  trade(ticks.price[row], volume);
  turnover_ = ticks.turnover[row];
}

void BarBuilder::trade(double price, std::int64_t volume) {
  const bool first = bar_.ticks == 0;
  if (!is_price(price)) {
    ++counters_.unpriced;
    price = bar_.close;
  }
  bar_.open = first ? price : bar_.open;
  bar_.high = first ? price : std::max(bar_.high, price);
  bar_.low = first ? price : std::min(bar_.low, price);
  bar_.close = price;
  has_price_ = true;
  ++bar_.ticks;
  bar_.volume += volume - volume_;
  volume_ = volume;
}

// A day's totals begin at nothing. Only somebody who joins in the middle of a day cannot tell when that was traded.
void BarBuilder::begin_day(std::int64_t volume, double turnover) {
  const BarSlot& slot = slots_[at_];
  const bool at_the_beginning = at_ == 0 || slots_[at_ - 1].day != slot.day;
  const bool joins = !started_ && !at_the_beginning;
  volume_ = joins ? volume : 0;
  turnover_ = turnover_before_ = joins ? turnover : 0.0;
  counters_.missed_volume += joins ? volume : 0;
  day_ = slot.day;
  started_ = true;
}

// Writes the bars before `bar`.
void BarBuilder::reach(std::int64_t bar, std::vector<Bar>& out) {
  if (next_ >= bar) return;
  write(out);
  for (++next_; flat_ && has_price_ && next_ < bar; ++next_) write(out);
  next_ = bar;
}

void BarBuilder::write(std::vector<Bar>& out) {
  const bool empty = bar_.ticks == 0;
  if (empty) bar_.open = bar_.high = bar_.low = bar_.close;
  bar_.bar = next_;
  bar_.turnover = turnover_ - turnover_before_;
  turnover_before_ = turnover_;
  if (!empty || (flat_ && has_price_)) out.push_back(bar_);
  bar_.ticks = 0;
  bar_.volume = 0;
}

void BarBuilder::advance(std::int64_t now, std::vector<Bar>& out) {
  if (!started_) return;
  // The first slot that is not over; a bar with a slot still to come is not over either.
  const auto open = std::upper_bound(slots_.begin() + static_cast<std::ptrdiff_t>(at_), slots_.end(), now,
                                     [](std::int64_t moment, const BarSlot& slot) { return moment < slot.to; });
  reach(open == slots_.end() ? slots_.back().bar + 1 : open->bar, out);
}

void BarBuilder::finish(std::vector<Bar>& out) {
  if (started_) reach(next_ + 1, out);
}

}  // namespace tidewire
