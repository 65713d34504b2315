// A simulated front: who is connected, who is logged in, what time it is. One lock guards all of it.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "desk.hpp"
#include "link.hpp"
#include "timeline.hpp"
#include "user.hpp"

namespace tidewire::ctp_sim {

class Front : public std::enable_shared_from_this<Front>, private Audience {
 public:
  struct Options {
    std::string address;  // empty: one that nobody else has
    std::uint64_t seed = 1;
    Millis start = 0;
    double speed = 1;  // simulated seconds in a real one; 0: time moves only when a script says so
    int query_rate = 1;
    bool keeps_hours = false, walks = true, lists_products = true;
  };

  // Fronts by address, in this process. The default front is made when somebody asks for its address.
  static std::shared_ptr<Front> open(Options options);
  static std::shared_ptr<Front> find(const std::string& address);
  static std::shared_ptr<Front> by_handle(std::uint64_t handle);
  void close();
  bool is_closed() const { return closed_; }

  // For links: none is called with a link's lock held.
  bool attach(const std::shared_ptr<Link>& link, const std::string& address);
  void detach(Link& link);
  int serve(Link& link, Lane lane, const std::function<void(Front&, Link&)>& make);
  std::chrono::steady_clock::time_point pulse();  // lets time pass; says when something is next due

  // Requests, made through serve().
  void authenticate(Link& link, const CThostFtdcReqAuthenticateField& request, int id);
  void login(Link& link, const CThostFtdcReqUserLoginField& request, int id);
  void logout(Link& link, const CThostFtdcUserLogoutField& request, int id);
  void change_password(Link& link, const CThostFtdcUserPasswordUpdateField& request, int id);
  void confirm_settlement(Link& link, const CThostFtdcSettlementInfoConfirmField& request, int id);
  void subscribe(Link& link, std::span<char* const> instruments, bool wanted);
  void insert_order(Link& link, const CThostFtdcInputOrderField& request, int id);
  void cancel_order(Link& link, const CThostFtdcInputOrderActionField& request, int id);
  void refuse(Link& link, std::function<void(const Spis&, CThostFtdcRspInfoField&)> answer);

  template <class Query, class Row>
  using Rows = std::vector<Row> (Front::*)(const User&, const Query&);
  template <class Row>
  using Answer = void (CThostFtdcTraderSpi::*)(Row*, CThostFtdcRspInfoField*, int, bool);
  template <class Query, class Row>
  void query(Link& link, const Query& query, int id, Rows<Query, Row> rows, Answer<Row> answer);

  // One row a call, as CTP answers; see queries.cpp.
  std::vector<CThostFtdcInstrumentField> instruments(const User&, const CThostFtdcQryInstrumentField&);
  std::vector<CThostFtdcProductField> products(const User&, const CThostFtdcQryProductField&);
  std::vector<CThostFtdcExchangeField> exchanges(const User&, const CThostFtdcQryExchangeField&);
  std::vector<CThostFtdcOrderField> orders(const User&, const CThostFtdcQryOrderField&);
  std::vector<CThostFtdcTradeField> trades(const User&, const CThostFtdcQryTradeField&);
  std::vector<CThostFtdcInvestorPositionField> positions(const User&, const CThostFtdcQryInvestorPositionField&);
  std::vector<CThostFtdcInvestorPositionDetailField> position_details(const User&,
                                                                      const CThostFtdcQryInvestorPositionDetailField&);
  std::vector<CThostFtdcTradingAccountField> accounts(const User&, const CThostFtdcQryTradingAccountField&);
  std::vector<CThostFtdcInstrumentMarginRateField> margin_rates(const User&,
                                                                const CThostFtdcQryInstrumentMarginRateField&);
  std::vector<CThostFtdcInstrumentCommissionRateField> fee_rates(const User&,
                                                                 const CThostFtdcQryInstrumentCommissionRateField&);
  std::vector<CThostFtdcDepthMarketDataField> market_data(const User&, const CThostFtdcQryDepthMarketDataField&);
  std::vector<CThostFtdcSettlementInfoField> settlements(const User&, const CThostFtdcQrySettlementInfoField&);
  std::vector<CThostFtdcSettlementInfoConfirmField> confirmations(const User&,
                                                                  const CThostFtdcQrySettlementInfoConfirmField&);
  std::vector<CThostFtdcInvestorField> investors(const User&, const CThostFtdcQryInvestorField&);
  std::vector<CThostFtdcTradingCodeField> trading_codes(const User&, const CThostFtdcQryTradingCodeField&);
  std::vector<CThostFtdcQryMaxOrderVolumeField> most_to_order(const User&, const CThostFtdcQryMaxOrderVolumeField&);

