// Buying on one market and selling on another.
#include <algorithm>
#include <numeric>
#include <utility>

#include "tidewire/arbitrage.hpp"
#include "tidewire/depth.hpp"
#include "tidewire/wide.hpp"

namespace tidewire {

bool ArbitrageScanner::scan(const PairsCycle& cycle, std::vector<ArbitrageFind>& out) const {
  std::int64_t highest = 0, lowest = 0, price = 0;  // bid and ask, scaled; 0: none
  for (const Scaled& sell : cycle.sells) {
    if (__builtin_mul_overflow(markets_[sell.market].bid, sell.price, &price)) return false;
    highest = std::max(highest, price);
  }
  for (const Scaled& buy : cycle.buys) {
    if (__builtin_mul_overflow(markets_[buy.market].ask, buy.price, &price)) return false;
    if (price != 0 && (lowest == 0 || price < lowest)) lowest = price;
  }
  if (lowest == 0 || highest <= lowest) return true;
  bool fits = true;
  for (const Scaled& buy : cycle.buys) {
    for (const Scaled& sell : cycle.sells) {
      const Pair pair{&buy, &sell, markets_[buy.market].ask * buy.price, markets_[sell.market].bid * sell.price};
      if (buy.market != sell.market && pair.ask != 0 && pair.ask < pair.bid) fits = size(cycle, pair, out) && fits;
    }
  }
  return fits;
}

bool ArbitrageScanner::size(const PairsCycle& cycle, const Pair& pair, std::vector<ArbitrageFind>& out) const {
  std::int64_t lot = 0;  // the least that both trade
  if (__builtin_mul_overflow(pair.buy->order / std::gcd(pair.buy->order, pair.sell->order), pair.sell->order, &lot))
    return false;
  const Depth::Source asks{markets_[pair.buy->market].book, false, pair.buy->price, pair.buy->lot};
  const Depth::Source bids{markets_[pair.sell->market].book, true, pair.sell->price, pair.sell->lot};
  Depth bought, sold;
  if (!bought.read(asks, lot, [&](std::int64_t price) { return price < pair.bid; }) ||
      !sold.read(bids, lot, [&](std::int64_t price) { return price > pair.ask; }))
    return false;

  bool fits = true;
  const auto gain = [&](Wide lots) {
    Wide paid = 0, received = 0;
    fits = fits && bought.worth(lots * lot, 1, paid) && sold.worth(lots * lot, 1, received);
    return received - paid;
  };
  const Wide most = std::min(bought.units(), sold.units()) / lot;
  Wide lots = overlap(bought, sold) / lot;  // each of these pays; the next may, by the part of it that does
  if (lots < most && gain(lots + 1) > gain(lots)) ++lots;
  if (!fits || lots == 0) return fits;
  out.push_back({cycle.number,
                 {trade(*pair.buy, false, cycle.quantity_decimals, bought, lots * lot),
                  trade(*pair.sell, true, cycle.quantity_decimals, sold, lots * lot)}});
  return true;
}

}  // namespace tidewire
