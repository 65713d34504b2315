#include "listing.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "text.hpp"

namespace tidewire::ctp_sim {
namespace {

constexpr int quoted_levels = 5;
constexpr double limit_share = 0.08;  // how far a price may move in a day

}  // namespace

Listing::Listing(const Terms& given, std::uint64_t seed, bool walks)
    : terms(given), random_(seed, id()), replaying_(!walks) {
  new_day(terms.base_price, terms.base_price);
  pre_interest_ = interest_ = 1000.0 * (20 + random_.below(80));
}

std::string_view Listing::exchange() const { return text_of(terms.field.ExchangeID); }
std::string_view Listing::id() const { return text_of(terms.field.InstrumentID); }

long Listing::ticks_of(double price) const { return std::lround(price / terms.field.PriceTick); }

bool Listing::on_tick(double price) const {
  const double ticks = price / terms.field.PriceTick;
  return std::abs(ticks - std::round(ticks)) < 1e-6 * std::max(1.0, std::abs(ticks));
}

void Listing::set_limits() {
  upper_ = static_cast<long>(std::floor(pre_settlement_ * (1 + limit_share) / terms.field.PriceTick));
  lower_ = static_cast<long>(std::ceil(pre_settlement_ * (1 - limit_share) / terms.field.PriceTick));
}

void Listing::new_day(double settlement, double close) {
  pre_settlement_ = settlement;
  pre_close_ = close;
  pre_interest_ = interest_;
  open_ = high_ = low_ = last_ = no_value;
  turnover_ = 0;
  volume_ = 0;
  middle_ = ticks_of(close);
  set_limits();
}

// The volume-weighted price is the settlement, in whole ticks; without a trade the old one stays. Recorded turnover may
// lack the multiplier (CZCE), so there the last price has to do.
void Listing::settle() {
  book.clear();
  untouched.clear();
  const double last = is_price(last_) ? last_ : pre_settlement_;
  const double average = volume_ > 0 && !replaying_ ? turnover_ / volume_ / multiplier() : last;
  new_day(price_of(ticks_of(average)), last);
}

void Listing::feed(RecordedTick tick) {
  replaying_ = true;
  recorded_.push_back(std::move(tick));
}

bool Listing::step(Millis now, std::vector<Fill>& fills) {
  if (recorded_.empty()) {
    if (!replaying_) walk(now, fills);
    return !replaying_;
  }
  if (recorded_.front().due > now) return false;
  replay(recorded_.front().tick, fills);
  recorded_.pop_front();
  return true;
}

// A fair price that drifts by at most a tick, quotes around it, and now and then somebody who takes them.
void Listing::walk(Millis, std::vector<Fill>& fills) {
  const std::array<int, 5> moves{-1, 0, 0, 0, 1};
  middle_ = std::clamp(middle_ + moves[static_cast<std::size_t>(random_.below(5))], lower_ + quoted_levels + 1,
                       upper_ - quoted_levels - 1);
  std::array<Level, quoted_levels> bids, asks;
  const int wide = random_.below(4) == 0 ? 1 : 0;
  for (int depth = 0; depth < quoted_levels; ++depth) {
    const auto at = static_cast<std::size_t>(depth);
    bids[at] = {middle_ - depth, 1 + random_.below(50)};
    asks[at] = {middle_ + 1 + wide + depth, 1 + random_.below(50)};
  }
  quote(bids, asks, fills);
  for (int takers = 1 + random_.below(3); takers > 0; --takers) {
    const Side side = random_.below(2) == 0 ? Side::buy : Side::sell;
    const long limit = side == Side::buy ? upper_ : lower_;
    const std::size_t before = fills.size();
    book.match(anonymous, side, limit, 1 + random_.below(20), fills);
    for (std::size_t i = before; i < fills.size(); ++i) {
      count_trade(fills[i].price, fills[i].volume);
      interest_ = std::max(0.0, interest_ + random_.below(3) - 1);
    }
  }
}

// The rest of the market leaves and comes back at these prices; users' orders that it then meets are filled.
void Listing::quote(std::span<const Level> bids, std::span<const Level> asks, std::vector<Fill>& fills) {
  book.withdraw_anonymous();
  const auto place = [&](Side side, const Level& level) {
    if (level.volume <= 0) return;
    const std::size_t before = fills.size();
    const int left = book.match(anonymous, side, level.price, level.volume, fills);
    if (!replaying_)
      for (std::size_t i = before; i < fills.size(); ++i) count_trade(fills[i].price, fills[i].volume);
    if (left > 0) book.rest(anonymous, side, level.price, left);
  };
  for (const Level& level : asks) place(Side::sell, level);
  for (const Level& level : bids) place(Side::buy, level);
}

void Listing::replay(const CThostFtdcDepthMarketDataField& tick, std::vector<Fill>& fills) {
  const int traded = tick.Volume - (replayed_.Volume > tick.Volume ? 0 : replayed_.Volume);
  replayed_ = tick;
  const auto level = [this](double price, int volume) {
    return is_price(price) ? Level{ticks_of(price), volume} : Level{};
  };
  const std::array bids{level(tick.BidPrice1, tick.BidVolume1), level(tick.BidPrice2, tick.BidVolume2),
                        level(tick.BidPrice3, tick.BidVolume3), level(tick.BidPrice4, tick.BidVolume4),
                        level(tick.BidPrice5, tick.BidVolume5)};
  const std::array asks{level(tick.AskPrice1, tick.AskVolume1), level(tick.AskPrice2, tick.AskVolume2),
                        level(tick.AskPrice3, tick.AskVolume3), level(tick.AskPrice4, tick.AskVolume4),
                        level(tick.AskPrice5, tick.AskVolume5)};
  if (is_price(tick.LastPrice)) last_ = tick.LastPrice;
  if (is_price(tick.PreSettlementPrice)) pre_settlement_ = tick.PreSettlementPrice;
  if (is_price(tick.UpperLimitPrice)) upper_ = ticks_of(tick.UpperLimitPrice);
  if (is_price(tick.LowerLimitPrice)) lower_ = ticks_of(tick.LowerLimitPrice);
  volume_ = tick.Volume;
  turnover_ = tick.Turnover;
  quote(bids, asks, fills);
  // What was traded beyond our users' better prices would have met them first.
  if (traded > 0 && is_price(tick.LastPrice)) {
    const long last = ticks_of(tick.LastPrice);
    std::erase_if(fills, [](const Fill& fill) { return fill.maker == anonymous; });
    if (book.level(Side::buy, 0).volume > 0 && book.level(Side::buy, 0).price > last)
      book.match(anonymous, Side::sell, last + 1, traded, fills);
    if (book.level(Side::sell, 0).volume > 0 && book.level(Side::sell, 0).price < last)
      book.match(anonymous, Side::buy, last - 1, traded, fills);
  }
}

void Listing::count_trade(long ticks, int volume) {
  const double price = price_of(ticks);
  last_ = price;
  open_ = is_price(open_) ? open_ : price;
  high_ = is_price(high_) ? std::max(high_, price) : price;
  low_ = is_price(low_) ? std::min(low_, price) : price;
  volume_ += volume;
  turnover_ += price * volume * multiplier();
}

CThostFtdcDepthMarketDataField Listing::snapshot(Millis now, Day trading_day) const {
  if (replaying_) return replayed_;
  CThostFtdcDepthMarketDataField tick{};
  const Stamps stamps = stamps_of(exchange(), now, trading_day);
  put(tick.InstrumentID, id());
  put(tick.TradingDay, text_of(stamps.tick_trading));
  put(tick.ActionDay, text_of(stamps.tick_action));
  put(tick.UpdateTime, clock_text(now));
  tick.UpdateMillisec = stamped_millis(exchange(), now);
  tick.LastPrice = last_;
  tick.PreSettlementPrice = pre_settlement_;
  tick.PreClosePrice = pre_close_;
  tick.PreOpenInterest = pre_interest_;
  tick.OpenPrice = open_;
  tick.HighestPrice = high_;
  tick.LowestPrice = low_;
  tick.Volume = volume_;
  tick.Turnover = turnover_;
  tick.OpenInterest = interest_;
  tick.UpperLimitPrice = price_of(upper_);
  tick.LowerLimitPrice = price_of(lower_);
  tick.ClosePrice = tick.SettlementPrice = tick.PreDelta = tick.CurrDelta = no_value;
  const double money_a_lot = volume_ > 0 ? turnover_ / volume_ : 0;
  tick.AveragePrice = exchange() == "CZCE" ? money_a_lot / multiplier() : money_a_lot;
  const auto show = [&](Side side, double& price, int& volume) {
    const Level best = book.level(side, 0);
    price = best.volume > 0 ? price_of(best.price) : no_value;
    volume = best.volume;
  };
  show(Side::buy, tick.BidPrice1, tick.BidVolume1);
  show(Side::sell, tick.AskPrice1, tick.AskVolume1);
  // Ordinary fronts show one level.
  for (double* deep : {&tick.BidPrice2, &tick.AskPrice2, &tick.BidPrice3, &tick.AskPrice3, &tick.BidPrice4,
                       &tick.AskPrice4, &tick.BidPrice5, &tick.AskPrice5})
    *deep = no_value;
  return tick;
}

}  // namespace tidewire::ctp_sim
