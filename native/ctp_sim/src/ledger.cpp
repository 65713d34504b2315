#include "ledger.hpp"

#include <algorithm>

#include "tables.hpp"
#include "text.hpp"

namespace tidewire::ctp_sim {
namespace {

double money(const Listing& listing, double price, int volume) { return price * volume * listing.multiplier(); }
double sign(Side opened) { return opened == Side::buy ? 1 : -1; }

}  // namespace

Ledger::Ledger(std::string broker, std::string investor, double balance)
    : broker_(std::move(broker)), investor_(std::move(investor)), pre_balance_(balance) {}

Ledger::Key Ledger::key_of(const Claim& claim) {
  const Side opened = claim.offset == Offset::open ? claim.side : opposite(claim.side);
  return {claim.listing, opened, claim.hedge};
}

// Where one row holds both days, its frozen volume is kept with today's.
Ledger::Leg& Ledger::frozen_leg(Holding& holding, const Claim& claim) {
  return claim.listing->is_split() && claim.offset != Offset::close_today ? holding.history : holding.today;
}

int Ledger::closable(const Claim& claim) const {
  const auto found = holdings_.find(key_of(claim));
  if (found == holdings_.end()) return 0;
  const auto& [today, history, at_day_start, frozen_opening, frozen_margin, frozen_fees] = found->second;
  if (!claim.listing->is_split()) return today.volume + history.volume - today.frozen;
  return claim.offset == Offset::close_today ? today.volume - today.frozen : history.volume - history.frozen;
}

std::optional<Error> Ledger::freeze(Claim& claim, double price, int volume) {
  const Listing& listing = *claim.listing;
  const double multiplier = listing.multiplier();
  if (claim.offset == Offset::open) {
    claim.margin_a_lot = money(listing, price, 1) * listing.terms.margin;
    claim.fee_a_lot = listing.terms.open.of(price, multiplier);
    if ((claim.margin_a_lot + claim.fee_a_lot) * volume > available()) return text::insufficient_money;
    Holding& holding = holdings_[key_of(claim)];
    holding.frozen_opening += volume;
    holding.frozen_margin += claim.margin_a_lot * volume;
    holding.frozen_fees += claim.fee_a_lot * volume;
    return std::nullopt;
  }
  if (volume > closable(claim)) {
    if (!listing.is_split()) return text::over_close;
    return claim.offset == Offset::close_today ? text::over_close_today : text::over_close_yesterday;
  }
  const Fee& fee = claim.offset == Offset::close_today ? listing.terms.close_today : listing.terms.close;
  claim.fee_a_lot = fee.of(price, multiplier);
  Holding& holding = holdings_[key_of(claim)];
  frozen_leg(holding, claim).frozen += volume;
  holding.frozen_fees += claim.fee_a_lot * volume;
  return std::nullopt;
}

void Ledger::release(const Claim& claim, int volume) {
  Holding& holding = holdings_[key_of(claim)];
  if (claim.offset == Offset::open)
    holding.frozen_opening -= volume;
  else
    frozen_leg(holding, claim).frozen -= volume;
  holding.frozen_margin -= claim.margin_a_lot * volume;
  holding.frozen_fees -= claim.fee_a_lot * volume;
  if (holding.frozen_opening == 0) holding.frozen_margin = 0;  // no dust from adding and taking away
  if (holding.frozen_opening + holding.today.frozen + holding.history.frozen == 0) holding.frozen_fees = 0;
}

void Ledger::apply(const Claim& claim, double price, int volume, std::string_view trade_id, Day day) {
  release(claim, volume);
  Holding& holding = holdings_[key_of(claim)];
  const Terms& terms = claim.listing->terms;
  if (claim.offset == Offset::open) return open(holding, claim, price, volume, trade_id, day);
  if (claim.listing->is_split()) {
    const bool today = claim.offset == Offset::close_today;
    close(today ? holding.today : holding.history, claim, today ? terms.close_today : terms.close, price, volume);
    return;
  }
  const int left = close(holding.history, claim, terms.close, price, volume);  // first in, first out
  close(holding.today, claim, terms.close_today, price, left);
}

void Ledger::open(Holding& holding, const Claim& claim, double price, int volume, std::string_view trade_id, Day day) {
  Leg& leg = holding.today;
  const double cost = money(*claim.listing, price, volume);
  const double fee = claim.listing->terms.open.of(price, claim.listing->multiplier()) * volume;
  leg.lots.push_back({std::string(trade_id), day, price, price, volume});
  leg.volume += volume;
  leg.opened += volume;
  leg.open_cost += cost;
  leg.basis_cost += cost;
  leg.open_amount += cost;
  leg.margin += cost * claim.listing->terms.margin;
  leg.fees += fee;
  fees_ += fee;
}

int Ledger::close(Leg& leg, const Claim& claim, const Fee& fee, double price, int volume) {
  const Listing& listing = *claim.listing;
  const double direction = sign(opposite(claim.side));
  while (volume > 0 && !leg.lots.empty()) {
    Lot& lot = leg.lots.front();
    const int closed = std::min(volume, lot.volume);
    const double by_date = direction * money(listing, price - lot.basis, closed);
    const double paid = fee.of(price, listing.multiplier()) * closed;
    leg.volume -= closed;
    leg.closed += closed;
    leg.open_cost -= money(listing, lot.price, closed);
    leg.basis_cost -= money(listing, lot.basis, closed);
    leg.margin -= money(listing, lot.basis, closed) * listing.terms.margin;
    leg.close_amount += money(listing, price, closed);
    leg.profit_by_date += by_date;
    leg.profit_by_trade += direction * money(listing, price - lot.price, closed);
    leg.fees += paid;
    fees_ += paid;
    close_profit_ += by_date;
    volume -= closed;
    lot.volume -= closed;
    if (lot.volume == 0) leg.lots.pop_front();
  }
  if (leg.volume == 0) leg.open_cost = leg.basis_cost = leg.margin = 0;
  return volume;
}

// At the new day's start; listings have been settled, so their pre-settlement is the price to mark at.
void Ledger::settle() {
  pre_balance_ = balance();
  fees_ = close_profit_ = pre_margin_ = 0;
  for (auto& [key, holding] : holdings_) {
    const Listing& listing = *std::get<Listing*>(key);
    Holding next;
    Leg& leg = next.history;
    leg.lots = std::move(holding.history.lots);
    leg.lots.insert(leg.lots.end(), holding.today.lots.begin(), holding.today.lots.end());
    for (Lot& lot : leg.lots) {
      lot.basis = listing.pre_settlement();
      leg.volume += lot.volume;
      leg.open_cost += money(listing, lot.price, lot.volume);
    }
    leg.basis_cost = money(listing, listing.pre_settlement(), leg.volume);
    leg.margin = leg.basis_cost * listing.terms.margin;
    next.at_day_start = leg.volume;
    pre_margin_ += leg.margin;
    holding = std::move(next);
  }
  std::erase_if(holdings_, [](const auto& entry) { return entry.second.history.volume == 0; });
}

double Ledger::position_profit() const {
  double profit = 0;
  for (const auto& [key, holding] : holdings_) {
    const Listing& listing = *std::get<Listing*>(key);
    for (const Leg* leg : {&holding.today, &holding.history})
      profit += sign(std::get<Side>(key)) * (money(listing, listing.last_price(), leg->volume) - leg->basis_cost);
  }
  return profit;
}

double Ledger::balance() const { return pre_balance_ + close_profit_ + position_profit() - fees_; }

double Ledger::available() const {
  double held = 0;
  for (const auto& [key, holding] : holdings_)
    held += holding.today.margin + holding.history.margin + holding.frozen_margin + holding.frozen_fees;
  return balance() - held;
}

CThostFtdcTradingAccountField Ledger::account(Day trading_day) const {
  CThostFtdcTradingAccountField account{};
  put(account.BrokerID, broker_);
  put(account.AccountID, investor_);
  put(account.CurrencyID, "CNY");
  put(account.TradingDay, text_of(trading_day));
  account.SettlementID = 1;
  account.PreBalance = account.PreDeposit = pre_balance_;
  account.PreMargin = pre_margin_;
  for (const auto& [key, holding] : holdings_) {
    account.CurrMargin += holding.today.margin + holding.history.margin;
    account.FrozenMargin += holding.frozen_margin;
    account.FrozenCommission += holding.frozen_fees;
  }
  account.ExchangeMargin = account.CurrMargin;
  account.Commission = fees_;
  account.CloseProfit = close_profit_;
  account.PositionProfit = position_profit();
  account.Balance = balance();
  account.Available = available();
  account.WithdrawQuota = std::max(0.0, account.Available);
  return account;
}

void Ledger::add_leg(CThostFtdcInvestorPositionField& row, const Key& key, const Leg& leg) {
  const Listing& listing = *std::get<Listing*>(key);
  const Side opened = std::get<Side>(key);
  row.Position += leg.volume;
  row.OpenVolume += leg.opened;
  row.CloseVolume += leg.closed;
  row.OpenAmount += leg.open_amount;
  row.CloseAmount += leg.close_amount;
  row.PositionCost += leg.basis_cost;
  row.OpenCost += leg.open_cost;
  row.UseMargin += leg.margin;
  row.ExchangeMargin += leg.margin;
  row.Commission += leg.fees;
  row.CloseProfit += leg.profit_by_date;
  row.CloseProfitByDate += leg.profit_by_date;
  row.CloseProfitByTrade += leg.profit_by_trade;
  row.PositionProfit += sign(opened) * (money(listing, listing.last_price(), leg.volume) - leg.basis_cost);
  // By the direction of the order that froze it: closing a long position sells.
  (opened == Side::buy ? row.ShortFrozen : row.LongFrozen) += leg.frozen;
}

CThostFtdcInvestorPositionField Ledger::row(const Key& key, const Holding& holding, Day trading_day) const {
  const auto& [listing, opened, hedge] = key;
  CThostFtdcInvestorPositionField row{};
  put(row.BrokerID, broker_);
  put(row.InvestorID, investor_);
  put(row.InstrumentID, listing->id());
  put(row.ExchangeID, listing->exchange());
  put(row.TradingDay, text_of(trading_day));
  row.PosiDirection = opened == Side::buy ? '2' : '3';
  row.HedgeFlag = hedge;
  row.PositionDate = '1';
  row.SettlementID = 1;
  row.PreSettlementPrice = listing->pre_settlement();
  row.SettlementPrice = listing->last_price();
  row.MarginRateByMoney = listing->terms.margin;
  (opened == Side::buy ? row.LongFrozen : row.ShortFrozen) = holding.frozen_opening;
  row.FrozenMargin = holding.frozen_margin;
  row.FrozenCommission = holding.frozen_fees;
  return row;
}

std::vector<CThostFtdcInvestorPositionField> Ledger::positions(Day trading_day) const {
  std::vector<CThostFtdcInvestorPositionField> rows;
  for (const auto& [key, holding] : holdings_) {
    CThostFtdcInvestorPositionField today = row(key, holding, trading_day);
    add_leg(today, key, holding.today);
    today.TodayPosition = holding.today.volume;
    if (!std::get<Listing*>(key)->is_split()) {
      add_leg(today, key, holding.history);
      today.YdPosition = holding.at_day_start;
      rows.push_back(today);
      continue;
    }
    if (holding.at_day_start > 0) {
      CThostFtdcInvestorPositionField history = row(key, Holding{}, trading_day);
      add_leg(history, key, holding.history);
      history.PositionDate = '2';
      history.YdPosition = holding.at_day_start;
      rows.push_back(history);
    }
    if (holding.today.opened > 0 || holding.frozen_opening > 0) rows.push_back(today);
  }
  return rows;
}

std::vector<CThostFtdcInvestorPositionDetailField> Ledger::details(Day trading_day) const {
  std::vector<CThostFtdcInvestorPositionDetailField> rows;
  for (const auto& [key, holding] : holdings_) {
    const auto& [listing, opened, hedge] = key;
    for (const Leg* leg : {&holding.history, &holding.today}) {
      for (const Lot& lot : leg->lots) {
        CThostFtdcInvestorPositionDetailField detail{};
        put(detail.BrokerID, broker_);
        put(detail.InvestorID, investor_);
        put(detail.InstrumentID, listing->id());
        put(detail.ExchangeID, listing->exchange());
        put(detail.TradingDay, text_of(trading_day));
        put(detail.OpenDate, text_of(lot.opened));
        put(detail.TradeID, lot.trade_id);
        detail.HedgeFlag = hedge;
        detail.Direction = opened == Side::buy ? '0' : '1';
        detail.Volume = lot.volume;
        detail.OpenPrice = lot.price;
        detail.SettlementID = 1;
        detail.TradeType = '0';
        detail.Margin = detail.ExchMargin = money(*listing, lot.basis, lot.volume) * listing->terms.margin;
        detail.MarginRateByMoney = listing->terms.margin;
        detail.LastSettlementPrice = listing->pre_settlement();
        detail.SettlementPrice = listing->last_price();
        detail.PositionProfitByDate = sign(opened) * money(*listing, listing->last_price() - lot.basis, lot.volume);
        detail.PositionProfitByTrade = sign(opened) * money(*listing, listing->last_price() - lot.price, lot.volume);
        rows.push_back(detail);
      }
    }
  }
  return rows;
}

}  // namespace tidewire::ctp_sim
