#include "tidewire/allocation.hpp"

#include <algorithm>
#include <numeric>
#include <ranges>

#include "tidewire/packets.hpp"

namespace tidewire {
namespace {

constexpr std::int64_t most_classes = 4096;

struct Interval {
  std::int64_t low, high;
};

// Divisions are slow, and the step is most often the unit itself.
std::int64_t down(std::int64_t value, std::int64_t step) { return step == 1 ? value : value / step * step; }
std::int64_t up(std::int64_t value, std::int64_t step) { return step == 1 ? value : down(value + step - 1, step); }

std::int64_t narrow(Wide value) {
  constexpr Wide most = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(value, most));
}

// The price that an order must name to take from a level; 0 when there is none.
std::int64_t limit_at(const OrderRules& rules, Direction direction, std::int64_t price) {
  const std::int64_t limit = direction == Direction::buy ? up(price, rules.tick) : down(price, rules.tick);
  return limit >= rules.min_price && limit <= rules.max_price ? limit : 0;
}

// The quantities of an order whose worst level is this one, the first of them being `from`; empty when low > high.
Interval allowed_at(const OrderRules& rules, Direction direction, std::int64_t limit, Interval level) {
  Interval found{std::max(level.low, rules.min_quantity), std::min(level.high, rules.max_quantity)};
  // Wide divisions are slow, and seldom needed.
  if (static_cast<Wide>(limit) * found.low < rules.min_notional)
    found.low = narrow((rules.min_notional + limit - 1) / limit);
  if (static_cast<Wide>(limit) * found.high > rules.max_notional) found.high = narrow(rules.max_notional / limit);
  if (direction == Direction::buy) {
    const Wide price = static_cast<Wide>(limit) * rules.weight;
    if (price * found.high > rules.funds) found.high = narrow(rules.funds / price);
  }
  return found;
}

// Every quantity above zero that one order may take, in whole lots, at most `quantity`: ascending, apart.
std::vector<Interval> allowed_quantities(const Offer& offer, Direction direction, std::int64_t quantity) {
  std::vector<Interval> found;
  std::int64_t seen = 0;
  for (const PriceLevel& level : offer.levels) {
    const std::int64_t limit = limit_at(offer.rules, direction, level.price);
    if (limit <= 0 || seen >= quantity) break;
    const std::int64_t until = seen + std::min(level.quantity, quantity - seen);
    const Interval here = allowed_at(offer.rules, direction, limit, {seen + 1, until});
    seen = until;
    if (here.low > here.high) continue;
    if (!found.empty() && here.low <= found.back().high + 1)
      found.back().high = here.high;
    else
      found.push_back(here);
  }
  std::vector<Interval> lots;
  for (const Interval& each : found) {
    const Interval whole{up(each.low, offer.rules.lot), down(each.high, offer.rules.lot)};
    if (whole.low > whole.high) continue;
    if (!lots.empty() && whole.low <= lots.back().high + offer.rules.lot)
      lots.back().high = whole.high;
    else
      lots.push_back(whole);
  }
  return lots;
}

// One venue's part of a solution: a quantity among offset, offset + step … within low and high, both of this kind.
struct Lane {
  std::size_t offer;
  std::int64_t offset, step, low, high;

  std::int64_t at_least(std::int64_t value) const {
    return value <= offset ? offset : offset + up(value - offset, step);
  }
  std::int64_t at_most(std::int64_t value) const {
    return value < offset ? offset - step : offset + down(value - offset, step);
  }
};
using Lanes = std::vector<Lane>;

class Search {
 public:
  Search(std::span<const Offer> offers, Direction direction, std::int64_t quantity, std::size_t max_used)
      : offers_(offers), nobody_(offers.size()), quantity_(quantity), max_used_(max_used) {
    for (const Offer& offer : offers) {
      const std::int64_t weight = direction == Direction::buy ? offer.rules.weight : -offer.rules.weight;
      Runs& units = units_.emplace_back();
      for (const PriceLevel& level : offer.levels)
        units.push_back({{0, static_cast<Wide>(level.price) * weight}, level.quantity});
      allowed_.push_back(allowed_quantities(offer, direction, quantity));
    }
    // Whatever no venue can fill: in any part, at more than any price.
    units_.push_back({{{1, 0}, quantity}});
    allowed_.push_back({{1, quantity}});
  }

  Code run() {
    std::vector<std::size_t> order(offers_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return offers_[i].rules.lot; });
    Lanes lanes{{nobody_, 0, 1, 0, quantity_}};
    std::int64_t step = 1;
    Wide classes = 1;
    for (const std::size_t i : order) {
      if (allowed_[i].empty()) continue;
      const std::int64_t lot = offers_[i].rules.lot, more = lot / std::gcd(step, lot);
      const Wide next = static_cast<Wide>(step) * more;
      classes *= next / lot;
      if (next >= no_bound >> 64 || classes > most_classes) return Code::off_grid;
      step = narrow(next);
      lanes.push_back({i, 0, step, 0, allowed_[i].back().high});
    }
    each_class(lanes, 1);
    return Code::ok;
  }

