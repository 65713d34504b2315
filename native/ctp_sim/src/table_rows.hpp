// The shapes of the generated tables.
#pragma once

namespace tidewire::ctp_sim {

struct Fee {
  double by_money, by_lot;
  constexpr double of(double price, double multiplier) const { return by_money * price * multiplier + by_lot; }
};

struct Product {
  const char *exchange, *id, *name;  // name in GB18030, as CTP sends it
  double multiplier, tick, price, margin;
  Fee open, close, close_today;
  int night_end;    // minutes after midnight, 23:00 being 1380; 0 without a night session
  unsigned months;  // bit n: delivery month n exists
};

struct Error {  // of CTP, answered through RspInfo
  int id;
  const char* text;
};

struct Status {  // of an order
  const char* text;
};

}  // namespace tidewire::ctp_sim
