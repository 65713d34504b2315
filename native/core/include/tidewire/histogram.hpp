// How long something took, a million times over: counts in fixed logarithmic buckets, at the price of one increment.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace tidewire {

// Buckets are an eighth of an octave's width: a value is known to within 12.5 %. Values are nanoseconds from 0 to about
// 18 minutes; larger ones count as that.
class Histogram {
 public:
  static constexpr unsigned fine = 3;  // bits below the highest that tell buckets apart
  static constexpr unsigned octaves = 40;
  static constexpr std::size_t buckets = (octaves - fine + 1) << fine;

  void record(std::int64_t value) {
    const std::uint64_t v = value < 0 ? 0 : static_cast<std::uint64_t>(value);
    ++counts_[bucket(v)];
    ++count_;
    sum_ += v;
    if (v > largest_) largest_ = v;
  }

  void add(const Histogram& other) {
    for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    if (other.largest_ > largest_) largest_ = other.largest_;
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }
  std::uint64_t largest() const { return largest_; }

  // The value below which the share `q` (0 to 1) of all values lies, as the end of its bucket; 0 when there is none.
  std::uint64_t quantile(double q) const {
    const double wanted = q * static_cast<double>(count_);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets; ++i) {
      seen += counts_[i];
      if (counts_[i] != 0 && static_cast<double>(seen) >= wanted) return end(i) < largest_ ? end(i) : largest_;
    }
    return 0;
  }

  static std::size_t bucket(std::uint64_t v) {
    const auto width = static_cast<unsigned>(std::bit_width(v));
    if (width <= fine) return static_cast<std::size_t>(v);
    if (width > octaves) return buckets - 1;
    const unsigned shift = width - fine - 1;
    return (static_cast<std::size_t>(shift + 1) << fine) + static_cast<std::size_t>((v >> shift) & ((1u << fine) - 1));
  }
  static std::uint64_t end(std::size_t bucket) {  // the largest value in it
    if (bucket < (std::size_t{1} << fine)) return bucket;
    const std::uint64_t shift = (bucket >> fine) - 1;
    const std::uint64_t low = (bucket & ((1u << fine) - 1)) | (1u << fine);
    return ((low + 1) << shift) - 1;
  }

 private:
  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t count_ = 0, sum_ = 0, largest_ = 0;
};

}  // namespace tidewire
