#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "book_cases.hpp"
#include "check.hpp"
#include "tidewire/consolidated.hpp"

using namespace tidewire;

namespace {

// A venue as a test knows it: prices in steps of its own tick, quantities of 1 lot and up.
struct Venue {
  explicit Venue(const std::string& tick, std::int64_t its_step, std::int64_t its_fee)
      : step(its_step), fee(its_fee), book(grid(tick)) {}

  static BookGrid grid(const std::string& tick) {
    BookGrid made;
    CHECK(Grid::make(tick, made.price).ok());
    return made;
  }

  std::int64_t step;  // in millionths
  std::int64_t fee;
  Book book;
  std::map<std::int64_t, std::int64_t> bids, asks;  // by ticks
};

BookLayout plain() {
  BookLayout layout = book_cases::empty();
  book_cases::add_levels(layout.delta, "b", Field::bids);
  book_cases::add_levels(layout.delta, "a", Field::asks);
  layout.snapshot = layout.delta;
  return layout;
}

std::string written(const Venue& venue, const std::map<std::int64_t, std::int64_t>& levels) {
  std::string text;
  for (const auto& [ticks, lots] : levels) {
    text += text.empty() ? "[" : ",[";
    text += venue.book.grid().price.text(ticks) + "," + std::to_string(lots) + "]";
  }
  return text;
}

std::string message(const Venue& venue, const std::map<std::int64_t, std::int64_t>& bids,
                    const std::map<std::int64_t, std::int64_t>& asks) {
  return "{\"b\":[" + written(venue, bids) + "],\"a\":[" + written(venue, asks) + "]}";
}

using Row = std::tuple<std::int64_t, std::size_t, std::int64_t, std::int64_t>;  // rank, venue, ticks, lots

// Everything sorted anew.
std::vector<Row> naive(const std::deque<Venue>& venues, bool bids) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < venues.size(); ++i) {
    const Venue& venue = venues[i];
    if (venue.book.state() != Book::State::live) continue;
    for (const auto& [ticks, lots] : bids ? venue.bids : venue.asks) {
      const std::int64_t kept = PriceScale::fee_unit + (bids ? -venue.fee : venue.fee);
      rows.emplace_back((bids ? -1 : 1) * ticks * venue.step * kept, i, ticks, lots);
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::vector<Row> merged(Consolidated& all, const std::deque<Venue>& venues, bool bids) {
  std::vector<Row> rows;
  all.visit(bids, [&](std::size_t venue, const Level& level) {
    const std::int64_t ticks = bids ? level.key : -level.key;
    const std::int64_t kept = PriceScale::fee_unit + (bids ? -venues[venue].fee : venues[venue].fee);
    rows.emplace_back((bids ? -1 : 1) * ticks * venues[venue].step * kept, venue, ticks, level.lots);
    return true;
  });
  return rows;
}

void change(std::mt19937_64& random, std::map<std::int64_t, std::int64_t>& held,
            std::map<std::int64_t, std::int64_t>& changes, std::int64_t from, std::int64_t to) {
  for (int i = 0; i < 3; ++i) {
    const std::int64_t ticks = from + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(to - from));
    const std::int64_t lots = static_cast<std::int64_t>(random() % 4);
    changes[ticks] = lots;
    lots == 0 ? static_cast<void>(held.erase(ticks)) : static_cast<void>(held[ticks] = lots);
  }
}

void equals_the_naive_merge(std::uint64_t seed, std::int64_t fees) {
  std::mt19937_64 random(seed);
  const BookLayout layout = plain();
  std::deque<Venue> venues;
  venues.emplace_back("0.01", 10'000, fees);
  venues.emplace_back("0.05", 50'000, -fees / 3);
  venues.emplace_back("0.00025", 250, 2 * fees);
  venues.emplace_back("1", 1'000'000, 0);
  Consolidated all;
  for (std::size_t i = 0; i < venues.size(); ++i) {
    all.add();
    all.place(i, &venues[i].book);
    all.charge(i, venues[i].fee);
  }
  for (int round = 0; round < 2'000; ++round) {
    const std::size_t which = random() % venues.size();
    Venue& venue = venues[which];
    const std::int64_t middle = (10'000'000 + 90'000 * static_cast<std::int64_t>(which)) / venue.step;  // some cross
    const std::int64_t width = std::max<std::int64_t>(400'000 / venue.step, 2);
    if (venue.book.state() != Book::State::live || random() % 50 == 0) {
      venue.bids.clear();
      venue.asks.clear();
      change(random, venue.bids, venue.bids, middle - width, middle);
      change(random, venue.asks, venue.asks, middle, middle + width);
      std::erase_if(venue.bids, [](const auto& level) { return level.second == 0; });
      std::erase_if(venue.asks, [](const auto& level) { return level.second == 0; });
      CHECK(venue.book.apply_snapshot(layout, message(venue, venue.bids, venue.asks)).ok());
    } else if (random() % 20 == 0) {
      venue.book.mark_stale();
    } else {
      std::map<std::int64_t, std::int64_t> bids, asks;
      change(random, venue.bids, bids, middle - width, middle);
      change(random, venue.asks, asks, middle, middle + width);
      CHECK(venue.book.apply(layout, message(venue, bids, asks)).ok());
    }
    const std::vector<Row> bids = naive(venues, true), asks = naive(venues, false);
    CHECK(merged(all, venues, true) == bids);
    CHECK(merged(all, venues, false) == asks);
    const bool crossed = !bids.empty() && !asks.empty() && -std::get<0>(bids[0]) >= std::get<0>(asks[0]);
    CHECK(all.crossed() == crossed);
  }
}

void the_widest_prices_compare_exactly() {
  constexpr std::uint64_t most_ratio = 1'000'000'000'000'000'000;
  constexpr std::int64_t most = Grid::limit;
  const PriceScale fine{1, 2 * PriceScale::fee_unit - 1, 1}, coarse{1, 2 * PriceScale::fee_unit - 1, most_ratio};
  CHECK(coarse(most) > coarse(most - 1));
  CHECK(coarse(-most) < coarse(1 - most));
  CHECK(coarse(-1) < coarse(0) && coarse(0) < coarse(1));
  CHECK(coarse(most) > fine(most) && coarse(-most) < fine(-most));
  const std::int64_t whole = static_cast<std::int64_t>(most_ratio);
  CHECK(coarse(4) == fine(4 * whole));
  CHECK(coarse(4) > fine(4 * whole - 1) && coarse(4) < fine(4 * whole + 1));
  CHECK(coarse(-4) == fine(-4 * whole));
  CHECK(coarse(-4) > fine(-4 * whole - 1) && coarse(-4) < fine(-4 * whole + 1));
  CHECK(!Consolidated::is_fee(PriceScale::fee_unit) && !Consolidated::is_fee(-PriceScale::fee_unit));
}

void a_crossed_book_and_none_are_left_out() {
  const BookLayout layout = plain();
  Venue crossed("1", 1'000'000, 0);
  CHECK(crossed.book.apply_snapshot(layout, std::string("{\"b\":[[5,1]],\"a\":[[5,1]]}")).ok());
  Consolidated all;
  all.add();
  all.add();
  all.place(1, &crossed.book);
  CHECK(level_texts(all, true, 9).empty() && !all.crossed());
  double values[6];
  write_values(all, 1, values);
  CHECK(std::all_of(values, values + 6, [](double value) { return value != value; }));
  CHECK(crossed.book.apply(layout, std::string("{\"b\":[[5,0],[4,2]]}")).ok());
  CHECK(level_texts(all, true, 9).size() == 1 && level_texts(all, true, 9)[0].venue == 1);
}

}  // namespace

int main() {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    equals_the_naive_merge(seed, 0);
    equals_the_naive_merge(seed, 75'000);
  }
  the_widest_prices_compare_exactly();
  a_crossed_book_and_none_are_left_out();
  return check::report("consolidated");
}