  // Of every offer; what nobody fills last.
  const std::vector<std::int64_t>& best() const { return best_; }

 private:
  // Solves for each way to choose the lanes' remainders, from lane `at` on.
  void each_class(Lanes& lanes, std::size_t at) {
    if (at == lanes.size()) {
      visit(lanes);
      return;
    }
    const Lane kept = lanes[at];
    for (std::int64_t offset = 0; offset < kept.step; offset += offers_[kept.offer].rules.lot) {
      Lane& lane = lanes[at];
      lane.offset = lane.low = offset;
      lane.high = lane.at_most(kept.high);
      if (lane.low <= lane.high) each_class(lanes, at + 1);
      lane = kept;
    }
  }

  void visit(Lanes& lanes) {
    std::vector<std::int64_t> quantities(offers_.size() + 1);
    if (!relax(lanes, quantities)) return;
    const Cost cost = cost_of(quantities);
    if (!best_.empty() && !(cost < best_cost_)) return;
    for (Lane& lane : lanes) {
      const std::int64_t quantity = quantities[lane.offer];
      if (quantity == 0 || allows(lane.offer, quantity)) continue;
      split(lanes, lane, quantity);
      return;
    }
    if (Lane* spare = one_too_many(lanes, quantities); spare != nullptr) {
      if (spare->low == 0) split(lanes, *spare, 0);
      return;
    }
    best_ = std::move(quantities);
    best_cost_ = cost;
  }

  // Visits both sides of a quantity that breaks a rule, or of 0: without the venue, and with it.
  void split(Lanes& lanes, Lane& lane, std::int64_t quantity) {
    const Lane kept = lane;
    std::int64_t below = 0, above = -1;
    for (const Interval& each : allowed_[lane.offer]) {
      if (each.low > quantity) {
        above = each.low;
        break;
      }
      below = each.high;
    }
    lane.high = lane.at_most(below);
    if (lane.low <= lane.high) visit(lanes);
    lane = kept;
    if (above < 0) return;
    lane.low = lane.at_least(above);
    if (lane.low <= lane.high) visit(lanes);
    lane = kept;
  }

  // A used venue that could be left out, when there are more than wanted; any used one when none can be.
  Lane* one_too_many(Lanes& lanes, const std::vector<std::int64_t>& quantities) const {
    std::size_t used = 0;
    Lane* found = nullptr;
    for (Lane& lane : lanes) {
      if (lane.offer == nobody_ || quantities[lane.offer] == 0) continue;
      ++used;
      if (found == nullptr || lane.low == 0) found = &lane;
    }
    return used > max_used_ ? found : nullptr;
  }

  // Lanes of one step, and what the finer ones below come to in packets of it.
  struct Stage {
    std::size_t begin, end;    // among the lanes
    std::int64_t skip, ratio;  // packets of the finer step: taken in any case, and in one of this step
    Runs below;
    std::vector<Runs> packed;     // of each lane whose step is not the unit
    std::vector<Cursor> sources;  // the lanes, and last what is below
  };

  // The cheapest quantities within the lanes that come to the whole, whatever rules there are besides.
  bool relax(const Lanes& lanes, std::vector<std::int64_t>& quantities) const {
    std::int64_t rest = quantity_;
    for (const Lane& lane : lanes) rest -= lane.low;
    if (rest < 0) return false;
    std::vector<Stage> stages;
    std::int64_t step = 1, base = 0;
    for (std::size_t i = 0; i < lanes.size(); i = stages.back().end) {
      const std::int64_t next = lanes[i].step, remainder = rest % next;
      const auto coarser = std::ranges::find_if(lanes.begin() + static_cast<std::ptrdiff_t>(i), lanes.end(),
                                                [&](const Lane& lane) { return lane.step != next; });
      Stage stage{i, static_cast<std::size_t>(coarser - lanes.begin()), (remainder - base) / step, next / step, {}, {},
                  {}};
      if (!stages.empty()) stage.below = packed_below(stages.back(), stage, (rest - base) / step);
      stages.push_back(std::move(stage));
      fill(stages.back(), lanes, rest);
      step = next;
      base = remainder;
    }
    std::int64_t packets = (rest - base) / step;
    for (const Stage& stage : std::views::reverse(stages)) {
      std::vector<std::int64_t> counts(stage.sources.size());
      cheapest(stage.sources, packets, [&](std::size_t i, const Cost&, std::int64_t count) { counts[i] += count; });
      for (std::size_t i = stage.begin; i < stage.end; ++i)
        quantities[lanes[i].offer] = lanes[i].low + counts[i - stage.begin] * lanes[i].step;
      packets = stage.skip + counts.back() * stage.ratio;
    }
    return true;
  }

  // What a stage comes to, cheapest first, in packets of the next.
  static Runs packed_below(const Stage& finer, const Stage& stage, std::int64_t packets) {
    Runs merged;
    cheapest(finer.sources, packets,
             [&](std::size_t, const Cost& cost, std::int64_t count) { merged.push_back({cost, count}); });
    return pack(merged, stage.skip, std::numeric_limits<std::int64_t>::max(), stage.ratio);
  }

