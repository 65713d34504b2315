#include "desk.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "tables.hpp"
#include "text.hpp"

namespace tidewire::ctp_sim {
namespace {

// The letters of the vendor's constants that the desk decides by.
constexpr char buys = '0', sells = '1';
constexpr char any_price = '1', limit_price = '2', best_price = '3', five_levels = 'G';
constexpr char immediate_or_cancel = '1', good_for_day = '3';
constexpr char any_volume = '1', min_volume = '2', complete_volume = '3';
constexpr char immediately = '1';
constexpr char all_traded = '0', part_traded = '1', no_trade = '3', canceled = '5', unknown = 'a', not_touched = 'b',
               touched = 'c';
constexpr char insert_submitted = '0', accepted = '3', insert_rejected = '4', cancel_rejected = '5';

bool is_one_of(char letter, std::string_view letters) { return letters.find(letter) != std::string_view::npos; }

bool is_final(const CThostFtdcOrderField& order) { return is_one_of(order.OrderStatus, "05c"); }

Side side_of(char direction) { return direction == buys ? Side::buy : Side::sell; }

std::optional<long long> number_of(std::string_view digits) {
  long long number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

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

CThostFtdcRspInfoField info_of(const Error& error) {
  CThostFtdcRspInfoField info{};
  info.ErrorID = error.id;
  put(info.ErrorMsg, error.text);
  return info;
}

Error error_of(int id) {
  const auto* const found = std::ranges::find(errors, id, &Error::id);
  return found != std::end(errors) ? *found : Error{id, "CTP:simulated error"};
}

CThostFtdcOrderActionField action_of(const CThostFtdcInputOrderActionField& input) {
  CThostFtdcOrderActionField action{};
  put(action.BrokerID, text_of(input.BrokerID));
  put(action.InvestorID, text_of(input.InvestorID));
  put(action.UserID, text_of(input.UserID));
  put(action.OrderRef, text_of(input.OrderRef));
  put(action.ExchangeID, text_of(input.ExchangeID));
  put(action.OrderSysID, text_of(input.OrderSysID));
  put(action.InstrumentID, text_of(input.InstrumentID));
  put(action.InvestUnitID, text_of(input.InvestUnitID));
  put(action.OrderMemo, text_of(input.OrderMemo));
  action.OrderActionRef = input.OrderActionRef;
  action.RequestID = input.RequestID;
  action.FrontID = input.FrontID;
  action.SessionID = input.SessionID;
  action.ActionFlag = input.ActionFlag;
  action.LimitPrice = input.LimitPrice;
  action.VolumeChange = input.VolumeChange;
  action.SessionReqSeq = input.SessionReqSeq;
  return action;
}

Listing& Desk::list(const Terms& terms, std::uint64_t seed, bool walks) {
  Listing& listing = listings_.emplace_back(terms, seed, walks);
  by_id_[std::string(listing.id())] = &listing;
  return listing;
}

Listing* Desk::find(std::string_view instrument) {
  const auto found = by_id_.find(instrument);
  return found == by_id_.end() ? nullptr : found->second;
}

std::optional<Error> Desk::check(Session& session, CThostFtdcInputOrderField& input, Claim& claim) {
  if (!faults_.orders.empty()) {
    const int id = faults_.orders.front();
    faults_.orders.pop_front();
    return error_of(id);
  }
  if (!session.user->confirmed) return text::settlement_not_confirmed;
  Listing* listing = find(trimmed(text_of(input.InstrumentID)));
  if (listing == nullptr || text_of(input.ExchangeID) != listing->exchange()) return text::instrument_not_found;
  const bool priced = input.OrderPriceType == limit_price;
  const bool sound = is_one_of(input.Direction, "01") && is_one_of(input.CombOffsetFlag[0], "0134") &&
                     is_one_of(input.CombHedgeFlag[0], "1235") && is_one_of(input.OrderPriceType, "123G") &&
                     is_one_of(input.TimeCondition, "13") && is_one_of(input.VolumeCondition, "123") &&
                     is_one_of(input.ContingentCondition, "156789ABCDEFH") && input.VolumeTotalOriginal > 0 &&
                     std::isfinite(input.LimitPrice) && std::abs(input.LimitPrice) < 1e12 &&
                     (!priced || input.LimitPrice > 0) && (priced || input.TimeCondition == immediate_or_cancel) &&
                     text_of(input.InvestorID) == session.user->credentials.user;
  const std::string_view ref = trimmed(text_of(input.OrderRef));
  const std::optional<long long> number = ref.empty() ? session.max_order_ref + 1 : number_of(ref);
  if (!sound || !number) return text::bad_field;
  if (*number <= session.max_order_ref) return text::duplicate_order_ref;
  if (ref.empty()) put(input.OrderRef, numbered(*number, sizeof(input.OrderRef) - 1));

  // Only SHFE and INE tell today's position from yesterday's; elsewhere CTP makes both a plain close.
  char& offset = input.CombOffsetFlag[0];
  if (offset != '0' && !listing->is_split()) offset = '1';
  claim.listing = listing;
  claim.side = side_of(input.Direction);
  claim.offset = offset == '0'   ? Offset::open
                 : offset == '3' ? Offset::close_today
                 : offset == '4' ? Offset::close_history
                                 : Offset::close;
  claim.hedge = input.CombHedgeFlag[0];
  const double price = priced ? input.LimitPrice : listing->price_of(listing->upper_limit());
  if (const auto refused = session.user->ledger.freeze(claim, price, input.VolumeTotalOriginal)) return refused;
  session.max_order_ref = *number;
  session.user->max_order_ref = std::max(session.user->max_order_ref, *number);
  return std::nullopt;
}

std::optional<Error> Desk::insert(Session& session, CThostFtdcInputOrderField& input, int request) {
  Claim claim;
  if (const auto refused = check(session, input, claim)) return refused;
  const OrderId id = accept(session, input, claim, request);
  Order& order = at(id);
  say(order);
  say(order);  // once for CTP, once on the way to the exchange: clients must bear it
  if (input.ContingentCondition != immediately) {
    order.field.OrderStatus = not_touched;
    put(order.field.OrderSysID, "TJBD_" + std::to_string(id));
    by_sys_id_[{std::string(text_of(order.field.ExchangeID)), std::string(text_of(order.field.OrderSysID))}] = id;
    put(order.field.StatusMsg, text::not_touched.text);
    say(order);
    claim.listing->untouched.push_back(id);
    touch(*claim.listing);
  } else {
    after_delay(id, &Desk::arrive);
  }
  return std::nullopt;
}

void Desk::after_delay(OrderId id, void (Desk::*act)(OrderId)) {
  if (exchange_delay == 0) return (this->*act)(id);
  time_.at(time_.now() + exchange_delay, [this, id, act, day = day_] {
    if (day == day_) (this->*act)(id);
  });
}

OrderId Desk::accept(const Session& session, const CThostFtdcInputOrderField& input, const Claim& claim, int request) {
  const auto id = static_cast<OrderId>(orders_.size() + 1);
  Order& order = orders_.emplace_back(Order{{}, session.user, claim});
  order.waiting = true;
  CThostFtdcOrderField& field = order.field;
  const Stamps stamps = stamps_of(claim.listing->exchange(), time_.now(), time_.trading_day());
  put(field.BrokerID, text_of(input.BrokerID));
  put(field.InvestorID, text_of(input.InvestorID));
  put(field.OrderRef, text_of(input.OrderRef));
  put(field.UserID, session.user->credentials.user);
  put(field.CombOffsetFlag, text_of(input.CombOffsetFlag));
  put(field.CombHedgeFlag, text_of(input.CombHedgeFlag));
  put(field.GTDDate, text_of(input.GTDDate));
  put(field.BusinessUnit, text_of(input.BusinessUnit));
  put(field.ExchangeID, claim.listing->exchange());
  put(field.InstrumentID, claim.listing->id());
  put(field.ExchangeInstID, claim.listing->id());
  put(field.InvestUnitID, text_of(input.InvestUnitID));
  put(field.AccountID, text_of(input.AccountID));
  put(field.CurrencyID, text_of(input.CurrencyID));
  put(field.OrderMemo, text_of(input.OrderMemo));
  put(field.MacAddress, text_of(input.MacAddress));
  put(field.IPAddress, text_of(input.IPAddress));
  put(field.TradingDay, text_of(time_.trading_day()));
  put(field.InsertDate, text_of(stamps.order_insert));
  put(field.InsertTime, clock_text(time_.now()));
  put(field.OrderLocalID, numbered(id, sizeof(field.OrderLocalID) - 1));
  put(field.TraderID, std::string(claim.listing->exchange()) + "trader1");
  put(field.ParticipantID, "9999");
  put(field.ClientID, session.user->credentials.user);
  put(field.StatusMsg, text::submitted.text);
  field.OrderPriceType = input.OrderPriceType;
  field.Direction = input.Direction;
  field.LimitPrice = input.LimitPrice;
  field.VolumeTotalOriginal = field.VolumeTotal = input.VolumeTotalOriginal;
  field.TimeCondition = input.TimeCondition;
  field.VolumeCondition = input.VolumeCondition;
  field.MinVolume = input.MinVolume;
  field.ContingentCondition = input.ContingentCondition;
  field.StopPrice = input.StopPrice;
  field.ForceCloseReason = input.ForceCloseReason;
  field.IsAutoSuspend = input.IsAutoSuspend;
  field.RequestID = request;
  field.UserForceClose = input.UserForceClose;
  field.IsSwapOrder = input.IsSwapOrder;
  field.SessionReqSeq = input.SessionReqSeq;
  field.InstallID = 1;
  field.SettlementID = 1;
  field.OrderSource = '0';
  field.OrderType = input.ContingentCondition == immediately ? '0' : '3';
  field.OrderSubmitStatus = insert_submitted;
  field.OrderStatus = unknown;
  field.FrontID = session.front;
  field.SessionID = session.id;
  field.BrokerOrderSeq = static_cast<int>(id);
  by_ref_[{session.front, session.id, std::string(trimmed(text_of(field.OrderRef)))}] = id;
  return id;
}

// What this exchange would not take. CZCE cuts a price between two ticks, the others refuse it.
std::optional<Status> Desk::exchange_refusal(Order& order) {
  CThostFtdcOrderField& field = order.field;
  const Listing& listing = *order.claim.listing;
  const std::string_view exchange = listing.exchange();
  if (faults_.exchange_orders > 0) {
    --faults_.exchange_orders;
    return text::rejected_by_script;
  }
  if (is_closed(listing)) return text::rejected_phase;
  const int most = field.OrderPriceType == limit_price ? listing.terms.field.MaxLimitOrderVolume
                                                       : listing.terms.field.MaxMarketOrderVolume;
  if (field.VolumeTotalOriginal > most) return text::rejected_volume;
  const bool levels = field.OrderPriceType == best_price || field.OrderPriceType == five_levels;
  const bool no_market = field.OrderPriceType == any_price && (exchange == "SHFE" || exchange == "INE");
  if (no_market || (levels && exchange != "CFFEX")) return text::rejected_market_order;
  if (field.OrderPriceType != limit_price) return std::nullopt;
  if (!listing.on_tick(field.LimitPrice)) {
    if (exchange != "CZCE") return text::rejected_tick;
    field.LimitPrice =
        listing.price_of(static_cast<long>(std::floor(field.LimitPrice / listing.terms.field.PriceTick)));
  }
  const long ticks = listing.ticks_of(field.LimitPrice);
  if (ticks > listing.upper_limit() || ticks < listing.lower_limit()) return text::rejected_price_limit;
  return std::nullopt;
}

void Desk::arrive(OrderId id) {
  Order& order = at(id);
  if (is_final(order.field)) return;
  order.waiting = false;
  if (const auto refused = exchange_refusal(order)) {
    order.field.OrderSubmitStatus = insert_rejected;
    close(order, canceled, *refused);
    return;
  }
  const std::string exchange(order.claim.listing->exchange());
  put(order.field.OrderSysID, numbered(++order_numbers_[exchange], 12));
  by_sys_id_[{exchange, std::string(text_of(order.field.OrderSysID))}] = id;
  order.field.OrderSubmitStatus = accepted;
  order.field.OrderStatus = no_trade;
  put(order.field.ActiveTime, clock_text(time_.now()));
  put(order.field.ActiveTraderID, text_of(order.field.TraderID));
  put(order.field.StatusMsg, text::queueing.text);
  say(order);
  trade(id);
}

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

void Desk::close(Order& order, char status, Status message) {
  order.waiting = order.resting = false;
  order.field.OrderStatus = status;
  put(order.field.StatusMsg, message.text);
  put(order.field.CancelTime, clock_text(time_.now()));
  put(order.field.UpdateTime, clock_text(time_.now()));
  order.user->ledger.release(order.claim, order.field.VolumeTotal);
  say(order);
}

void Desk::say(const Order& order) {
  audience_.private_return(*order.user,
                           [field = order.field](CThostFtdcTraderSpi& spi) mutable { spi.OnRtnOrder(&field); });
}

OrderId Desk::find_order(const CThostFtdcInputOrderActionField& input) const {
  const std::string ref(trimmed(text_of(input.OrderRef)));
  const auto by_ref = by_ref_.find({input.FrontID, input.SessionID, ref});
  if (!ref.empty() && by_ref != by_ref_.end()) return by_ref->second;
  const std::string_view sys_id = text_of(input.OrderSysID);
  const auto by_sys_id = by_sys_id_.find({std::string(text_of(input.ExchangeID)), std::string(sys_id)});
  return by_sys_id != by_sys_id_.end() ? by_sys_id->second : anonymous;
}

std::optional<Error> Desk::cancel(const Session& session, const CThostFtdcInputOrderActionField& input) {
  if (!faults_.cancels.empty()) {
    const int id = faults_.cancels.front();
    faults_.cancels.pop_front();
    return error_of(id);
  }
  if (input.ActionFlag != '0') return text::bad_action_field;  // '3', modify, is taken by no exchange here
  const OrderId id = find_order(input);
  if (id == anonymous || at(id).user != session.user) return text::order_not_found;
  Order& order = at(id);
  if (is_final(order.field)) return text::order_finished;
  if (faults_.exchange_cancels > 0) {
    --faults_.exchange_cancels;
    refuse_cancel(order, input, text::cancel_rejected);
  } else if (order.field.OrderStatus == unknown && order.claim.listing->exchange() == "CZCE") {
    refuse_cancel(order, input, text::cancel_unknown);
  } else {
    after_delay(id, &Desk::withdraw);
  }
  return std::nullopt;
}

void Desk::withdraw(OrderId id) {
  Order& order = at(id);
  if (is_final(order.field)) return;  // filled on the way
  Listing& listing = *order.claim.listing;
  if (order.resting) listing.book.cancel(id, order.claim.side, order.limit);
  std::erase(listing.untouched, id);
  close(order, canceled, text::canceled);
}

// The exchange's no: the order stays what it was.
void Desk::refuse_cancel(Order& order, const CThostFtdcInputOrderActionField& input, Status message) {
  CThostFtdcOrderActionField action = action_of(input);
  put(action.OrderLocalID, text_of(order.field.OrderLocalID));
  put(action.OrderSysID, text_of(order.field.OrderSysID));
  put(action.ExchangeID, text_of(order.field.ExchangeID));
  put(action.StatusMsg, message.text);
  put(action.ActionDate, text_of(time_.trading_day()));
  put(action.ActionTime, clock_text(time_.now()));
  action.OrderActionStatus = 'c';  // rejected
  const CThostFtdcRspInfoField info = info_of({text::order_finished.id, message.text});
  audience_.private_return(*order.user,
                           [action, info = CThostFtdcRspInfoField(info)](CThostFtdcTraderSpi& spi) mutable {
                             spi.OnErrRtnOrderAction(&action, &info);
                           });
  order.field.OrderSubmitStatus = cancel_rejected;
  put(order.field.StatusMsg, message.text);
  say(order);
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

bool Desk::is_closed(const Listing& listing) const {
  const bool bonds = listing.exchange() == "CFFEX" && listing.id().starts_with('T');
  return keeps_hours && !in_session(listing.exchange(), bonds, listing.terms.night_end, time_.now());
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

void Desk::settle() {
  for (Listing& listing : listings_) listing.settle();
  orders_.clear();
  trades_.clear();
  by_ref_.clear();
  by_sys_id_.clear();
  order_numbers_.clear();
  trade_numbers_.clear();
  sequence_ = 0;
  ++day_;
}

std::vector<CThostFtdcOrderField> Desk::orders(const User& user) const {
  std::vector<CThostFtdcOrderField> rows;
  for (const Order& order : orders_)
    if (order.user == &user) rows.push_back(order.field);
  return rows;
}

std::vector<CThostFtdcTradeField> Desk::trades(const User& user) const {
  std::vector<CThostFtdcTradeField> rows;
  for (const auto& [owner, trade] : trades_)
    if (owner == &user) rows.push_back(trade);
  return rows;
}

}  // namespace tidewire::ctp_sim