  // For scripts; each takes the lock itself.
  void advance(Millis by);
  void settle(std::optional<Millis> start);
  void disconnect(int reason, std::string_view user);
  void silence(Millis length);
  void listen(bool open);
  bool add_user(Credentials credentials, double balance);  // false: there is one of that name
  bool add_listing(const Terms& terms);
  bool feed(const CThostFtdcDepthMarketDataField& tick, Millis due);
  bool flood(std::string_view instrument, std::int64_t count, std::int64_t interval_ns);
  bool drain(std::chrono::milliseconds timeout);
  template <class Act>
  auto with(Act&& act) {  // the script's own look at everything, under the lock
    const std::scoped_lock lock(mutex_);
    return act(*this);
  }

  User* user(std::string_view id);
  Desk& desk() { return desk_; }
  const Timeline& time() const { return time_; }
  Faults& faults() { return faults_; }
  const std::string& address() const { return options_.address; }
  std::uint64_t handle() const { return handle_; }
  int query_rate() const { return options_.query_rate; }
  std::int64_t flood_ns() const { return flood_ns_; }
  std::size_t connections() const { return links_.size(); }

 private:
  explicit Front(Options options);

  void private_return(User& user, Return what) override;
  void tick(Listing& listing, const CThostFtdcDepthMarketDataField& tick) override;

  void run_to(Millis target);
  void catch_up();
  void step();
  void publish_status();
  void connect(const std::shared_ptr<Link>& link);
  void reconnect_later(const std::shared_ptr<Link>& link);
  void drop(const std::shared_ptr<Link>& link, int reason);
  void unsubscribe_all(Link& link);
  int flow_control(Link& link);
  std::optional<Error> may_login(Link& link, const CThostFtdcReqUserLoginField& request, User*& user);
  void send_flow(Link& link, Series series, std::uint32_t from);
  void send(Link& link, Series series, std::uint32_t number);
  std::uint16_t phase() const;

  Options options_;
  std::uint64_t handle_ = 0;
  std::mutex mutex_;
  Timeline time_;
  Faults faults_;
  Desk desk_;
  Random random_;
  std::vector<std::shared_ptr<Link>> links_;  // connected
  std::map<std::string, std::unique_ptr<User>, std::less<>> users_;
  bool open_door_ = true;  // until a script adds a user, everybody may come
  bool listening_ = true;
  std::atomic<bool> closed_{false};
  Flow public_flow_;
  std::map<std::string, char> statuses_;  // by product, as last published
  Millis next_step_;
  Millis anchor_;
  std::chrono::steady_clock::time_point anchor_at_;
  std::atomic<std::int64_t> flood_ns_{0};
};

// Posts to a link of one kind what its Spi is to hear.
template <class Call>
void tell_trader(Link& link, Call call) {
  link.post([call](const Spis& spis) mutable {
    if (spis.trader != nullptr) call(*spis.trader);
  });
}

template <class Query, class Row>
void Front::query(Link& link, const Query& query, int id, Rows<Query, Row> rows, Answer<Row> answer) {
  const auto say = [&](std::function<void(CThostFtdcTraderSpi&)> call, bool last) {
    const auto to_trader = [call = std::move(call)](const Spis& spis) {
      if (spis.trader != nullptr) call(*spis.trader);
    };
    link.post({to_trader, last});
  };
  if (!faults_.queries.empty()) {
    const Error refused = error_of(faults_.queries.front());
    faults_.queries.pop_front();
    return say([info = info_of(refused), id](auto& spi) mutable { spi.OnRspError(&info, id, true); }, true);
  }
  if (!link.peer.logged_in) {
    return say(
        [info = info_of(error_of(6)), id, answer](auto& spi) mutable { (spi.*answer)(nullptr, &info, id, true); },
        true);
  }
  const std::vector<Row> found = (this->*rows)(*link.peer.session.user, query);
  if (found.empty()) return say([id, answer](auto& spi) { (spi.*answer)(nullptr, nullptr, id, true); }, true);
  for (const Row& row : found) {
    const bool last = &row == &found.back();
    say([row = Row(row), id, answer, last](auto& spi) mutable { (spi.*answer)(&row, nullptr, id, last); }, last);
  }
}

}  // namespace tidewire::ctp_sim
