// One API instance: its thread, which makes every callback, and its connection to a front.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "ctp_abi.hpp"
#include "dates.hpp"
#include "desk.hpp"
#include "flow_files.hpp"

namespace tidewire::ctp_sim {

class Front;

enum class Kind : std::uint8_t { market, trader };

// Of the two only the one of the API's kind is ever set.
struct Spis {
  CThostFtdcMdSpi* market = nullptr;
  CThostFtdcTraderSpi* trader = nullptr;

  template <class Call>
  void any(Call&& call) const {
    if (market != nullptr) call(*market);
    if (trader != nullptr) call(*trader);
  }
};

struct Delivery {
  std::function<void(const Spis&)> call;
  bool ends_query = false;
  Series series = Series::none;
  std::uint16_t phase = 0;
  std::uint32_t number = 0;  // in its series
};

// What the front knows of a connection. Guarded by the front's lock, as is everything a front calls here.
struct Peer {
  std::string front_address;
  bool connected = false, authenticated = false, logged_in = false;
  Session session;
  std::set<Listing*> subscribed;
  std::deque<Millis> queries;  // when those of the last second were made

  void reset(bool is_connected) {
    std::string address = std::move(front_address);
    *this = Peer();
    front_address = std::move(address);
    connected = is_connected;
  }
};

enum class Lane : std::uint8_t { request, query, peek };  // peek: nothing that goes over the wire

// What a request returns besides 0: the vendor's documented codes.
constexpr int not_connected = -1, too_many_in_flight = -2, too_many_a_second = -3;

class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(Kind kind, std::string flow_prefix);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // For the API's user, on any thread.
  void register_spi(Spis spis);
  void register_front(std::string address);
  void subscribe(Series series, THOST_TE_RESUME_TYPE mode);
  void init();
  int join();
  void release();  // tolerated in a callback, twice, and beside a Join
  int request(Lane lane, const std::function<void(Front&, Link&)>& make);
  const char* trading_day() const { return trading_day_.load(); }

  // For the front, which holds its lock.
  void post(Delivery delivery);
  void post(std::function<void(const Spis&)> call) { post(Delivery{std::move(call)}); }
  void post_local(std::function<void(const Spis&)> call);  // of the API's own making: goes out even while held
  void lose_connection(int reason);                        // what was not yet delivered is lost, as on a broken line
  void hold(bool held);                                    // keeps deliveries back
  void forget_front();                                     // and look for another
  void set_trading_day(Day day);
  std::uint32_t replay_from(Series series, std::uint16_t phase, std::uint32_t end) const;  // `end` for nothing
  bool wants(Series series) const;
  Kind kind() const { return kind_; }
  bool query_in_flight() const { return query_in_flight_; }
  void begin_query() { query_in_flight_ = true; }
  Peer peer;

  // Waits until everything posted has been delivered.
  bool drain(std::chrono::steady_clock::time_point deadline);
  bool on_own_thread() const { return std::this_thread::get_id() == worker_id_; }
  // Changes when the connection is lost: what goes on for long looks whether it still should.
  unsigned epoch() const { return stopping_ ? 0 : epoch_.load(); }

 private:
  void run();
  std::deque<Delivery>* ready();  // nullptr if there is nothing to deliver
  void deliver(const Delivery& delivery);
  void look_for_front();

  const Kind kind_;
  FlowFiles files_;
  std::atomic<THOST_TE_RESUME_TYPE> private_mode_{THOST_TERT_RESTART}, public_mode_{THOST_TERT_RESTART};
  std::atomic<const char*> trading_day_{"19800100"};  // what the vendor says before login
  std::atomic<bool> stopping_{false}, query_in_flight_{false};
  std::atomic<unsigned> epoch_{1};

  mutable std::mutex mutex_;  // taken after a front's lock, never before
  std::condition_variable wake_, idle_;
  std::deque<Delivery> outbox_, local_;
  std::vector<std::string> addresses_;
  std::shared_ptr<Front> front_;
  Spis spis_;
  bool delivering_ = false, held_ = false, started_ = false, finished_ = false;
  std::thread worker_;
  std::atomic<std::thread::id> worker_id_;
};

}  // namespace tidewire::ctp_sim
