// Buckets cover every value once and in order; quantiles are right to within a bucket.
#include "check.hpp"
#include "tidewire/histogram.hpp"

using namespace tidewire;

namespace {

void buckets() {
  for (std::size_t i = 0; i + 1 < Histogram::buckets; ++i) {
    CHECK(Histogram::bucket(Histogram::end(i)) == i);
    CHECK(Histogram::bucket(Histogram::end(i) + 1) == i + 1);
  }
  for (std::uint64_t v = 1; v < (std::uint64_t{1} << 39); v = v * 3 + 1) {
    const std::uint64_t end = Histogram::end(Histogram::bucket(v));
    CHECK(v <= end && end - v <= v / 8);
  }
  CHECK(Histogram::bucket(~std::uint64_t{0}) == Histogram::buckets - 1);
}

void quantiles() {
  Histogram histogram;
  CHECK(histogram.quantile(0.5) == 0 && histogram.count() == 0);
  for (std::int64_t i = 1; i <= 1000; ++i) histogram.record(i * 1000);
  const auto near = [](std::uint64_t found, std::uint64_t wanted) {
    return found >= wanted && found - wanted <= wanted / 8;
  };
  CHECK(near(histogram.quantile(0.5), 500'000));
  CHECK(near(histogram.quantile(0.99), 990'000));
  CHECK(histogram.quantile(1.0) == 1'000'000 && histogram.largest() == 1'000'000);
  CHECK(histogram.sum() == 500'500'000);
  Histogram both;
  both.add(histogram);
  both.add(histogram);
  CHECK(both.count() == 2000 && both.quantile(0.5) == histogram.quantile(0.5));
  both.record(-5);
  CHECK(both.quantile(0.0) == 0);
}

}  // namespace

int main() {
  buckets();
  quantiles();
  return check::report("histogram");
}
