// A stretch of snapshots looked over at once: whether each goes on with the one before, and what those that traded say.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tidewire {

// Columns from the stretch's first snapshot on; times and totals are read from one item before it.
struct TickRun {
  std::size_t count;
  const std::int64_t* time;
  const double* price;
  const std::int64_t* volume;  // the day's totals so far
};

struct RunSummary {
  bool ordinary;       // times and totals lie in [0, 2^62) and never fall, and every price is one; else the rest means
                       // nothing
  std::size_t traded;  // snapshots with new volume
  double high, low;    // of those; infinite, and of the opposite sign, without any
};

RunSummary look_over_portable(const TickRun& run);
RunSummary look_over_avx2(const TickRun& run);  // only where cpu().avx2

}  // namespace tidewire