  void fill(Stage& stage, const Lanes& lanes, std::int64_t rest) const {
    stage.packed.reserve(stage.end - stage.begin);  // cursors point into it
    for (std::size_t i = stage.begin; i < stage.end; ++i) {
      const Lane& lane = lanes[i];
      const std::int64_t high = std::min(lane.high, lane.low + down(rest, lane.step));
      if (lane.step == 1) {
        stage.sources.emplace_back(units_[lane.offer], lane.low, high - lane.low);
        continue;
      }
      const Runs& packets = stage.packed.emplace_back(pack(units_[lane.offer], lane.low, high, lane.step));
      stage.sources.emplace_back(packets, 0, std::numeric_limits<std::int64_t>::max());
    }
    stage.sources.emplace_back(stage.below, 0, std::numeric_limits<std::int64_t>::max());
  }

  Cost cost_of(const std::vector<std::int64_t>& quantities) const {
    Cost total;
    for (std::size_t i = 0; i < quantities.size(); ++i) {
      std::int64_t rest = quantities[i];
      for (auto run = units_[i].begin(); rest > 0; ++run) {
        const std::int64_t count = std::min(rest, run->count);
        total += run->cost * count;
        rest -= count;
      }
    }
    return total;
  }

  bool allows(std::size_t offer, std::int64_t quantity) const {
    return std::ranges::any_of(allowed_[offer],
                               [&](const Interval& each) { return each.low <= quantity && quantity <= each.high; });
  }

  std::span<const Offer> offers_;
  std::size_t nobody_;  // the place after the last offer
  std::int64_t quantity_;
  std::size_t max_used_;
  std::vector<Runs> units_;
  std::vector<std::vector<Interval>> allowed_;
  std::vector<std::int64_t> best_;
  Cost best_cost_;
};

Taken take(const Offer& offer, Direction direction, std::int64_t quantity) {
  Taken taken{quantity, 0, 0, 0};
  for (std::int64_t rest = quantity; rest > 0; ++taken.levels) {
    const PriceLevel& level = offer.levels[taken.levels];
    const std::int64_t count = std::min(rest, level.quantity);
    taken.value += static_cast<Wide>(level.price) * count;
    rest -= count;
  }
  if (taken.levels > 0) taken.limit = limit_at(offer.rules, direction, offer.levels[taken.levels - 1].price);
  return taken;
}

// A quantity that is no whole number of lots, of which one is `lot` units: as many whole units; 0 for an absurd one.
std::int64_t odd_units(const BookSide& side, const Grid& grid, const Level& level, std::int64_t lot) {
  Decimal number;
  if (!read_whole_decimal(side.quantity_text(grid, level), number).ok()) return 0;
  std::int64_t power = number.exponent + grid.decimals();
  if (static_cast<Wide>(number.digits) > no_bound / lot) return 0;
  Wide units = static_cast<Wide>(number.digits) * lot;
  for (; power > 0 && units <= no_bound / 10; --power) units *= 10;
  for (; power < 0 && units > 0; ++power) units /= 10;
  return power > 0 ? 0 : narrow(units / grid.step());
}

}  // namespace

bool read_levels(const Book& book, Direction direction, std::int64_t tick, std::int64_t lot, std::int64_t enough,
                 std::vector<PriceLevel>& out, bool& parts) {
  const BookSide& side = direction == Direction::buy ? book.asks() : book.bids();
  bool fits = true;
  std::int64_t seen = 0;
  side.ladder().visit([&](const Level& level) {
    const Wide units =
        level.lots == odd_lot ? odd_units(side, book.grid().quantity, level, lot) : static_cast<Wide>(level.lots) * lot;
    const Wide price = static_cast<Wide>(direction == Direction::buy ? -level.key : level.key) * tick;
    const std::int64_t quantity = narrow(std::min<Wide>(units, enough - seen));
    parts = parts || level.lots == odd_lot;
    fits = price > 0 && price <= Grid::limit;
    if (!fits) return false;
    if (quantity > 0) out.push_back({narrow(price), quantity});
    seen += quantity;
    return seen < enough;
  });
  return fits;
}

Code allocate(std::span<const Offer> offers, Direction direction, std::int64_t quantity, std::size_t max_used,
              Allocation& out) {
  for (const Offer& offer : offers) {
    const Wide most = no_bound / quantity / offer.rules.weight;
    if (std::ranges::any_of(offer.levels, [&](const PriceLevel& level) { return level.price > most; }))
      return Code::out_of_range;
  }
  out.taken.clear();
  if (offers.size() == 1) {
    const std::vector<Interval> allowed = allowed_quantities(offers[0], direction, quantity);
    const std::int64_t most = allowed.empty() || max_used == 0 ? 0 : allowed.back().high;
    out.taken.push_back(take(offers[0], direction, most));
    out.unfilled = quantity - most;
    return Code::ok;
  }
  Search search(offers, direction, quantity, max_used);
  if (const Code code = search.run(); code != Code::ok) return code;
  for (std::size_t i = 0; i < offers.size(); ++i) out.taken.push_back(take(offers[i], direction, search.best()[i]));
  out.unfilled = search.best().back();
  return Code::ok;
}

}  // namespace tidewire
