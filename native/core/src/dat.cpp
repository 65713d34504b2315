#include "tidewire/dat.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "tidewire/grid.hpp"

namespace tidewire {
namespace {

constexpr std::uint32_t first_time = 631'152'000;   // 1990-01-01
constexpr std::uint32_t last_time = 2'208'988'800;  // 2040-01-01
constexpr double largest_price = 1e9;
constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

std::uint32_t load32(const char* p) {
  std::uint32_t word;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big)
    word = (word >> 24) | ((word >> 8) & 0xff00U) | ((word << 8) & 0xff0000U) | (word << 24);
  return word;
}

double field(const char* record, int offset) {
  return offset < 0 ? nothing : static_cast<double>(std::bit_cast<float>(load32(record + offset)));
}

struct Record {
  std::uint32_t time;
  double open, high, low, close, volume, open_interest;
};

Record read(const char* p, const DatLayout& layout) {
  return {load32(p),
          field(p, layout.open),
          field(p, layout.high),
          field(p, layout.low),
          field(p, layout.close),
          field(p, layout.volume),
          field(p, layout.open_interest)};
}

bool is_count(double value) { return value >= 0 && value == std::floor(value) && value < 1e15; }

// Comparisons are written so that NaN fails them.
bool is_sound(const Record& record, std::uint32_t before, bool has_interest) {
  return record.time > before && record.time >= first_time && record.time < last_time && record.low > 0 &&
         record.low <= record.open && record.low <= record.close && record.open <= record.high &&
         record.close <= record.high && record.high < largest_price && is_count(record.volume) &&
         (!has_interest || is_count(record.open_interest));
}

// Multiples of the tick as the nearest double: both operands are whole, so that the quotient is correctly rounded.
class Rounding {
 public:
  Rounding(std::int64_t tick, int decimals)
      : tick_(static_cast<double>(tick)), scale_(decimals >= 0 && decimals <= 18 ? exact_powers[decimals] : 1) {}
  double operator()(double price) const {
    return tick_ == 0 ? price : std::nearbyint(price * scale_ / tick_) * tick_ / scale_;
  }

  // Whether a price was a multiple of the tick before it became a 32-bit float, which keeps 24 bits.
  static bool stands(double price, double rounded) { return std::abs(price - rounded) <= price * 0x1p-23; }

 private:
  double tick_, scale_;
};

}  // namespace

std::size_t count_sound(Bytes body, const DatLayout& layout) {
  std::size_t sound = 0;
  std::uint32_t before = 0;
  for (std::size_t at = 0; at + layout.record <= body.size(); at += layout.record) {
    const Record record = read(body.data() + at, layout);
    sound += is_sound(record, before, layout.open_interest >= 0);
    before = record.time;
  }
  return sound;
}

std::size_t read_dat(Bytes body, const DatLayout& layout, std::int64_t tick, int decimals, const DatColumns& out) {
  const Rounding rounded(tick, decimals);
  std::size_t row = 0;
  std::uint32_t before = 0;
  for (std::size_t at = 0; at + layout.record <= body.size(); at += layout.record, ++row) {
    const char* const p = body.data() + at;
    const Record record = read(p, layout);
    if (!is_sound(record, before, layout.open_interest >= 0)) break;
    before = record.time;
    const double open = rounded(record.open), high = rounded(record.high);
    const double low = rounded(record.low), close = rounded(record.close);
    if (!Rounding::stands(record.open, open) || !Rounding::stands(record.high, high) ||
        !Rounding::stands(record.low, low) || !Rounding::stands(record.close, close))
      break;
    out.time[row] = static_cast<std::int64_t>(record.time);
    out.open[row] = open;
    out.high[row] = high;
    out.low[row] = low;
    out.close[row] = close;
    out.volume[row] = record.volume;
    if (layout.open_interest >= 0) out.open_interest[row] = record.open_interest;
    if (layout.settlement >= 0) {
      const double settlement = field(p, layout.settlement), near = rounded(settlement);
      out.settlement[row] = Rounding::stands(settlement, near) ? near : settlement;  // may be a mean
    }
  }
  return row;
}

}  // namespace tidewire
