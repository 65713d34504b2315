// Four snapshots at a time, for what the portable loop does one by one.
#if defined(__AVX2__)

#include <immintrin.h>

#include <algorithm>
#include <limits>

#include "tidewire/tick_run.hpp"

namespace tidewire {
namespace {

__m256i load(const std::int64_t* at) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)); }

// Sets the sign of a lane whose value is out of range or has fallen.
__m256i fault(__m256i value, __m256i before) {
  return _mm256_or_si256(_mm256_or_si256(value, _mm256_add_epi64(value, value)), _mm256_sub_epi64(value, before));
}

struct Lanes {
  alignas(32) double of[4];
};

Lanes spread(__m256d values) {
  Lanes lanes;
  _mm256_store_pd(lanes.of, values);
  return lanes;
}

}  // namespace

RunSummary look_over_avx2(const TickRun& run) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const __m256d sign = _mm256_set1_pd(-0.0), most = _mm256_set1_pd(1e300), zero = _mm256_setzero_pd();
  const __m256d below = _mm256_set1_pd(-infinity), above = _mm256_set1_pd(infinity);
  __m256d high = below, low = above, priced = _mm256_cmp_pd(zero, zero, _CMP_EQ_OQ);
  __m256i faults = _mm256_setzero_si256(), idle = _mm256_setzero_si256();
  std::size_t i = 0;
  for (; i + 4 <= run.count; i += 4) {
    const __m256i time = load(run.time + i), total = load(run.volume + i);
    const __m256i total_before = load(run.volume + i - 1);
    const __m256d price = _mm256_loadu_pd(run.price + i);
    const __m256i same = _mm256_cmpeq_epi64(total, total_before);
    faults = _mm256_or_si256(faults, fault(time, load(run.time + i - 1)));
    faults = _mm256_or_si256(faults, fault(total, total_before));
    const __m256d is_price = _mm256_and_pd(_mm256_cmp_pd(_mm256_andnot_pd(sign, price), most, _CMP_LT_OQ),
                                           _mm256_cmp_pd(price, zero, _CMP_NEQ_OQ));
    priced = _mm256_and_pd(priced, is_price);
    high = _mm256_max_pd(high, _mm256_blendv_pd(price, below, _mm256_castsi256_pd(same)));
    low = _mm256_min_pd(low, _mm256_blendv_pd(price, above, _mm256_castsi256_pd(same)));
    idle = _mm256_sub_epi64(idle, same);
  }
  const RunSummary rest = look_over_portable({run.count - i, run.time + i, run.price + i, run.volume + i});
  const Lanes highs = spread(high), lows = spread(low);
  alignas(32) std::int64_t idles[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(idles), idle);
  const auto still = static_cast<std::size_t>(idles[0] + idles[1] + idles[2] + idles[3]);
  return {rest.ordinary && _mm256_movemask_pd(_mm256_castsi256_pd(faults)) == 0 && _mm256_movemask_pd(priced) == 0xf,
          i - still + rest.traded, std::max({highs.of[0], highs.of[1], highs.of[2], highs.of[3], rest.high}),
          std::min({lows.of[0], lows.of[1], lows.of[2], lows.of[3], rest.low})};
}

}  // namespace tidewire

#endif
