// Where orders live: CTP's checks, the exchanges' checks, matching, cancelling, and the returns that all this makes.
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "ctp_abi.hpp"
#include "listing.hpp"
#include "timeline.hpp"
#include "user.hpp"

namespace tidewire::ctp_sim {

// Who is asking: one login of one user.
struct Session {
  User* user = nullptr;
  int front = 0, id = 0;
  long long max_order_ref = 0;
};

// What happens on the desk that clients hear of.
class Audience {
 public:
  virtual void private_return(User& user, Return what) = 0;
  virtual void tick(Listing& listing, const CThostFtdcDepthMarketDataField& tick) = 0;

 protected:
  ~Audience() = default;
};

// Faults that a script orders, each for the next occasion.
struct Faults {
  std::deque<int> returns, handshakes, authentications, logins, queries, orders, cancels;  // codes
  int exchange_orders = 0, exchange_cancels = 0;                                           // how many to reject
};

class Desk {
 public:
  Desk(Timeline& timeline, Audience& audience, Faults& faults)
      : time_(timeline), audience_(audience), faults_(faults) {}

  Listing& list(const Terms& terms, std::uint64_t seed, bool walks);
  Listing* find(std::string_view instrument);
  const std::deque<Listing>& listings() const { return listings_; }
  std::deque<Listing>& listings() { return listings_; }

  // Both answer with CTP's own refusal, or nothing: then the returns tell the rest.
  std::optional<Error> insert(Session& session, CThostFtdcInputOrderField& input, int request);
  std::optional<Error> cancel(const Session& session, const CThostFtdcInputOrderActionField& input);

  // Half a second of market, of all contracts or of one.
  void step();
  void step(Listing& listing);
  // The day ends: orders, trades and their numbers are gone, listings are marked; ledgers are their users' own.
  void settle();

  bool is_closed(const Listing& listing) const;  // only where hours are kept
  std::vector<CThostFtdcOrderField> orders(const User& user) const;
  std::vector<CThostFtdcTradeField> trades(const User& user) const;

  Millis exchange_delay = 0;
  bool keeps_hours = false;

 private:
  struct Order {
    CThostFtdcOrderField field;
    User* user;
    Claim claim;
    long limit = 0;
    bool waiting = false, resting = false;  // for its condition or the exchange; in the book
  };
  std::optional<Error> check(Session& session, CThostFtdcInputOrderField& input, Claim& claim);
  OrderId accept(const Session& session, const CThostFtdcInputOrderField& input, const Claim& claim, int request);
  void after_delay(OrderId id, void (Desk::*act)(OrderId));
  void arrive(OrderId id);
  std::optional<Status> exchange_refusal(Order& order);
  void trade(OrderId id);
  int match(OrderId id, std::vector<Fill>& fills);
  void fill(const Fill& fill);
  void fill_one(Order& order, double price, int volume, const std::string& trade_id);
  void record_trade(Order& order, double price, int volume, const std::string& trade_id);
  std::string next_trade_id(Listing& listing);
  void close(Order& order, char status, Status message);
  void withdraw(OrderId id);
  void refuse_cancel(Order& order, const CThostFtdcInputOrderActionField& input, Status message);
  void touch(Listing& listing);
  void say(const Order& order);
  OrderId find_order(const CThostFtdcInputOrderActionField& input) const;
  Order& at(OrderId id) { return orders_[id - 1]; }

  Timeline& time_;
  Audience& audience_;
  Faults& faults_;
  std::deque<Listing> listings_;
  std::map<std::string, Listing*, std::less<>> by_id_;
  std::deque<Order> orders_;  // order n at n - 1
  std::deque<std::pair<User*, CThostFtdcTradeField>> trades_;
  std::map<std::tuple<int, int, std::string>, OrderId> by_ref_;
  std::map<std::pair<std::string, std::string>, OrderId> by_sys_id_;
  std::map<std::string, long long, std::less<>> order_numbers_, trade_numbers_;  // by exchange
  std::vector<std::pair<User*, CThostFtdcTradeField>> held_trades_;              // of a FAK, told after its end
  bool hold_trades_ = false;
  int sequence_ = 0, day_ = 0;
};

CThostFtdcOrderActionField action_of(const CThostFtdcInputOrderActionField& input);
CThostFtdcRspInfoField info_of(const Error& error);
Error error_of(int id);  // of that number; one that is not in the table gets a text of its own

}  // namespace tidewire::ctp_sim
