// What ReqQry… answers: rows made from listings, orders and ledgers. An empty field in a query stands for all.
#include <algorithm>
#include <set>

#include "front.hpp"
#include "tables.hpp"
#include "text.hpp"

namespace tidewire::ctp_sim {
namespace {

template <std::size_t N>
bool matches(const char (&wanted)[N], std::string_view value) {
  return wanted[0] == 0 || text_of(wanted) == value;
}

template <class Row, class Query>
std::vector<Row> only(std::vector<Row> rows, const Query& query) {
  std::erase_if(rows, [&](const Row& row) {
    return !matches(query.InstrumentID, text_of(row.InstrumentID)) ||
           !matches(query.ExchangeID, text_of(row.ExchangeID));
  });
  return rows;
}

template <class Row>
Row row_for(const User& user) {
  Row row{};
  put(row.BrokerID, user.credentials.broker);
  put(row.InvestorID, user.credentials.user);
  return row;
}

}  // namespace

std::vector<CThostFtdcInstrumentField> Front::instruments(const User&, const CThostFtdcQryInstrumentField& query) {
  std::vector<CThostFtdcInstrumentField> rows;
  for (const Listing& listing : desk_.listings())
    if (matches(query.ProductID, text_of(listing.terms.field.ProductID))) rows.push_back(listing.terms.field);
  return only(std::move(rows), query);
}

std::vector<CThostFtdcProductField> Front::products(const User&, const CThostFtdcQryProductField& query) {
  std::vector<CThostFtdcProductField> rows;
  std::set<std::string_view> seen;
  for (const Listing& listing : desk_.listings()) {
    const CThostFtdcInstrumentField& field = listing.terms.field;
    const std::string_view product = text_of(field.ProductID);
    if (!matches(query.ProductID, product) || !seen.insert(product).second) continue;
    CThostFtdcProductField row{};
    put(row.ProductID, product);
    put(row.ProductName, text_of(field.InstrumentName)
                             .substr(0, text_of(field.InstrumentName).size() - (listing.id().size() - product.size())));
    put(row.ExchangeID, listing.exchange());
    put(row.ExchangeProductID, product);
    put(row.TradeCurrencyID, "CNY");
    row.ProductClass = field.ProductClass;
    row.VolumeMultiple = field.VolumeMultiple;
    row.PriceTick = field.PriceTick;
    row.MaxMarketOrderVolume = field.MaxMarketOrderVolume;
    row.MinMarketOrderVolume = field.MinMarketOrderVolume;
    row.MaxLimitOrderVolume = field.MaxLimitOrderVolume;
    row.MinLimitOrderVolume = field.MinLimitOrderVolume;
    row.PositionType = field.PositionType;
    row.PositionDateType = field.PositionDateType;
    row.CloseDealType = '0';
    row.UnderlyingMultiple = 1;
    rows.push_back(row);
  }
  return rows;
}

std::vector<CThostFtdcExchangeField> Front::exchanges(const User&, const CThostFtdcQryExchangeField& query) {
  std::vector<CThostFtdcExchangeField> rows;
  std::set<std::string_view> seen;
  for (const Listing& listing : desk_.listings()) {
    if (!matches(query.ExchangeID, listing.exchange()) || !seen.insert(listing.exchange()).second) continue;
    CThostFtdcExchangeField row{};
    put(row.ExchangeID, listing.exchange());
    put(row.ExchangeName, listing.exchange());
    row.ExchangeProperty = '0';
    rows.push_back(row);
  }
  return rows;
}

std::vector<CThostFtdcOrderField> Front::orders(const User& investor, const CThostFtdcQryOrderField& query) {
  std::vector<CThostFtdcOrderField> rows = only(desk_.orders(investor), query);
  std::erase_if(rows, [&](const auto& row) { return !matches(query.OrderSysID, text_of(row.OrderSysID)); });
  return rows;
}

std::vector<CThostFtdcTradeField> Front::trades(const User& investor, const CThostFtdcQryTradeField& query) {
  std::vector<CThostFtdcTradeField> rows = only(desk_.trades(investor), query);
  std::erase_if(rows, [&](const auto& row) { return !matches(query.TradeID, text_of(row.TradeID)); });
  return rows;
}

std::vector<CThostFtdcInvestorPositionField> Front::positions(const User& investor,
                                                              const CThostFtdcQryInvestorPositionField& query) {
  return only(investor.ledger.positions(time_.trading_day()), query);
}

std::vector<CThostFtdcInvestorPositionDetailField> Front::position_details(
    const User& investor, const CThostFtdcQryInvestorPositionDetailField& query) {
  return only(investor.ledger.details(time_.trading_day()), query);
}

std::vector<CThostFtdcTradingAccountField> Front::accounts(const User& investor,
                                                           const CThostFtdcQryTradingAccountField&) {
  return {investor.ledger.account(time_.trading_day())};
}

std::vector<CThostFtdcInstrumentMarginRateField> Front::margin_rates(
    const User& investor, const CThostFtdcQryInstrumentMarginRateField& query) {
  std::vector<CThostFtdcInstrumentMarginRateField> rows;
  for (const Listing& listing : desk_.listings()) {
    auto row = row_for<CThostFtdcInstrumentMarginRateField>(investor);
    put(row.InstrumentID, listing.id());
    put(row.ExchangeID, listing.exchange());
    row.InvestorRange = '1';  // all
    row.HedgeFlag = query.HedgeFlag != 0 ? query.HedgeFlag : '1';
    row.LongMarginRatioByMoney = row.ShortMarginRatioByMoney = listing.terms.margin;
    rows.push_back(row);
  }
  return only(std::move(rows), query);
}

std::vector<CThostFtdcInstrumentCommissionRateField> Front::fee_rates(
    const User& investor, const CThostFtdcQryInstrumentCommissionRateField& query) {
  std::vector<CThostFtdcInstrumentCommissionRateField> rows;
  for (const Listing& listing : desk_.listings()) {
    auto row = row_for<CThostFtdcInstrumentCommissionRateField>(investor);
    put(row.InstrumentID, listing.id());
    put(row.ExchangeID, listing.exchange());
    row.InvestorRange = '1';  // all
    row.OpenRatioByMoney = listing.terms.open.by_money;
    row.OpenRatioByVolume = listing.terms.open.by_lot;
    row.CloseRatioByMoney = listing.terms.close.by_money;
    row.CloseRatioByVolume = listing.terms.close.by_lot;
    row.CloseTodayRatioByMoney = listing.terms.close_today.by_money;
    row.CloseTodayRatioByVolume = listing.terms.close_today.by_lot;
    rows.push_back(row);
  }
  return only(std::move(rows), query);
}

std::vector<CThostFtdcDepthMarketDataField> Front::market_data(const User&,
                                                               const CThostFtdcQryDepthMarketDataField& query) {
  std::vector<CThostFtdcDepthMarketDataField> rows;
  for (const Listing& listing : desk_.listings()) {
    if (!matches(query.InstrumentID, listing.id()) || !matches(query.ExchangeID, listing.exchange())) continue;
    if (!listing.has_snapshot()) continue;
    rows.push_back(listing.snapshot(time_.now(), time_.trading_day()));
    put(rows.back().ExchangeID, listing.exchange());  // empty only in the market data front's own pushes
  }
  return rows;
}

// Rows are cut without regard to characters, as the real ones are: join their bytes before decoding.
std::vector<CThostFtdcSettlementInfoField> Front::settlements(const User& investor,
                                                              const CThostFtdcQrySettlementInfoField&) {
  const CThostFtdcTradingAccountField account = investor.ledger.account(time_.trading_day());
  std::string statement = text::settlement_title.text;
  statement += "\r\n" + text_of(time_.trading_day()) + "\r\n";
  for (const Listing& listing : desk_.listings())
    statement += std::string(text_of(listing.terms.field.InstrumentName)) + "  " +
                 std::to_string(listing.pre_settlement()) + "\r\n";
  statement += std::string(text::settlement_balance.text) + std::to_string(account.PreBalance) + "\r\n";
  std::vector<CThostFtdcSettlementInfoField> rows;
  for (std::size_t at = 0; at < statement.size(); at += sizeof(CThostFtdcSettlementInfoField::Content) - 1) {
    auto row = row_for<CThostFtdcSettlementInfoField>(investor);
    put(row.TradingDay, text_of(time_.trading_day()));
    put(row.AccountID, investor.credentials.user);
    put(row.CurrencyID, "CNY");
    put(row.Content, std::string_view(statement).substr(at));
    row.SettlementID = 1;
    row.SequenceNo = static_cast<int>(rows.size());
    rows.push_back(row);
  }
  return rows;
}

std::vector<CThostFtdcSettlementInfoConfirmField> Front::confirmations(const User& investor,
                                                                       const CThostFtdcQrySettlementInfoConfirmField&) {
  if (!investor.confirmed) return {};
  auto row = row_for<CThostFtdcSettlementInfoConfirmField>(investor);
  put(row.ConfirmDate, text_of(time_.trading_day()));
  put(row.ConfirmTime, clock_text(investor.confirmed_at));
  return {row};
}

std::vector<CThostFtdcInvestorField> Front::investors(const User& investor, const CThostFtdcQryInvestorField&) {
  auto row = row_for<CThostFtdcInvestorField>(investor);
  put(row.InvestorName, investor.credentials.user);
  row.IsActive = 1;
  return {row};
}

std::vector<CThostFtdcTradingCodeField> Front::trading_codes(const User& investor,
                                                             const CThostFtdcQryTradingCodeField& query) {
  std::vector<CThostFtdcTradingCodeField> rows;
  for (const CThostFtdcExchangeField& exchange : exchanges(investor, {})) {
    auto row = row_for<CThostFtdcTradingCodeField>(investor);
    put(row.ExchangeID, text_of(exchange.ExchangeID));
    put(row.ClientID, investor.credentials.user);
    row.IsActive = 1;
    row.ClientIDType = '1';
    if (matches(query.ExchangeID, text_of(row.ExchangeID))) rows.push_back(row);
  }
  return rows;
}

std::vector<CThostFtdcQryMaxOrderVolumeField> Front::most_to_order(const User& investor,
                                                                   const CThostFtdcQryMaxOrderVolumeField& query) {
  Listing* listing = desk_.find(text_of(query.InstrumentID));
  if (listing == nullptr) return {};
  CThostFtdcQryMaxOrderVolumeField row = query;
  const double price = listing->last_price();
  if (query.OffsetFlag == '0') {
    const double a_lot =
        price * listing->multiplier() * listing->terms.margin + listing->terms.open.of(price, listing->multiplier());
    row.MaxVolume = static_cast<int>(std::clamp(investor.ledger.available() / a_lot, 0.0, 1e9));
  } else {
    const Side side = query.Direction == '0' ? Side::buy : Side::sell;
    const Offset offset = query.OffsetFlag == '3' ? Offset::close_today : Offset::close;
    row.MaxVolume = investor.ledger.closable({listing, side, offset, query.HedgeFlag != 0 ? query.HedgeFlag : '1'});
  }
  return {row};
}

}  // namespace tidewire::ctp_sim
