// Trading one asset for another, that for a third, and that for the first.
#include <algorithm>
#include <numeric>
#include <utility>

#include "tidewire/arbitrage.hpp"
#include "tidewire/depth.hpp"
#include "tidewire/wide.hpp"

namespace tidewire {
namespace {

// The three books as far as they may matter, on scales that fit each other.
class Sizing {
 public:
  struct Scales {
    bool sells_outer;
    std::int64_t align, finer;
    std::int64_t lot;         // of the common base
    std::int64_t middle_lot;  // of the middle asset
  };

  explicit Sizing(const Scales& scales) : scales_(scales) {}

  Depth outer, inner, middle;

  bool fits() const { return fits_; }

  // So many lots of the common base, at most.
  Wide most() const { return std::min(outer.units(), inner.units()) / scales_.lot; }

  // The middle asset's leg in whole lots when `lots` of the common base are traded: what must be bought, or can be
  // sold.
  Wide middle_units(Wide lots) {
    const Wide lot = Wide{scales_.middle_lot} * scales_.finer;
    Wide asked = worth(inner, lots * scales_.lot, 1);
    if (scales_.sells_outer) fits_ = fits_ && add(asked, lot - 1, asked);
    return asked / lot * scales_.middle_lot;
  }

  // Does the last one of so many lots pay, with the middle asset divisible?
  bool rises(Wide lots) {
    if (scales_.sells_outer && middle_units(lots) > middle.units()) return false;
    return gain(lots) > gain(lots - 1) && fits_;
  }

 private:
  Wide worth(const Depth& depth, Wide quantity, std::int64_t finer) {
    Wide out = 0;
    fits_ = fits_ && depth.worth(quantity, finer, out);
    return out;
  }

  Wide gain(Wide lots) {
    Wide direct = 0;
    fits_ = fits_ && multiply(worth(outer, lots * scales_.lot, 1), scales_.align, direct);
    const Wide around = worth(middle, worth(inner, lots * scales_.lot, 1), scales_.finer);
    return scales_.sells_outer ? direct - around : around - direct;
  }

  Scales scales_;
  bool fits_ = true;
};

}  // namespace

// The worth of inner, which is in the middle asset, must be at least as fine as middle's quantities; and a worth of
// outer must come to the scale of inner's price times middle's.
void ArbitrageScanner::rescale(TriangleCycle& cycle) const {
  const auto& [outer, inner, middle, sells_outer] = cycle.triangle;
  const auto decimals = [&](const ArbitrageLeg& leg) { return markets_[leg.market].price.decimals() + leg.decimals; };
  cycle.base_decimals = std::max(quantity_decimals(outer.market), quantity_decimals(inner.market));
  cycle.middle_decimals = quantity_decimals(middle.market);
  const int inner_decimals =
      std::max({decimals(inner), decimals(outer) - decimals(middle), cycle.middle_decimals - cycle.base_decimals});
  cycle.fits = scale(outer, decimals(outer), cycle.base_decimals, cycle.outer) &&
               scale(inner, inner_decimals, cycle.base_decimals, cycle.inner) &&
               scale(middle, decimals(middle), cycle.middle_decimals, cycle.middle) &&
               power_of_ten(inner_decimals + decimals(middle) - decimals(outer), cycle.align) &&
               power_of_ten(inner_decimals + cycle.base_decimals - cycle.middle_decimals, cycle.finer);
}

bool ArbitrageScanner::scan(const TriangleCycle& cycle, std::vector<ArbitrageFind>& out) const {
  const bool sells = cycle.triangle.sells_outer;
  const auto best = [&](const Scaled& leg, bool bid, std::int64_t& price) {
    const Market& market = markets_[leg.market];
    return !__builtin_mul_overflow(bid ? market.bid : market.ask, leg.price, &price);
  };
  Tops tops{};
  if (!best(cycle.outer, sells, tops.outer) || !best(cycle.inner, !sells, tops.inner) ||
      !best(cycle.middle, !sells, tops.middle))
    return false;
  tops.direct = Wide{tops.outer} * cycle.align;
  tops.around = Wide{tops.inner} * tops.middle;
  if (tops.direct == 0 || tops.around == 0) return true;
  const bool pays = sells ? tops.direct > tops.around : tops.around > tops.direct;
  return !pays || size(cycle, tops, out);
}

bool ArbitrageScanner::size(const TriangleCycle& cycle, const Tops& tops, std::vector<ArbitrageFind>& out) const {
  const bool sells = cycle.triangle.sells_outer;
  std::int64_t lot = 0;  // the least that both markets of the common base trade
  if (__builtin_mul_overflow(cycle.outer.order / std::gcd(cycle.outer.order, cycle.inner.order), cycle.inner.order,
                             &lot))
    return false;
  const auto source = [&](const Scaled& leg, bool bids) {
    return Depth::Source{markets_[leg.market].book, bids, leg.price, leg.lot};
  };
  const auto pays = [&](Wide direct, Wide around) { return sells ? direct > around : around > direct; };
  Sizing sizing({sells, cycle.align, cycle.finer, lot, cycle.middle.order});
  const bool read = sizing.outer.read(source(cycle.outer, sells), lot, [&](std::int64_t price) {
    return pays(Wide{price} * cycle.align, tops.around);
  }) && sizing.inner.read(source(cycle.inner, !sells), lot, [&](std::int64_t price) {
    return pays(tops.direct, Wide{price} * tops.middle);
  });
  if (!read) return false;
  // What one more lot of the common base may take from the middle, and what rounding may.
  const Wide more = Wide{sells ? sizing.inner.worst() : tops.inner} * lot / cycle.finer + 1 + cycle.middle.order;
  if (!sizing.middle.read(source(cycle.middle, !sells), more,
                          [&](std::int64_t price) { return pays(tops.direct, Wide{tops.inner} * price); }))
    return false;

  const Wide lots = largest(sizing.most(), [&](Wide size) { return sizing.rises(size); });
  const Wide middle_most = sizing.middle.units() / cycle.middle.order * cycle.middle.order;
  const Wide middle_units = std::min(sizing.middle_units(lots), middle_most);
  if (!sizing.fits() || middle_units == 0) return sizing.fits();
  const ArbitrageTrade outer = trade(cycle.outer, sells, cycle.base_decimals, sizing.outer, lots * lot);
  const ArbitrageTrade inner = trade(cycle.inner, !sells, cycle.base_decimals, sizing.inner, lots * lot);
  const ArbitrageTrade middle = trade(cycle.middle, !sells, cycle.middle_decimals, sizing.middle, middle_units);
  out.push_back({cycle.number, sells ? std::vector{middle, inner, outer} : std::vector{outer, inner, middle}});
  return true;
}

}  // namespace tidewire
