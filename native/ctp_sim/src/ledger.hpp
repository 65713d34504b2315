// What one investor holds and owes: positions by day of opening, margin, fees, and what waiting orders have frozen.
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "ctp_abi.hpp"
#include "listing.hpp"
#include "table_rows.hpp"

namespace tidewire::ctp_sim {

enum class Offset : std::uint8_t { open, close, close_today, close_history };

// What an order asks of the ledger, and what it has frozen there for each lot that is not yet traded.
struct Claim {
  Listing* listing = nullptr;
  Side side = Side::buy;
  Offset offset = Offset::open;
  char hedge = '1';
  double margin_a_lot = 0, fee_a_lot = 0;
};

class Ledger {
 public:
  Ledger(std::string broker, std::string investor, double balance);

  // Refuses what the position or the money does not allow; else freezes it.
  std::optional<Error> freeze(Claim& claim, double price, int volume);
  void release(const Claim& claim, int volume);
  void apply(const Claim& claim, double price, int volume, std::string_view trade_id, Day day);
  void settle();

  CThostFtdcTradingAccountField account(Day trading_day) const;
  std::vector<CThostFtdcInvestorPositionField> positions(Day trading_day) const;
  std::vector<CThostFtdcInvestorPositionDetailField> details(Day trading_day) const;
  double available() const;
  int closable(const Claim& claim) const;

 private:
  struct Lot {
    std::string trade_id;
    Day opened;
    double price, basis;  // as traded; as marked at the last settlement
    int volume;
  };
  struct Leg {  // opened today, or before
    std::deque<Lot> lots;
    int volume = 0, frozen = 0, opened = 0, closed = 0;
    double open_cost = 0, basis_cost = 0, margin = 0;
    double open_amount = 0, close_amount = 0, fees = 0, profit_by_date = 0, profit_by_trade = 0;
  };
  struct Holding {  // one contract, direction and hedge flag
    Leg today, history;
    int at_day_start = 0, frozen_opening = 0;
    double frozen_margin = 0, frozen_fees = 0;
  };
  using Key = std::tuple<Listing*, Side, char>;  // the side that opened
  struct ByName {                                // not by address: rows come in the same order in every run
    bool operator()(const Key& left, const Key& right) const {
      const auto& [listing, side, hedge] = left;
      const auto& [other, other_side, other_hedge] = right;
      const std::string_view name = listing->id(), other_name = other->id();
      return std::tie(name, side, hedge) < std::tie(other_name, other_side, other_hedge);
    }
  };
  static Key key_of(const Claim& claim);
  static Leg& frozen_leg(Holding& holding, const Claim& claim);

  void open(Holding& holding, const Claim& claim, double price, int volume, std::string_view trade_id, Day day);
  int close(Leg& leg, const Claim& claim, const Fee& fee, double price, int volume);
  double position_profit() const;
  double balance() const;
  CThostFtdcInvestorPositionField row(const Key& key, const Holding& holding, Day trading_day) const;
  static void add_leg(CThostFtdcInvestorPositionField& row, const Key& key, const Leg& leg);

  std::string broker_, investor_;
  double pre_balance_, pre_margin_ = 0, fees_ = 0, close_profit_ = 0;
  std::map<Key, Holding, ByName> holdings_;
};

}  // namespace tidewire::ctp_sim
