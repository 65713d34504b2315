#include <cmath>

#include "listing.hpp"
#include "tables.hpp"
#include "text.hpp"

namespace tidewire::ctp_sim {
namespace {

using namespace std::chrono;

std::string spelt(const Product& product, year_month delivery) {
  std::string id = product.id;
  const int year = static_cast<int>(delivery.year()) % 100;
  const unsigned month = static_cast<unsigned>(delivery.month());
  const bool one_digit = std::string_view(product.exchange) == "CZCE";
  if (!one_digit && year < 10) id += '0';
  id += std::to_string(one_digit ? year % 10 : year);
  if (month < 10) id += '0';
  return id + std::to_string(month);
}

// Near the truth, which needs each exchange's calendar: the third Friday at CFFEX, the 15th or the Monday after it.
Day expiry_of(const Product& product, year_month delivery) {
  if (std::string_view(product.exchange) == "CFFEX") return sys_days(delivery / Friday[3]);
  const Day middle = sys_days(delivery / 15);
  return is_weekend(middle) ? next_weekday(middle) : middle;
}

constexpr std::size_t months_listed = 4;

}  // namespace

Terms terms_of(const Product& product, year_month delivery) {
  Terms terms{{}, product.open, product.close, product.close_today, product.margin, product.price, product.night_end};
  CThostFtdcInstrumentField& field = terms.field;
  const std::string id = spelt(product, delivery);
  const std::string_view exchange = product.exchange;
  put(field.InstrumentID, id);
  put(field.ExchangeInstID, id);
  put(field.ExchangeID, exchange);
  put(field.ProductID, product.id);
  put(field.UnderlyingInstrID, product.id);
  put(field.InstrumentName, product.name + id.substr(std::string_view(product.id).size()));
  field.ProductClass = '1';  // futures
  field.DeliveryYear = static_cast<int>(delivery.year());
  field.DeliveryMonth = static_cast<int>(static_cast<unsigned>(delivery.month()));
  field.MinMarketOrderVolume = field.MinLimitOrderVolume = 1;
  field.MaxMarketOrderVolume = exchange == "CFFEX" ? 10 : 100;
  field.MaxLimitOrderVolume = exchange == "CFFEX" ? 20 : 500;
  field.VolumeMultiple = static_cast<int>(product.multiplier);
  field.PriceTick = product.tick;
  const Day listed = sys_days((delivery - years(1)) / 16);
  const Day expiry = expiry_of(product, delivery);
  put(field.CreateDate, text_of(listed));
  put(field.OpenDate, text_of(listed));
  put(field.ExpireDate, text_of(expiry));
  put(field.StartDelivDate, text_of(expiry));
  put(field.EndDelivDate, text_of(next_weekday(next_weekday(expiry))));
  field.InstLifePhase = '1';  // started
  field.IsTrading = 1;
  field.PositionType = '2';  // gross
  field.PositionDateType = exchange == "SHFE" || exchange == "INE" ? '1' : '2';
  field.LongMarginRatio = field.ShortMarginRatio = product.margin;
  field.MaxMarginSideAlgorithm = '1';
  field.StrikePrice = no_value;
  field.UnderlyingMultiple = 1;
  return terms;
}

std::vector<Terms> listed_on(Day day) {
  std::vector<Terms> listed;
  const year_month_day date(day);
  for (const Product& product : products) {
    std::size_t found = 0;
    for (year_month month(date.year(), date.month()); found < months_listed; month += months(1)) {
      const bool exists = (product.months >> static_cast<unsigned>(month.month()) & 1U) != 0;
      if (!exists || expiry_of(product, month) < day) continue;
      listed.push_back(terms_of(product, month));
      // Contracts further out cost a little more, each product alike.
      const double drift = 1 + 0.004 * static_cast<double>(found++);
      listed.back().base_price = std::round(product.price * drift / product.tick) * product.tick;
    }
  }
  return listed;
}

}  // namespace tidewire::ctp_sim
