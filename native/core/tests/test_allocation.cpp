// Allocations against every possibility: small books, all rules at once.
#include <algorithm>
#include <optional>
#include <random>
#include <vector>

#include "check.hpp"
#include "tidewire/allocation.hpp"

using namespace tidewire;

namespace {

struct Best {
  std::int64_t unfilled = 0;
  Wide cost = 0;
};

// What an order costs, or nothing where a rule forbids it: the rules as the header states them, written once more.
std::optional<Wide> cost_of(const Offer& offer, Direction direction, std::int64_t quantity) {
  const OrderRules& rules = offer.rules;
  if (quantity == 0) return 0;
  if (quantity % rules.lot != 0 || quantity < rules.min_quantity || quantity > rules.max_quantity) return {};
  std::int64_t rest = quantity, limit = 0;
  Wide value = 0;
  for (const PriceLevel& level : offer.levels) {
    const std::int64_t count = std::min(rest, level.quantity);
    if (count == 0) break;
    value += static_cast<Wide>(level.price) * count;
    limit = level.price / rules.tick * rules.tick;
    if (direction == Direction::buy && limit < level.price) limit += rules.tick;
    if (limit < rules.min_price || limit > rules.max_price || limit == 0) return {};
    rest -= count;
  }
  const Wide notional = static_cast<Wide>(limit) * quantity;
  if (rest > 0 || notional < rules.min_notional || notional > rules.max_notional) return {};
  if (direction == Direction::buy && notional * rules.weight > rules.funds) return {};
  return direction == Direction::buy ? value * rules.weight : -value * rules.weight;
}

void try_all(const std::vector<Offer>& offers, Direction direction, std::size_t at, std::int64_t rest, std::size_t room,
             Wide cost, std::optional<Best>& best) {
  if (at == offers.size()) {
    if (!best || rest < best->unfilled || (rest == best->unfilled && cost < best->cost)) best = {rest, cost};
    return;
  }
  for (std::int64_t quantity = 0; quantity <= rest; ++quantity) {
    if (quantity > 0 && room == 0) break;
    if (const auto here = cost_of(offers[at], direction, quantity))
      try_all(offers, direction, at + 1, rest - quantity, room - (quantity > 0 ? 1 : 0), cost + *here, best);
  }
}

using Random = std::mt19937_64;

std::int64_t draw(Random& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

Offer any_offer(Random& random, Direction direction) {
  Offer offer;
  OrderRules& rules = offer.rules;
  static constexpr std::int64_t lots[] = {1, 1, 2, 3, 4, 6};
  rules.lot = lots[draw(random, 0, 5)];
  rules.tick = draw(random, 1, 3);
  rules.weight = 1000 + (direction == Direction::buy ? 1 : -1) * draw(random, -5, 30);
  if (draw(random, 0, 2) == 0) rules.min_quantity = draw(random, 1, 6);
  if (draw(random, 0, 3) == 0) rules.max_quantity = draw(random, 1, 15);
  if (draw(random, 0, 2) == 0) rules.min_notional = draw(random, 1, 900);
  if (draw(random, 0, 4) == 0) rules.max_notional = draw(random, 100, 2000);
  if (draw(random, 0, 3) == 0) rules.funds = draw(random, 100, 2000) * 1000;
  if (draw(random, 0, 9) == 0) rules.max_price = draw(random, 95, 120);
  std::int64_t price = draw(random, 95, 110);
  for (std::int64_t n = draw(random, 0, 4); n > 0; --n) {
    offer.levels.push_back({price, draw(random, 1, 7)});
    price += (direction == Direction::buy ? 1 : -1) * draw(random, 1, 9);
  }
  return offer;
}

void against_every_possibility() {
  Random random(20261123);
  for (int round = 0; round < 20'000; ++round) {
    const Direction direction = round % 2 == 0 ? Direction::buy : Direction::sell;
    std::vector<Offer> offers;
    for (std::int64_t n = draw(random, 1, 4); n > 0; --n) offers.push_back(any_offer(random, direction));
    const std::int64_t quantity = draw(random, 1, 22);
    const auto most = static_cast<std::size_t>(draw(random, 1, 4));
    std::optional<Best> best;
    try_all(offers, direction, 0, quantity, most, 0, best);
    Allocation found;
    CHECK(allocate(offers, direction, quantity, most, found) == Code::ok);
    Wide cost = 0;
    std::int64_t rest = quantity;
    std::size_t used = 0;
    bool sound = true;
    for (std::size_t i = 0; i < offers.size(); ++i) {
      const Taken& taken = found.taken[i];
      const auto here = cost_of(offers[i], direction, taken.quantity);
      sound = sound && here && taken.value * offers[i].rules.weight == (direction == Direction::buy ? *here : -*here);
      cost += here.value_or(0);
      rest -= taken.quantity;
      used += taken.quantity > 0 ? 1 : 0;
    }
    const bool right = sound && used <= most && rest == found.unfilled && rest == best->unfilled && cost == best->cost;
    if (!right) std::printf("round %d differs\n", round);
    CHECK(right);
  }
}

void lots_far_apart() {
  // 2.50000001 of lots 1, 1e-3 and 1e-8: the finest lot has the last digits, however dear it is.
  std::vector<Offer> offers(3);
  offers[0] = {{.lot = 100'000'000}, {{100, 200'000'000}, {103, 900'000'000}}};
  offers[1] = {{.lot = 100'000}, {{101, 30'000'000}, {102, 400'000'000}}};
  offers[2] = {{.lot = 1}, {{150, 400'000'000}}};
  Allocation found;
  CHECK(allocate(offers, Direction::buy, 250'000'001, 3, found) == Code::ok);
  CHECK(found.unfilled == 0);
  CHECK(found.taken[0].quantity == 200'000'000);
  CHECK(found.taken[1].quantity == 50'000'000 && found.taken[1].limit == 102 && found.taken[1].levels == 2);
  CHECK(found.taken[2].quantity == 1);
  CHECK(allocate(offers, Direction::buy, 250'000'001, 1, found) == Code::ok);  // one venue: only the finest has it all
  CHECK(found.unfilled == 0 && found.taken[2].quantity == 250'000'001);
}

void what_does_not_fit() {
  Allocation found;
  std::vector<Offer> offers{{{.lot = 4'999}, {{10, 50'000}}}, {{.lot = 5'003}, {{10, 50'000}}}};
  CHECK(allocate(offers, Direction::buy, 9'000, 2, found) == Code::off_grid);
  offers[1].rules.lot = std::numeric_limits<std::int64_t>::max() / 4;
  CHECK(allocate(offers, Direction::buy, 9'998, 2, found) == Code::ok);  // it never gets a lot
  CHECK(found.unfilled == 0 && found.taken[0].quantity == 9'998);
  offers[0].rules.weight = std::numeric_limits<std::int64_t>::max();
  offers[0].levels[0].price = std::numeric_limits<std::int64_t>::max();
  CHECK(allocate(offers, Direction::buy, 9'998, 2, found) == Code::out_of_range);
  CHECK(allocate({}, Direction::sell, 5, 2, found) == Code::ok);
  CHECK(found.unfilled == 5);
}

}  // namespace

int main() {
  against_every_possibility();
  lots_far_apart();
  what_does_not_fit();
  return check::report("allocation");
}
