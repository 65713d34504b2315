#include "tidewire/tick_run.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidewire {

RunSummary look_over_portable(const TickRun& run) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  RunSummary found{true, 0, -infinity, infinity};
  std::uint64_t signs = 0;  // a set bit 62 or 63 is a value out of range; a set sign of a difference, a fall
  bool priced = true;
  for (std::size_t i = 0; i < run.count; ++i) {
    const auto time = static_cast<std::uint64_t>(run.time[i]), before = static_cast<std::uint64_t>((run.time - 1)[i]);
    const auto total = static_cast<std::uint64_t>(run.volume[i]);
    const auto total_before = static_cast<std::uint64_t>((run.volume - 1)[i]);
    const double price = run.price[i];
    const bool trades = total != total_before;
    signs |= time | time << 1 | (time - before) | total | total << 1 | (total - total_before);
    priced &= std::abs(price) < 1e300 && price != 0.0;
    found.traded += trades;
    found.high = std::max(found.high, trades ? price : -infinity);
    found.low = std::min(found.low, trades ? price : infinity);
  }
  found.ordinary = priced && signs >> 63 == 0;
  return found;
}

}  // namespace tidewire
