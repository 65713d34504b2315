// DeepLevels against a sorted map, through splits, emptied blocks and both ends.
#include <map>
#include <random>

#include "check.hpp"
#include "tidewire/deep_levels.hpp"

using tidewire::DeepLevels;
using tidewire::Level;

namespace {

bool same(const DeepLevels& levels, const std::map<std::int64_t, std::int64_t>& reference) {
  auto expected = reference.rbegin();
  bool equal = levels.size() == reference.size() && levels.empty() == reference.empty();
  for (DeepLevels::Cursor at(levels); equal && !at.done(); at.next()) {
    const Level& level = at.level();
    equal = expected != reference.rend() && level.key == expected->first && level.lots == expected->second;
    if (equal) ++expected;
  }
  equal = equal && expected == reference.rend();
  if (!reference.empty() && equal) {
    equal = levels.lowest().key == reference.begin()->first && levels.highest().key == reference.rbegin()->first;
  }
  return equal;
}

void against_a_map(std::int64_t spread, int rounds, std::mt19937_64& random) {
  DeepLevels levels;
  std::map<std::int64_t, std::int64_t> reference;
  for (int i = 0; i < rounds; ++i) {
    const auto key = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(spread)) - spread / 2;
    const auto choice = random() % 100;
    if (choice < 55) {
      const auto lots = static_cast<std::int64_t>(random() % 1000) + 1;
      levels.set(key, lots);
      reference[key] = lots;
    } else if (choice < 95) {
      levels.set(key, 0);
      reference.erase(key);
    } else if (choice < 97 && !reference.empty()) {
      levels.pop_highest();
      reference.erase(std::prev(reference.end()));
    } else if (choice < 98) {
      const std::int64_t above = reference.empty() ? key : reference.rbegin()->first + 1;
      levels.append({above, 7});
      reference[above] = 7;
    } else if (choice < 99 && i % 7 == 0) {
      const std::size_t count = reference.empty() ? 0 : random() % (reference.size() + 1);
      levels.drop_lowest(count);
      reference.erase(reference.begin(), std::next(reference.begin(), static_cast<std::ptrdiff_t>(count)));
    }
    const auto found = reference.find(key);
    CHECK(levels.lots_at(key) == (found == reference.end() ? 0 : found->second));
    if (i % 97 == 0) CHECK(same(levels, reference));
  }
  CHECK(same(levels, reference));
  levels.clear();
  CHECK(levels.empty());
}

}  // namespace

int main() {
  std::mt19937_64 random(20261123);
  against_a_map(50, 20000, random);
  against_a_map(5000, 40000, random);
  against_a_map(1'000'000'000'000, 40000, random);
  return check::report("deep_levels");
}
