#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "check.hpp"
#include "tidewire/bars.hpp"
#include "tidewire/cpu.hpp"

using namespace tidewire;

namespace {

constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();

// Two days of two bars of ten, each after an auction of five; the second bar of a day has a break in it.
const std::vector<BarSlot> two_days = {
    {95, 110, 0, 0}, {110, 115, 1, 0}, {120, 126, 1, 0}, {195, 210, 2, 1}, {210, 215, 3, 1}, {220, 226, 3, 1},
};

struct Ticks {
  std::vector<std::int64_t> time;
  std::vector<double> price;
  std::vector<std::int64_t> volume;
  std::vector<double> turnover;
  std::vector<double> interest;

  void add(std::int64_t at, double last, std::int64_t total) {
    time.push_back(at);
    price.push_back(last);
    volume.push_back(total);
    turnover.push_back(static_cast<double>(total) * 10.0);
    interest.push_back(5.0);
  }
  TickColumns columns() const {
    return {time.size(), time.data(), price.data(), volume.data(), turnover.data(), interest.data()};
  }
};

void bars_take_the_day_from_its_auction_to_its_close() {
  BarBuilder builder(false);
  CHECK(builder.extend(two_days, forever));
  Ticks ticks;
  ticks.add(90, 1.0, 99);  // yesterday's, at login
  ticks.add(96, 10.0, 4);  // the auction
  ticks.add(105, 12.0, 6);
  ticks.add(111, 11.0, 7);
  ticks.add(117, 11.0, 7);  // in the break
  ticks.add(125, 9.0, 9);   // stamped at the close
  ticks.add(200, 20.0, 3);  // the next day begins at nothing
  std::vector<Bar> bars;
  builder.add(ticks.columns(), bars);
  builder.finish(bars);
  CHECK(bars.size() == 3);
  CHECK(bars[0].bar == 0 && bars[0].open == 10.0 && bars[0].high == 12.0 && bars[0].volume == 6);
  CHECK(bars[1].bar == 1 && bars[1].open == 11.0 && bars[1].low == 9.0 && bars[1].close == 9.0 && bars[1].volume == 3);
  CHECK(bars[2].bar == 2 && bars[2].volume == 3 && bars[2].turnover == 30.0);
  CHECK(builder.counters().outside == 2);
}

void bars_without_a_trade_are_flat_or_absent() {
  for (const bool flat : {false, true}) {
    BarBuilder builder(flat);
    CHECK(builder.extend(two_days, forever));
    Ticks ticks;
    ticks.add(100, 10.0, 1);
    ticks.add(221, 11.0, 1);
    std::vector<Bar> bars;
    builder.add(ticks.columns(), bars);
    builder.finish(bars);
    CHECK(bars.size() == (flat ? 4u : 2u));
    CHECK(bars.back().bar == 3 && bars.back().volume == 1);
    if (flat) CHECK(bars[1].open == 10.0 && bars[1].volume == 0 && bars[1].ticks == 0);
  }
}

void the_clock_ends_bars_and_what_comes_later_is_late() {
  BarBuilder builder(true);
  CHECK(builder.extend(two_days, forever));
  Ticks first, second;
  first.add(100, 10.0, 1);
  std::vector<Bar> bars;
  builder.advance(1000, bars);
  CHECK(bars.empty());
  builder.add(first.columns(), bars);
  builder.advance(109, bars);
  CHECK(bars.empty());
  builder.advance(110, bars);
  CHECK(bars.size() == 1);
  builder.advance(118, bars);  // in the break: its bar goes on after it
  CHECK(bars.size() == 1);
  second.add(109, 12.0, 2);
  second.add(121, 11.0, 3);
  builder.add(second.columns(), bars);
  CHECK(builder.counters().late == 1);
  builder.advance(126, bars);
  CHECK(bars.size() == 2 && bars[1].volume == 2);  // nothing is lost with the late one
}

void who_joins_in_the_middle_of_a_day_does_not_count_what_was_before() {
  BarBuilder builder(false);
  CHECK(builder.extend(two_days, forever));
  Ticks ticks;
  ticks.add(112, 10.0, 500);
  ticks.add(113, 10.0, 501);
  ticks.add(114, 10.0, 400);
  std::vector<Bar> bars;
  builder.add(ticks.columns(), bars);
  builder.finish(bars);
  CHECK(bars.size() == 1 && bars[0].volume == 1);
  CHECK(builder.counters().missed_volume == 500);
  CHECK(builder.counters().shrinking == 1);
}

void slots_that_do_not_follow_are_refused() {
  BarBuilder builder(false);
  CHECK(builder.extend(two_days, forever));
  const std::vector<BarSlot> overlapping = {{225, 230, 4, 2}}, empty = {{300, 300, 4, 2}}, back = {{300, 310, 2, 2}};
  CHECK(!builder.extend(overlapping, forever));
  CHECK(!builder.extend(empty, forever));
  CHECK(!builder.extend(back, forever));
}

void snapshots_at_or_after_the_horizon_are_left() {
  BarBuilder builder(false);
  Ticks ticks;
  ticks.add(100, 10.0, 1);
  ticks.add(112, 10.0, 2);
  ticks.add(200, 10.0, 1);
  std::vector<Bar> bars;
  CHECK(builder.add(ticks.columns(), bars) == 0);
  CHECK(builder.extend({two_days.begin(), 3}, 150));
  CHECK(builder.add(ticks.columns(), bars) == 2);
  CHECK(bars.size() == 1);
}

// Everything about a run that can be told by looking at one snapshot after the other.
RunSummary slow(const TickRun& run) {
  RunSummary found{true, 0, -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  constexpr std::int64_t most = std::int64_t{1} << 62;
  for (std::size_t i = 0; i < run.count; ++i) {
    const std::int64_t time = run.time[i], total = run.volume[i], time0 = (run.time - 1)[i],
                       total0 = (run.volume - 1)[i];
    const double price = run.price[i];
    const bool sound = time >= time0 && total >= total0 && time >= 0 && time < most && total >= 0 && total < most;
    if (!sound || !(std::abs(price) < 1e300) || price == 0.0) return {false, 0, 0, 0};
    if (total == total0) continue;
    ++found.traded;
    found.high = std::max(found.high, price);
    found.low = std::min(found.low, price);
  }
  return found;
}

void a_run_is_looked_over_as_one_would_slowly() {
  std::mt19937_64 source(7);
  const auto pick = [&](std::uint64_t below) { return static_cast<std::int64_t>(source() % below); };
  const double odd_prices[] = {0.0, -0.0, std::nan(""), 1.7976931348623157e308, -1e300, -5.0, 1e299};
  const std::int64_t odd_numbers[] = {std::numeric_limits<std::int64_t>::min(),
                                      std::numeric_limits<std::int64_t>::max(), std::int64_t{1} << 62, -1, 0};
  for (int round = 0; round < 20'000; ++round) {
    const auto count = static_cast<std::size_t>(pick(20));
    std::vector<std::int64_t> time{1000}, volume{50};
    std::vector<double> price{1.0};
    for (std::size_t i = 0; i < count; ++i) {
      time.push_back(time.back() + pick(3));
      volume.push_back(volume.back() + pick(3));
      price.push_back(static_cast<double>(100 + pick(9)));
    }
    if (count > 0 && round % 2 == 0) {
      const auto at = 1 + static_cast<std::size_t>(pick(count));
      const auto kind = pick(5);
      if (kind == 0) time[at] = odd_numbers[pick(5)];
      if (kind == 1) volume[at] = odd_numbers[pick(5)];
      if (kind == 2) price[at] = odd_prices[pick(7)];
      if (kind == 3) time[at] -= pick(4);
      if (kind == 4) volume[at] -= pick(4);
    }
    const TickRun run{count, time.data() + 1, price.data() + 1, volume.data() + 1};
    const RunSummary expected = slow(run);
    const auto agrees = [&](const RunSummary& found) {
      return found.ordinary == expected.ordinary &&
             (!expected.ordinary ||
              (found.traded == expected.traded && found.high == expected.high && found.low == expected.low));
    };
    CHECK(agrees(look_over_portable(run)));
#if defined(__x86_64__)
    if (cpu().avx2) CHECK(agrees(look_over_avx2(run)));
#endif
  }
}

}  // namespace

int main() {
  snapshots_at_or_after_the_horizon_are_left();
  a_run_is_looked_over_as_one_would_slowly();
  bars_take_the_day_from_its_auction_to_its_close();
  bars_without_a_trade_are_flat_or_absent();
  the_clock_ends_bars_and_what_comes_later_is_late();
  who_joins_in_the_middle_of_a_day_does_not_count_what_was_before();
  slots_that_do_not_follow_are_refused();
  return check::report("bars");
}
