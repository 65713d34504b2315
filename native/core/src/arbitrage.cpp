#include "tidewire/arbitrage.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "tidewire/depth.hpp"
#include "tidewire/wide.hpp"

namespace tidewire {
namespace {

// A grid's step in units of 10^-decimals.
bool step_in(const Grid& grid, int decimals, std::int64_t& out) {
  return power_of_ten(decimals - grid.decimals(), out) && !__builtin_mul_overflow(out, grid.step(), &out);
}

const Grid& shown(const Book& book) { return book.grid().shown ? *book.grid().shown : book.grid().quantity; }

bool same(const Grid& a, const Grid& b) { return a.decimals() == b.decimals() && a.step() == b.step(); }

// Books lie far apart in memory. Asking for those ahead while reading one lets the waits overlap.
constexpr std::size_t ahead = 8;

void prefetch(const Book& book) {
  __builtin_prefetch(&book);
  __builtin_prefetch(&book.grid());
  __builtin_prefetch(&book.bids());
  __builtin_prefetch(&book.asks());
}

}  // namespace

std::size_t ArbitrageScanner::add_market(const Book& book, const Grid& lot) {
  markets_.push_back({&book, lot, book.grid().price, 0, 0});
  return markets_.size() - 1;
}

std::size_t ArbitrageScanner::add(ArbitragePairs pairs) {
  pairs_.push_back({pairs_.size() + triangles_.size(), std::move(pairs), {}, {}, 0, false});
  rescale(pairs_.back());
  return pairs_.back().number;
}

std::size_t ArbitrageScanner::add(const ArbitrageTriangle& triangle) {
  triangles_.push_back({pairs_.size() + triangles_.size(), triangle, {}, {}, {}, 0, 0, 1, 1, false});
  rescale(triangles_.back());
  return triangles_.back().number;
}

void ArbitrageScanner::scan(std::vector<ArbitrageFind>& out) {
  if (!read_tops()) {
    for (PairsCycle& cycle : pairs_) rescale(cycle);
    for (TriangleCycle& cycle : triangles_) rescale(cycle);
  }
  for (const PairsCycle& cycle : pairs_) {
    if (!cycle.fits || !scan(cycle, out)) out.push_back({cycle.number, {}});
  }
  for (const TriangleCycle& cycle : triangles_) {
    if (!cycle.fits || !scan(cycle, out)) out.push_back({cycle.number, {}});
  }
}

bool ArbitrageScanner::read_tops() {
  bool unchanged = true;
  for (std::size_t i = 0; i < markets_.size(); ++i) {
    if (i + ahead < markets_.size()) prefetch(*markets_[i + ahead].book);
    Market& market = markets_[i];
    const Book& book = *market.book;
    market.bid = market.ask = 0;
    if (book.state() != Book::State::live || book.crossed()) continue;
    const Ladder &bids = book.bids().ladder(), &asks = book.asks().ladder();
    if (!bids.empty()) market.bid = std::max<std::int64_t>(bids.best().key, 0);
    if (!asks.empty()) market.ask = std::max<std::int64_t>(-asks.best().key, 0);
    if (!same(book.grid().price, market.price)) {
      market.price = book.grid().price;
      unchanged = false;
    }
  }
  return unchanged;
}

int ArbitrageScanner::quantity_decimals(std::size_t market) const {
  return std::max(markets_[market].lot.decimals(), shown(*markets_[market].book).decimals());
}

bool ArbitrageScanner::scale(const ArbitrageLeg& leg, int price_decimals, int quantity_decimals, Scaled& out) const {
  const Market& market = markets_[leg.market];
  out.market = leg.market;
  return leg.factor > 0 && step_in(market.price, price_decimals - leg.decimals, out.price) &&
         !__builtin_mul_overflow(out.price, leg.factor, &out.price) &&
         step_in(shown(*market.book), quantity_decimals, out.lot) && step_in(market.lot, quantity_decimals, out.order);
}

ArbitrageTrade ArbitrageScanner::trade(const Scaled& leg, bool sells, int quantity_decimals, const Depth& depth,
                                       Wide units) const {
  const Grid& price = markets_[leg.market].price;
  return {leg.market, sells, price.decimals(), quantity_decimals, depth.fills(units, price.step())};
}

void ArbitrageScanner::rescale(PairsCycle& cycle) const {
  int price_decimals = 0;
  cycle.quantity_decimals = 0;
  for (const std::vector<ArbitrageLeg>* legs : {&cycle.pairs.buys, &cycle.pairs.sells}) {
    for (const ArbitrageLeg& leg : *legs) {
      price_decimals = std::max(price_decimals, markets_[leg.market].price.decimals() + leg.decimals);
      cycle.quantity_decimals = std::max(cycle.quantity_decimals, quantity_decimals(leg.market));
    }
  }
  cycle.fits = true;
  const auto rescaled = [&](const std::vector<ArbitrageLeg>& legs) {
    std::vector<Scaled> out(legs.size());
    for (std::size_t i = 0; i < legs.size(); ++i)
      cycle.fits = scale(legs[i], price_decimals, cycle.quantity_decimals, out[i]) && cycle.fits;
    return out;
  };
  cycle.buys = rescaled(cycle.pairs.buys);
  cycle.sells = rescaled(cycle.pairs.sells);
}

}  // namespace tidewire
