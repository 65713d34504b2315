// Price-time priority: the best price first, and among equals who came first.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

namespace tidewire::ctp_sim {

using OrderId = std::uint32_t;
constexpr OrderId anonymous = 0;  // the rest of the market: its orders have no owner and are replaced as a whole

enum class Side : std::uint8_t { buy, sell };
constexpr Side opposite(Side side) { return side == Side::buy ? Side::sell : Side::buy; }

struct Fill {
  OrderId taker, maker;
  long price;  // in ticks: the maker's
  int volume;
};

struct Level {
  long price = 0;
  int volume = 0;  // 0: there is no such level
};

class Book {
 public:
  // Fills what it can at `limit` or better and returns what is left; that does not rest.
  int match(OrderId taker, Side side, long limit, int volume, std::vector<Fill>& fills);
  void rest(OrderId id, Side side, long price, int volume);
  void cancel(OrderId id, Side side, long price);
  void withdraw_anonymous();

  int available(Side side, long limit) const;  // to a taker of this side
  Level level(Side side, std::size_t depth) const;
  void clear();

 private:
  struct Resting {
    OrderId id;
    int volume;
  };
  using Queue = std::deque<Resting>;
  using Levels = std::map<long, Queue>;  // by distance from the best: asks by price, bids by -price
  static long key(Side side, long price) { return side == Side::sell ? price : -price; }
  Levels& of(Side side) { return side == Side::sell ? asks_ : bids_; }
  const Levels& of(Side side) const { return side == Side::sell ? asks_ : bids_; }

  Levels bids_, asks_;
};

}  // namespace tidewire::ctp_sim
