// Splits a quantity over several venues at the least cost, exactly: what is bought for the least, or sold for the most,
// under every venue's rules for orders. Prices, quantities and rates are whole numbers of units that all venues share.
//
// How it is exact. The cost of taking a venue's levels best first is convex, so with one lot for all, without least
// quantities, taking the cheapest lot next is optimal. Lots that divide one another keep that true in packets: what is
// no multiple of the coarser lot must come from the finer ones, cheapest first, and from there on the finer lots trade
// in packets of the coarser, whose costs ascend again (the infimal convolution of functions that are convex on a grid
// is convex on every coarser grid). Lots that do not divide one another are solved once for each remainder of theirs.
// That leaves what is not convex, least quantities and the number of venues, to branch and bound: where the solution
// without them breaks one, it is solved again on either side of the break, and a side that costs more than the best
// solution known is dropped.
//
// A quantity that cannot be had exactly leaves the least possible unfilled; cost decides between equals.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "tidewire/book.hpp"
#include "tidewire/status.hpp"
#include "tidewire/wide.hpp"

namespace tidewire {

inline constexpr Wide no_bound = static_cast<Wide>(1) << 126;

// For callers whose language has no such number: its halves.
constexpr Wide widen(std::int64_t high, std::uint64_t low) { return static_cast<Wide>(high) << 64 | low; }
constexpr std::int64_t high_half(Wide value) { return static_cast<std::int64_t>(value >> 64); }
constexpr std::uint64_t low_half(Wide value) { return static_cast<std::uint64_t>(value); }

// What a venue asks of one order.
struct OrderRules {
  std::int64_t lot = 1;
  std::int64_t tick = 1;
  std::int64_t min_quantity = 0;
  std::int64_t max_quantity = std::numeric_limits<std::int64_t>::max();
  std::int64_t min_price = 0;
  std::int64_t max_price = std::numeric_limits<std::int64_t>::max();
  Wide min_notional = 0;  // limit price × quantity
  Wide max_notional = no_bound;
  Wide funds = no_bound;    // of a buy: limit price × quantity × weight is not more
  std::int64_t weight = 1;  // what one unit of value costs a buyer, or brings a seller, after the fee
};

struct PriceLevel {
  std::int64_t price;
  std::int64_t quantity;
};

// A venue's side of the book that an order takes from, best first, each level positive.
struct Offer {
  OrderRules rules;
  std::vector<PriceLevel> levels;
};

// What an order takes: `value` is price × quantity over the levels, `limit` the worst price of them on tick.
struct Taken {
  std::int64_t quantity = 0;
  Wide value = 0;
  std::int64_t limit = 0;
  std::size_t levels = 0;
};

struct Allocation {
  std::int64_t unfilled = 0;
  std::vector<Taken> taken;  // one an offer
};

enum class Direction : std::uint8_t { buy, sell };

// Appends what an order takes from, until it has `enough`. A book's tick and lot are so many units. A level that holds
// part of a lot sets `parts`; what is beyond its last whole unit does not count. False when a price does not fit.
bool read_levels(const Book& book, Direction direction, std::int64_t tick, std::int64_t lot, std::int64_t enough,
                 std::vector<PriceLevel>& out, bool& parts);

// Code::off_grid when lots are so different that their remainders are too many to try; Code::out_of_range when price ×
// quantity × weight exceeds no_bound.
Code allocate(std::span<const Offer> offers, Direction direction, std::int64_t quantity, std::size_t max_used,
              Allocation& out);

}  // namespace tidewire
