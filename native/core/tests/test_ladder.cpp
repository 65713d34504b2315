#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "tidewire/grid.hpp"
#include "tidewire/ladder.hpp"

using namespace tidewire;

namespace {

using Reference = std::map<std::int64_t, std::int64_t>;

std::vector<Level> all(const Ladder& ladder) {
  std::vector<Level> levels;
  ladder.visit([&](Level level) {
    levels.push_back(level);
    return true;
  });
  return levels;
}

bool same(const Ladder& ladder, const Reference& reference) {
  if (ladder.size() != reference.size() || ladder.empty() != reference.empty()) return false;
  if (reference.empty()) return all(ladder).empty();
  if (ladder.best().key != reference.rbegin()->first || ladder.best().lots != reference.rbegin()->second) return false;
  if (ladder.worst() != reference.begin()->first) return false;
  const std::vector<Level> levels = all(ladder);
  if (levels.size() != reference.size()) return false;
  std::size_t i = 0;
  for (auto at = reference.rbegin(); at != reference.rend(); ++at, ++i) {
    if (levels[i].key != at->first || levels[i].lots != at->second || ladder.lots_at(at->first) != at->second)
      return false;
  }
  return true;
}

void set(Ladder& ladder, Reference& reference, std::int64_t key, std::int64_t lots) {
  ladder.set(key, lots);
  if (lots != 0) {
    reference[key] = lots;
  } else {
    reference.erase(key);
  }
}

// A market that drifts, gaps, prints absurd prices and is cleared now and then, at several spreads of levels.
void wanders(std::uint64_t seed, std::int64_t spread, std::int64_t start) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
  };
  Ladder ladder;
  Reference reference;
  std::int64_t centre = start;
  for (int round = 0; round < 30'000; ++round) {
    centre += below(spread) - below(spread);
    if (below(500) == 0) centre += (below(3) - 1) * below(100 * Ladder::window);
    std::int64_t key = centre - below(spread) * below(8);
    if (below(300) == 0) key = below(2) != 0 ? Grid::limit - below(100) : below(100) - Grid::limit;
    if (!reference.empty() && below(4) == 0) key = reference.rbegin()->first;  // take the best level
    if (!reference.empty() && below(9) == 0) key = reference.begin()->first;
    set(ladder, reference, key, below(5) < 2 ? 0 : 1 + below(1000));
    if (below(4000) == 0) {
      ladder.clear();
      reference.clear();
    }
    if (below(1000) == 0) {
      const std::size_t count = static_cast<std::size_t>(below(40));
      ladder.trim(count);
      while (reference.size() > count) reference.erase(reference.begin());
    }
    if (round % 37 == 0 || reference.size() < 3) CHECK(same(ladder, reference));
  }
  CHECK(same(ladder, reference));
}

void loads() {
  std::mt19937_64 random(3);
  for (int round = 0; round < 300; ++round) {
    Ladder ladder;
    Reference reference;
    for (int i = 0; i < 50; ++i) ladder.set(static_cast<std::int64_t>(random() % 100'000), 9);
    std::vector<Level> levels;
    const std::size_t count = random() % 300;
    for (std::size_t i = 0; i < count; ++i) {
      levels.push_back(
          {static_cast<std::int64_t>(random() % 50'000) - 25'000, static_cast<std::int64_t>(random() % 4)});
    }
    if (round % 3 == 1) std::sort(levels.begin(), levels.end(), [](auto& a, auto& b) { return a.key < b.key; });
    if (round % 3 == 2) std::sort(levels.begin(), levels.end(), [](auto& a, auto& b) { return a.key > b.key; });
    for (const Level& level : levels) reference[level.key] = level.lots;
    std::erase_if(reference, [](const auto& entry) { return entry.second == 0; });
    ladder.load(levels);
    CHECK(same(ladder, reference));
    Reference finer;
    std::int64_t most = 0;
    for (const auto& [key, lots] : reference) {
      finer[key * 1'000] = lots;
      most = std::max(most, std::abs(key));
    }
    CHECK(ladder.most_ticks() == most);
    ladder.scale_ticks(1'000);
    CHECK(same(ladder, finer));
  }
}

}  // namespace

int main() {
  std::uint64_t seed = 1;
  for (const std::int64_t spread :
       {std::int64_t{2}, std::int64_t{100}, Ladder::window / 4, Ladder::window, 20 * Ladder::window}) {
    for (const std::int64_t start : {std::int64_t{0}, std::int64_t{6'173'763}, std::int64_t{-6'173'763}})
      wanders(seed++, spread, start);
  }
  loads();
  return check::report("ladder");
}
