// Orders meet the book, and what comes of it.
#include <algorithm>
#include <utility>

#include "desk.hpp"
#include "letters.hpp"
#include "tables.hpp"
#include "text.hpp"

namespace tidewire::ctp_sim {
namespace {

// Whether a condition such as "last price greater than the stop" holds.
bool holds(char condition, double stop, const Listing& listing) {
  const Level bid = listing.book.level(Side::buy, 0), ask = listing.book.level(Side::sell, 0);
  double price = listing.last_price();
  bool known = true;
  if (is_one_of(condition, "9ABC")) price = listing.price_of(ask.price), known = ask.volume > 0;
  if (is_one_of(condition, "DEFH")) price = listing.price_of(bid.price), known = bid.volume > 0;
  if (!known) return false;
  if (is_one_of(condition, "59D")) return price > stop;
  if (is_one_of(condition, "6AE")) return price >= stop;
  if (is_one_of(condition, "7BF")) return price < stop;
  return price <= stop;  // 8 C H
}

}  // namespace

void Desk::trade(OrderId id) {
  Order& order = at(id);
  Listing& listing = *order.claim.listing;
  const bool immediate = order.field.TimeCondition == immediate_or_cancel;
  std::vector<Fill> fills;
  hold_trades_ = immediate;
  const int left = match(id, fills);
  for (const Fill& each : fills) fill(each);
  hold_trades_ = false;
  if (left > 0 && immediate) {
    close(order, canceled, text::canceled);
  } else if (left > 0) {
    order.resting = true;
    listing.book.rest(id, order.claim.side, order.limit, left);
  }
  // A fill-and-kill order ends before its trades are told, as on the real front.
  for (auto& [user, told] : std::exchange(held_trades_, {}))
    audience_.private_return(*user, [trade = told](CThostFtdcTraderSpi& spi) mutable { spi.OnRtnTrade(&trade); });
  touch(listing);
}

int Desk::match(OrderId id, std::vector<Fill>& fills) {
  Order& order = at(id);
  Listing& listing = *order.claim.listing;
  const CThostFtdcOrderField& field = order.field;
  const Side side = order.claim.side;
  order.limit = side == Side::buy ? listing.upper_limit() : listing.lower_limit();
  if (field.OrderPriceType == limit_price) order.limit = listing.ticks_of(field.LimitPrice);
  if (field.OrderPriceType == best_price || field.OrderPriceType == five_levels) {
    for (std::size_t depth = 0; depth < (field.OrderPriceType == best_price ? 1U : 5U); ++depth) {
      const Level level = listing.book.level(opposite(side), depth);
      if (level.volume > 0) order.limit = level.price;
    }
  }
  const int available = listing.book.available(side, order.limit);
  const int least = field.VolumeCondition == complete_volume ? field.VolumeTotal
                    : field.VolumeCondition == min_volume    ? field.MinVolume
                                                             : 0;
  if (field.TimeCondition == immediate_or_cancel && available < least) return field.VolumeTotal;
  const int left = listing.book.match(id, side, order.limit, field.VolumeTotal, fills);
  if (!listing.replaying())
    for (const Fill& each : fills) listing.count_trade(each.price, each.volume);
  return left;
}

std::string Desk::next_trade_id(Listing& listing) {
  return numbered(++trade_numbers_[std::string(listing.exchange())], 12);
}

// Both sides of a trade bear its number; the market's own side is nobody's.
void Desk::fill(const Fill& fill) {
  if (fill.taker == anonymous && fill.maker == anonymous) return;
  Listing& listing = *at(fill.taker != anonymous ? fill.taker : fill.maker).claim.listing;
  const std::string trade_id = next_trade_id(listing);
  for (const OrderId id : {fill.maker, fill.taker})
    if (id != anonymous) fill_one(at(id), listing.price_of(fill.price), fill.volume, trade_id);
}

void Desk::fill_one(Order& order, double price, int volume, const std::string& trade_id) {
  CThostFtdcOrderField& field = order.field;
  field.VolumeTraded += volume;
  field.VolumeTotal -= volume;
  field.OrderStatus = field.VolumeTotal == 0 ? all_traded : part_traded;
  put(field.StatusMsg, field.VolumeTotal == 0 ? text::all_traded.text : text::part_traded.text);
  put(field.UpdateTime, clock_text(time_.now()));
  if (field.VolumeTotal == 0) order.resting = false;
  order.user->ledger.apply(order.claim, price, volume, trade_id, time_.trading_day());
  say(order);
  record_trade(order, price, volume, trade_id);
}

void Desk::record_trade(Order& order, double price, int volume, const std::string& trade_id) {
  const CThostFtdcOrderField& field = order.field;
  CThostFtdcTradeField trade{};
  put(trade.BrokerID, text_of(field.BrokerID));
  put(trade.InvestorID, text_of(field.InvestorID));
  put(trade.OrderRef, text_of(field.OrderRef));
  put(trade.UserID, text_of(field.UserID));
  put(trade.ExchangeID, text_of(field.ExchangeID));
  put(trade.TradeID, trade_id);
  put(trade.OrderSysID, text_of(field.OrderSysID));
  put(trade.ParticipantID, text_of(field.ParticipantID));
  put(trade.ClientID, text_of(field.ClientID));
  put(trade.TraderID, text_of(field.TraderID));
  put(trade.OrderLocalID, text_of(field.OrderLocalID));
  put(trade.BusinessUnit, text_of(field.BusinessUnit));
  put(trade.InstrumentID, text_of(field.InstrumentID));
  put(trade.ExchangeInstID, text_of(field.ExchangeInstID));
  put(trade.InvestUnitID, text_of(field.InvestUnitID));
  put(trade.TradingDay, text_of(time_.trading_day()));
  put(trade.TradeDate, text_of(stamps_of(text_of(field.ExchangeID), time_.now(), time_.trading_day()).trade));
  put(trade.TradeTime, clock_text(time_.now()));
  trade.Direction = field.Direction;
  trade.TradingRole = '1';
  trade.OffsetFlag = field.CombOffsetFlag[0];
  trade.HedgeFlag = field.CombHedgeFlag[0];
  trade.Price = price;
  trade.Volume = volume;
  trade.TradeType = '0';
  trade.PriceSource = '0';
  trade.SequenceNo = ++sequence_;
  trade.SettlementID = 1;
  trade.BrokerOrderSeq = field.BrokerOrderSeq;
  trade.TradeSource = '0';
  trades_.emplace_back(order.user, trade);
  if (hold_trades_ && field.TimeCondition == immediate_or_cancel) {
    held_trades_.emplace_back(order.user, trade);
    return;
  }
  audience_.private_return(*order.user, [trade](CThostFtdcTraderSpi& spi) mutable { spi.OnRtnTrade(&trade); });
}

// Conditional orders whose moment has come become orders of their own.
void Desk::touch(Listing& listing) {
  const auto ready = [&](OrderId id) {
    const CThostFtdcOrderField& field = at(id).field;
    return holds(field.ContingentCondition, field.StopPrice, listing);
  };
  for (auto found = std::ranges::find_if(listing.untouched, ready); found != listing.untouched.end();
       found = std::ranges::find_if(listing.untouched, ready)) {
    const OrderId id = *found;
    listing.untouched.erase(found);
    Order& waiting = at(id);
    waiting.field.OrderStatus = touched;
    put(waiting.field.StatusMsg, text::touched.text);
    say(waiting);
    Order next = waiting;
    const auto next_id = static_cast<OrderId>(orders_.size() + 1);
    next.field.ContingentCondition = immediately;
    next.field.OrderStatus = unknown;
    next.field.OrderType = '0';
    put(next.field.RelativeOrderSysID, text_of(waiting.field.OrderSysID));
    put(next.field.OrderSysID, "");
    put(next.field.OrderLocalID, numbered(next_id, sizeof(next.field.OrderLocalID) - 1));
    put(next.field.StatusMsg, text::submitted.text);
    next.field.BrokerOrderSeq = static_cast<int>(next_id);
    by_ref_[{next.field.FrontID, next.field.SessionID, std::string(trimmed(text_of(next.field.OrderRef)))}] = next_id;
    orders_.push_back(next);
    say(at(next_id));
    arrive(next_id);
  }
}

void Desk::step() {
  for (Listing& listing : listings_) step(listing);
}

void Desk::step(Listing& listing) {
  if (is_closed(listing)) return;
  std::vector<Fill> fills;
  do {
    fills.clear();
    if (!listing.step(time_.now(), fills)) return;
    for (const Fill& each : fills) fill(each);
    touch(listing);
    if (!listing.subscribers.empty()) audience_.tick(listing, listing.snapshot(time_.now(), time_.trading_day()));
  } while (listing.recorded_left() > 0 && listing.next_recorded() <= time_.now());
}

}  // namespace tidewire::ctp_sim
