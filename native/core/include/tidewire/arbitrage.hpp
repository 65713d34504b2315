// Arbitrage over books that stay where they are: which cycles of trades pay after their costs, and how far into the
// books they do. Whole numbers only. What does not fit is refused, never wrapped.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tidewire/book.hpp"
#include "tidewire/depth.hpp"
#include "tidewire/grid.hpp"

namespace tidewire {

// One trade of a cycle. Its prices are multiplied by `factor` units of 10^-decimals before they are compared: 1.001 for
// what is bought at a fee of 0.1 %.
struct ArbitrageLeg {
  std::size_t market = 0;
  std::int64_t factor = 1;
  int decimals = 0;
};

// Whoever buys on one of `buys` and sells the same on one of `sells` has won or lost the quote asset alone. A market
// may be on both lists.
struct ArbitragePairs {
  std::vector<ArbitrageLeg> buys, sells;
};

// Three markets of three assets. Two are of one base: `outer` trades it for the asset that the cycle begins and ends
// with, `inner` for another one, which `middle` trades for the first. (ETH-USDT, ETH-BTC, BTC-USDT.)
struct ArbitrageTriangle {
  ArbitrageLeg outer, inner, middle;
  bool sells_outer = true;  // buy middle, buy inner, sell outer; or buy outer, sell inner, sell middle
};

struct ArbitrageTrade {
  std::size_t market = 0;
  bool sells = false;
  int price_decimals = 0;  // a fill's price is in units of 10^-this
  int quantity_decimals = 0;
  std::vector<Depth::Fill> fills;  // best price first
};

struct ArbitrageFind {
  std::size_t cycle = 0;               // number of the pairs or the triangle
  std::vector<ArbitrageTrade> trades;  // in the order to be done in; none: its numbers are too large
};

class ArbitrageScanner {
 public:
  // A market whose orders are multiples of `lot` base units. The book must outlive the scanner.
  std::size_t add_market(const Book& book, const Grid& lot);

  // Numbers of the cycles, one series for both kinds; their markets were added before.
  std::size_t add(ArbitragePairs pairs);
  std::size_t add(const ArbitrageTriangle& triangle);

  // Appends every cycle that pays now. A book takes part while it is live and not crossed.
  //
  // Pairs: the largest size whose last lot still pays, a lot being the least that both markets trade. Triangle: the
  // same with `middle` taken as divisible; that leg is then rounded to its lot against the trader, so that what pays by
  // less than the rounding is told too, and is the caller's to drop.
  void scan(std::vector<ArbitrageFind>& out);

 private:
  // A leg on the scale that it shares with others.
  struct Scaled {
    std::size_t market = 0;
    std::int64_t price = 0;  // of one tick, times the leg's factor
    std::int64_t lot = 0;    // units in one lot of the book
    std::int64_t order = 0;  // units in one lot of orders
  };
  struct Market {
    const Book* book;
    Grid lot;               // of orders
    Grid price;             // of the book when the scales were made
    std::int64_t bid, ask;  // best prices in ticks; 0: none, or not to be used
  };
  struct PairsCycle {
    std::size_t number;
    ArbitragePairs pairs;
    std::vector<Scaled> buys, sells;
    int quantity_decimals;
    bool fits;
  };
  struct TriangleCycle {
    std::size_t number;
    ArbitrageTriangle triangle;
    Scaled outer, inner, middle;
    int base_decimals, middle_decimals;
    std::int64_t align;  // units of inner's and middle's worth in one of outer's
    std::int64_t finer;  // units of inner's worth in one of middle's quantity
    bool fits;
  };
  struct Pair {
    const Scaled* buy;
    const Scaled* sell;
    std::int64_t ask, bid;  // best prices, scaled
  };
  struct Tops {
    std::int64_t outer, inner, middle;  // best prices, scaled
    Wide direct, around;                // worth of one unit of the common base: by outer, by inner and middle
  };

  bool read_tops();  // false: a grid of prices has changed
  int quantity_decimals(std::size_t market) const;
  bool scale(const ArbitrageLeg& leg, int price_decimals, int quantity_decimals, Scaled& out) const;
  ArbitrageTrade trade(const Scaled& leg, bool sells, int quantity_decimals, const Depth& depth, Wide units) const;
  void rescale(PairsCycle& cycle) const;
  void rescale(TriangleCycle& cycle) const;

  bool scan(const PairsCycle& cycle, std::vector<ArbitrageFind>& out) const;
  bool size(const PairsCycle& cycle, const Pair& pair, std::vector<ArbitrageFind>& out) const;
  bool scan(const TriangleCycle& cycle, std::vector<ArbitrageFind>& out) const;
  bool size(const TriangleCycle& cycle, const Tops& tops, std::vector<ArbitrageFind>& out) const;

  std::vector<Market> markets_;
  std::vector<PairsCycle> pairs_;
  std::vector<TriangleCycle> triangles_;
};

}  // namespace tidewire
