#include "tidewire/bars.hpp"

#include <algorithm>
#include <cmath>

namespace tidewire {
namespace {

// CTP writes DBL_MAX for "no value"; comparing leaves out NaN too.
bool is_price(double value) { return std::abs(value) < 1e300 && value != 0.0; }

bool follows(const BarSlot& before, const BarSlot& slot) {
  return slot.from >= before.to && slot.bar >= before.bar && slot.day >= before.day;
}

}  // namespace

bool BarBuilder::extend(std::span<const BarSlot> slots) {
  const BarSlot* before = slots_.empty() ? nullptr : &slots_.back();
  for (const BarSlot& slot : slots) {
    if (slot.from >= slot.to || (before != nullptr && !follows(*before, slot))) return false;
    before = &slot;
  }
  slots_.insert(slots_.end(), slots.begin(), slots.end());
  return true;
}

void BarBuilder::add(const TickColumns& ticks, std::vector<Bar>& out) {
  for (std::size_t row = run(ticks, 0); row < ticks.rows; row = run(ticks, row + 1)) take(ticks, row, out);
}

// Takes ordinary snapshots, which go on with the bar in the making; returns the first row that does not. Whether one
// has new volume is anybody's guess, so that is not branched upon.
std::size_t BarBuilder::run(const TickColumns& ticks, std::size_t row) {
  if (!started_ || bar_.ticks == 0 || slots_[at_].bar != next_ || latest_ < slots_[at_].from) return row;
  const std::int64_t end = slots_[at_].to;
  const std::size_t first = row;
  std::int64_t latest = latest_, volume = volume_, traded = 0;
  const double before = bar_.close;
  const double* close = &before;  // a pointer, because compilers choose between pointers without a branch
  double high = bar_.high, low = bar_.low;
  for (; row < ticks.rows; ++row) {
    const std::int64_t time = ticks.time[row], total = ticks.volume[row];
    const double* const price = ticks.price + row;
    if (time < latest || time >= end || total < volume || !is_price(*price)) break;
    const bool trades = total > volume;
    close = trades ? price : close;
    high = std::max(high, *close);
    low = std::min(low, *close);
    traded += trades;
    latest = time;
    volume = total;
  }
  if (row == first) return row;
  bar_.high = high;
  bar_.low = low;
  bar_.close = *close;
  bar_.ticks += traded;
  bar_.volume += volume - volume_;
  if (traded > 0) turnover_ = ticks.turnover[close - ticks.price];
  volume_ = volume;
  latest_ = latest;
  for (std::size_t i = row; i-- > first;) {
    if (!is_price(ticks.open_interest[i])) continue;
    bar_.open_interest = ticks.open_interest[i];
    break;
  }
  return row;
}

// Leaves at_ at the slot of a moment. False: it is in none.
bool BarBuilder::find(std::int64_t time) {
  if (at_ < slots_.size() && time >= slots_[at_].from && time < slots_[at_].to) [[likely]]
    return true;
  const auto after = std::upper_bound(slots_.begin() + static_cast<std::ptrdiff_t>(at_), slots_.end(), time,
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
