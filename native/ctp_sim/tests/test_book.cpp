// The book against the plainest thing that could be right: a list of orders, searched from the start each time.
#include <algorithm>
#include <optional>

#include "book.hpp"
#include "check.hpp"
#include "random.hpp"

using tidewire::ctp_sim::anonymous;
using tidewire::ctp_sim::Book;
using tidewire::ctp_sim::Fill;
using tidewire::ctp_sim::Level;
using tidewire::ctp_sim::OrderId;
using tidewire::ctp_sim::Random;
using tidewire::ctp_sim::Side;

namespace {

struct Order {
  OrderId id;
  Side side;
  long price;
  int volume;
};

class SlowBook {
 public:
  int match(OrderId taker, Side side, long limit, int volume, std::vector<Fill>& fills) {
    while (volume > 0) {
      const auto best = find(side, limit);
      if (!best) break;
      Order& maker = orders_[*best];
      const int traded = std::min(volume, maker.volume);
      fills.push_back({taker, maker.id, maker.price, traded});
      volume -= traded;
      maker.volume -= traded;
      if (maker.volume == 0) orders_.erase(orders_.begin() + static_cast<std::ptrdiff_t>(*best));
    }
    return volume;
  }
  void rest(const Order& order) { orders_.push_back(order); }
  void cancel(OrderId id) {
    std::erase_if(orders_, [id](const Order& order) { return order.id == id; });
  }
  int available(Side side, long limit) const {
    int volume = 0;
    for (const Order& order : orders_)
      if (meets(order, side, limit)) volume += order.volume;
    return volume;
  }
  Level best(Side side) const {
    Level best;
    for (const Order& order : orders_) {
      if (order.side != side) continue;
      const bool better = best.volume == 0 || (side == Side::buy ? order.price > best.price : order.price < best.price);
      if (better) best = {order.price, 0};
      if (order.price == best.price) best.volume += order.volume;
    }
    return best;
  }
  const std::vector<Order>& orders() const { return orders_; }

 private:
  static bool meets(const Order& order, Side side, long limit) {
    return order.side != side && (side == Side::buy ? order.price <= limit : order.price >= limit);
  }
  std::optional<std::size_t> find(Side side, long limit) const {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < orders_.size(); ++i) {
      if (!meets(orders_[i], side, limit)) continue;
      const bool better = !best || (side == Side::buy ? orders_[i].price < orders_[*best].price
                                                      : orders_[i].price > orders_[*best].price);
      if (better) best = i;
    }
    return best;
  }

  std::vector<Order> orders_;  // oldest first
};

bool same(const std::vector<Fill>& left, const std::vector<Fill>& right) {
  return std::ranges::equal(left, right, [](const Fill& a, const Fill& b) {
    return a.taker == b.taker && a.maker == b.maker && a.price == b.price && a.volume == b.volume;
  });
}

void against_slow_book(std::uint64_t seed) {
  Random random(seed, "book");
  Book book;
  SlowBook slow;
  OrderId next = 1;
  for (int step = 0; step < 2000; ++step) {
    const Side side = random.below(2) == 0 ? Side::buy : Side::sell;
    const long price = 100 + random.below(12);
    const int act = random.below(10);
    if (act < 7) {
      const OrderId id = random.below(4) == 0 ? anonymous : next++;
      const int volume = 1 + random.below(9);
      std::vector<Fill> fills, expected;
      CHECK(book.available(side, price) == slow.available(side, price));
      const int left = book.match(id, side, price, volume, fills);
      CHECK(left == slow.match(id, side, price, volume, expected));
      CHECK(same(fills, expected));
      if (left > 0) {
        book.rest(id, side, price, left);
        slow.rest({id, side, price, left});
      }
    } else if (act < 9 && !slow.orders().empty()) {
      const Order order = slow.orders()[static_cast<std::size_t>(random.below(static_cast<int>(slow.orders().size())))];
      if (order.id == anonymous) continue;
      book.cancel(order.id, order.side, order.price);
      slow.cancel(order.id);
    } else if (act == 9) {
      book.withdraw_anonymous();
      slow.cancel(anonymous);
    }
    for (const Side each : {Side::buy, Side::sell}) {
      const Level level = book.level(each, 0), expected = slow.best(each);
      CHECK(level.volume == expected.volume && (level.volume == 0 || level.price == expected.price));
    }
  }
}

}  // namespace

int main() {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) against_slow_book(seed);
  return check::report("book");
}
