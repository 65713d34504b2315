#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "book_cases.hpp"
#include "check.hpp"
#include "tidewire/arbitrage.hpp"
#include "tidewire/depth.hpp"
#include "tidewire/wide.hpp"

using namespace tidewire;

namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

Grid grid(const char* step) {
  Grid out;
  CHECK(Grid::make({step, std::strlen(step)}, out).ok());
  return out;
}

// A live book with these levels, written as JSON arrays.
std::unique_ptr<Book> book(const std::string& bids, const std::string& asks, const char* tick, const char* lot) {
  static const BookLayout layout = book_cases::binance(false).layout;
  auto out = std::make_unique<Book>(BookGrid{grid(tick), grid(lot), {}});
  const std::string text = R"({"lastUpdateId":10,"bids":[)" + bids + R"(],"asks":[)" + asks + "]}";
  CHECK(out->apply_snapshot(layout, {text.data(), text.size()}).ok());
  return out;
}

Wide worth(const Depth& depth, Wide quantity) {
  Wide out = 0;
  CHECK(depth.worth(quantity, 1, out));
  return out;
}

void wide_numbers_do_not_wrap() {
  Wide out = 0;
  CHECK(multiply(most, most, out) && out == Wide{most} * most);
  CHECK(multiply((Wide{1} << 125) - 1, 2, out) && out == (Wide{1} << 126) - 2);
  CHECK(!multiply(Wide{1} << 126, 2, out));
  CHECK(!multiply(Wide{1} << 100, most, out));
  CHECK(multiply(Wide{1} << 63, most, out) && out == (Wide{most} << 63));
  CHECK(!add(Wide{1} << 126, Wide{1} << 126, out));
  std::int64_t power = 0;
  CHECK(power_of_ten(0, power) && power == 1);
  CHECK(power_of_ten(18, power) && power == 1'000'000'000'000'000'000);
  CHECK(!power_of_ten(19, power) && !power_of_ten(-1, power));
}

void the_largest_is_found() {
  for (int truth = 0; truth <= 20; ++truth) CHECK(largest(20, [&](Wide n) { return n <= truth; }) == truth);
}

void depth_counts_whole_lots() {
  const auto held = book("", R"(["10.0","1.5"],["10.1","0.9"],["10.2","2e0"],["10.3","3"])", "0.1", "1");
  Depth depth;
  CHECK(depth.read({held.get(), false, 10, 100}, 150, [](std::int64_t price) { return price < 1010; }));
  CHECK(depth.units() == 300);  // 1 of the first, nothing of the second, 2 for 150 units more; the fourth is not needed
  CHECK(worth(depth, 150) == 100 * 1000 + 50 * 1020);
  CHECK(worth(depth, 1000) == 100 * 1000 + 200 * 1020);
  const std::vector<Depth::Fill> fills = depth.fills(150, 10);
  CHECK(fills.size() == 2 && fills[0].price == 1000 && fills[0].units == 100 && fills[1].units == 50);
  Depth refused;
  CHECK(!refused.read({held.get(), false, most / 100, 1}, 1, [](std::int64_t) { return true; }));
}

void a_pair_is_sized_in_the_lot_of_both() {
  const auto cheap = book(R"(["99","9"])", R"(["100","1"],["101","2"],["104","9"])", "1", "0.5");
  const auto dear = book(R"(["103","1"],["102","3"])", R"(["109","1"])", "1", "0.1");
  ArbitrageScanner scanner;
  const std::vector<ArbitrageLeg> legs{{scanner.add_market(*cheap, grid("0.5")), 1, 0},
                                       {scanner.add_market(*dear, grid("0.2")), 1, 0}};
  CHECK(scanner.add(ArbitragePairs{legs, legs}) == 0);
  std::vector<ArbitrageFind> finds;
  scanner.scan(finds);
  CHECK(finds.size() == 1 && finds[0].trades.size() == 2);
  CHECK(!finds[0].trades[0].sells && finds[0].trades[1].sells);
  CHECK(finds[0].trades[0].fills.size() == 2 && finds[0].trades[0].fills[1].units == 20);
  CHECK(finds[0].trades[1].fills.size() == 2 && finds[0].trades[1].fills[0].price == 103);

  dear->mark_stale();
  finds.clear();
  scanner.scan(finds);
  CHECK(finds.empty());
}

void a_triangle_is_rounded_against_the_trader() {
  const auto outer = book(R"(["31","4"])", R"(["32","4"])", "1", "1");
  const auto inner = book(R"(["1.4","9"])", R"(["1.5","9"])", "0.1", "1");
  const auto middle = book(R"(["19","99"])", R"(["20","99"])", "1", "0.4");
  ArbitrageScanner scanner;
  ArbitrageTriangle triangle;
  triangle.outer.market = scanner.add_market(*outer, grid("1"));
  triangle.inner.market = scanner.add_market(*inner, grid("1"));
  triangle.middle.market = scanner.add_market(*middle, grid("0.4"));
  scanner.add(triangle);
  triangle.sells_outer = false;
  scanner.add(triangle);
  std::vector<ArbitrageFind> finds;
  scanner.scan(finds);
  CHECK(finds.size() == 1 && finds[0].cycle == 0);
  const std::vector<ArbitrageTrade>& trades = finds[0].trades;  // 4 × 31 > 4 × 1.5 × 20; 6 rounded up to 15 × 0.4
  CHECK(trades.size() == 3 && trades[0].market == 2 && trades[0].fills[0].units == 60);
  CHECK(trades[1].market == 1 && trades[1].fills[0].units == 4);
  CHECK(trades[2].market == 0 && trades[2].sells && trades[2].fills[0].units == 4);
}

void what_does_not_fit_is_refused() {
  const auto one = book("", R"(["4000000000.000000001","1"])", "1e-9", "1");
  const auto other = book(R"(["4100000000","1"])", "", "1e-9", "1");
  ArbitrageScanner scanner;
  const std::vector<ArbitrageLeg> legs{{scanner.add_market(*one, grid("1")), 1001, 3},
                                       {scanner.add_market(*other, grid("1")), 999, 3}};
  scanner.add(ArbitragePairs{legs, legs});
  std::vector<ArbitrageFind> finds;
  scanner.scan(finds);
  CHECK(finds.size() == 1 && finds[0].trades.empty());
}

}  // namespace

int main() {
  wide_numbers_do_not_wrap();
  the_largest_is_found();
  depth_counts_whole_lots();
  a_pair_is_sized_in_the_lot_of_both();
  a_triangle_is_rounded_against_the_trader();
  what_does_not_fit_is_refused();
  return check::report("arbitrage");
}
