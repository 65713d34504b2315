#include "desk.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "letters.hpp"
#include "tables.hpp"
#include "text.hpp"

namespace tidewire::ctp_sim {
namespace {

std::optional<long long> number_of(std::string_view digits) {
  long long number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
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

bool Desk::is_closed(const Listing& listing) const {
  const bool bonds = listing.exchange() == "CFFEX" && listing.id().starts_with('T');
  return keeps_hours && !in_session(listing.exchange(), bonds, listing.terms.night_end, time_.now());
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
