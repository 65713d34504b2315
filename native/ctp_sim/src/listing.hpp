// One contract: its terms, its order book, the day so far, and who moves its price.
#pragma once
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "book.hpp"
#include "ctp_abi.hpp"
#include "dates.hpp"
#include "random.hpp"
#include "table_rows.hpp"

namespace tidewire::ctp_sim {

class Link;

constexpr double no_value = 1.7976931348623157e308;  // DBL_MAX is CTP's "no value"
constexpr bool is_price(double value) { return value > 0 && value < 1e300; }

struct Terms {
  CThostFtdcInstrumentField field;
  Fee open, close, close_today;
  double margin;      // share of the position's value, both directions
  double base_price;  // yesterday's settlement
  int night_end;      // minutes after midnight; 0: no night session
};

// The terms of `product` for one delivery month, spelt as its exchange does.
Terms terms_of(const Product& product, std::chrono::year_month delivery);
std::vector<Terms> listed_on(Day day);

struct RecordedTick {
  Millis due;
  CThostFtdcDepthMarketDataField tick;
};

class Listing {
 public:
  Listing(const Terms& terms, std::uint64_t seed, bool walks);

  // One half second of market: recorded snapshots that are due, else the seeded walk. Users' orders that are hit come
  // back in `fills`. Says whether there is anything to publish.
  bool step(Millis now, std::vector<Fill>& fills);
  void feed(RecordedTick tick);  // from now on only what is fed moves the price
  bool replaying() const { return replaying_; }
  bool has_snapshot() const { return !replaying_ || replayed_.InstrumentID[0] != 0; }
  std::size_t recorded_left() const { return recorded_.size(); }
  Millis next_recorded() const { return recorded_.empty() ? 0 : recorded_.front().due; }

  void count_trade(long price, int volume);
  CThostFtdcDepthMarketDataField snapshot(Millis now, Day trading_day) const;
  void settle();

  double price_of(long ticks) const { return static_cast<double>(ticks) * terms.field.PriceTick; }
  long ticks_of(double price) const;  // towards the nearest tick
  bool on_tick(double price) const;
  bool is_split() const { return terms.field.PositionDateType == '1'; }  // today and history in two rows
  double multiplier() const { return terms.field.VolumeMultiple; }
  double last_price() const { return is_price(last_) ? last_ : pre_settlement_; }
  double pre_settlement() const { return pre_settlement_; }
  long upper_limit() const { return upper_; }
  long lower_limit() const { return lower_; }
  std::string_view exchange() const;
  std::string_view id() const;

  Terms terms;
  Book book;
  std::vector<Link*> subscribers;
  std::vector<OrderId> untouched;  // conditional orders waiting

 private:
  void walk(Millis now, std::vector<Fill>& fills);
  void quote(std::span<const Level> bids, std::span<const Level> asks, std::vector<Fill>& fills);
  void replay(const CThostFtdcDepthMarketDataField& tick, std::vector<Fill>& fills);
  void set_limits();
  void new_day(double settlement, double close);

  Random random_;
  std::deque<RecordedTick> recorded_;
  bool replaying_ = false;
  CThostFtdcDepthMarketDataField replayed_{};
  long middle_ = 0, upper_ = 0, lower_ = 0;
  double pre_settlement_ = 0, pre_close_ = 0, pre_interest_ = 0;
  double open_ = no_value, high_ = no_value, low_ = no_value, last_ = no_value, turnover_ = 0, interest_ = 0;
  int volume_ = 0;
};

}  // namespace tidewire::ctp_sim
