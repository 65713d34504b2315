#include "tidewire/depth.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "tidewire/number.hpp"

namespace tidewire {

bool whole_lots(const BookSide& side, const Grid& quantity, const Level& level, std::int64_t& lots) {
  lots = level.lots;
  if (lots != odd_lot) return true;
  const std::string text = side.quantity_text(quantity, level);
  Decimal number;
  if (!read_whole_decimal({text.data(), text.size()}, number).ok() || number.negative) return false;
  Wide units = number.digits;  // of a long fraction, what its first 19 digits say
  for (std::int64_t power = number.exponent + quantity.decimals(); power != 0; power += power < 0 ? 1 : -1) {
    if (units == 0) break;
    if (power < 0) {
      units /= 10;
    } else if (!multiply(units, 10, units)) {
      return false;
    }
  }
  units /= quantity.step();
  lots = static_cast<std::int64_t>(units);
  return units <= std::numeric_limits<std::int64_t>::max();
}

bool Depth::rung_of(const Source& source, const Level& level, Rung& out) {
  std::int64_t lots = 0;
  out.ticks = source.bids ? level.key : -level.key;
  return out.ticks > 0 && whole_lots(side_of(source), source.book->grid().quantity, level, lots) &&
         !__builtin_mul_overflow(out.ticks, source.scale, &out.price) &&
         !__builtin_mul_overflow(lots, source.lot_units, &out.units);
}

bool Depth::worth(Wide quantity, std::int64_t finer, Wide& out) const {
  out = 0;
  for (const Rung& rung : rungs_) {
    const Wide part = std::min(quantity, Wide{rung.units} * finer);
    Wide paid = 0;
    if (!multiply(part, rung.price, paid) || !add(out, paid, out)) return false;
    quantity -= part;
    if (quantity == 0) break;
  }
  return true;
}

std::vector<Depth::Fill> Depth::fills(Wide units, std::int64_t step) const {
  std::vector<Fill> out;
  for (const Rung& rung : rungs_) {
    if (units == 0) break;
    out.push_back({rung.ticks * step, static_cast<std::int64_t>(std::min(units, Wide{rung.units}))});
    units -= out.back().units;
  }
  return out;
}

Wide overlap(const Depth& bought, const Depth& sold) {
  const auto &asks = bought.rungs(), &bids = sold.rungs();
  std::size_t ask = 0, bid = 0;
  Wide asked = 0, offered = 0, both = 0;  // units to the ends of these rungs
  while (ask < asks.size() && bid < bids.size() && asks[ask].price < bids[bid].price) {
    const Wide to_ask = asked + asks[ask].units, to_bid = offered + bids[bid].units;
    both = std::min(to_ask, to_bid);
    if (to_ask == both) asked = to_ask, ++ask;
    if (to_bid == both) offered = to_bid, ++bid;
  }
  return both;
}

}  // namespace tidewire
