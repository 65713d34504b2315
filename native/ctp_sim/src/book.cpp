#include "book.hpp"

#include <algorithm>
#include <iterator>

namespace tidewire::ctp_sim {

int Book::match(OrderId taker, Side side, long limit, int volume, std::vector<Fill>& fills) {
  const Side resting = opposite(side);
  Levels& levels = of(resting);
  while (volume > 0 && !levels.empty() && levels.begin()->first <= key(resting, limit)) {
    auto& [distance, queue] = *levels.begin();
    Resting& maker = queue.front();
    const int traded = std::min(volume, maker.volume);
    fills.push_back({taker, maker.id, key(resting, distance), traded});
    volume -= traded;
    maker.volume -= traded;
    if (maker.volume > 0) break;
    queue.pop_front();
    if (queue.empty()) levels.erase(levels.begin());
  }
  return volume;
}

void Book::rest(OrderId id, Side side, long price, int volume) { of(side)[key(side, price)].push_back({id, volume}); }

void Book::cancel(OrderId id, Side side, long price) {
  Levels& levels = of(side);
  const auto level = levels.find(key(side, price));
  if (level == levels.end()) return;
  std::erase_if(level->second, [id](const Resting& resting) { return resting.id == id; });
  if (level->second.empty()) levels.erase(level);
}

void Book::withdraw_anonymous() {
  for (Levels* levels : {&bids_, &asks_}) {
    for (auto& [distance, queue] : *levels)
      std::erase_if(queue, [](const Resting& resting) { return resting.id == anonymous; });
    std::erase_if(*levels, [](const auto& level) { return level.second.empty(); });
  }
}

int Book::available(Side side, long limit) const {
  const Side resting = opposite(side);
  int volume = 0;
  for (const auto& [distance, queue] : of(resting)) {
    if (distance > key(resting, limit)) break;
    for (const Resting& order : queue) volume += order.volume;
  }
  return volume;
}

Level Book::level(Side side, std::size_t depth) const {
  const Levels& levels = of(side);
  if (depth >= levels.size()) return {};
  const auto& [distance, queue] = *std::next(levels.begin(), static_cast<std::ptrdiff_t>(depth));
  Level level{key(side, distance), 0};
  for (const Resting& order : queue) level.volume += order.volume;
  return level;
}

void Book::clear() {
  bids_.clear();
  asks_.clear();
}

}  // namespace tidewire::ctp_sim
