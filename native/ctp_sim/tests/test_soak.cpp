// Ten trading days or more of 6,000 orders and half a million snapshots each, the connections cut every few simulated
// seconds: whatever the front knows of orders and trades, its clients must have been told, and the memory must not
// grow. That is TIDEWIRE_SOAK_SHARE=1; by default it has a fifth of both.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "check.hpp"
#include "ctp_abi.hpp"
#include "random.hpp"
#include "script.hpp"
#include "text.hpp"

using tidewire::ctp_sim::put;
using tidewire::ctp_sim::Random;
using tidewire::ctp_sim::text_of;

namespace {

const double share = [] {
  const char* told = std::getenv("TIDEWIRE_SOAK_SHARE");
  return told != nullptr ? std::atof(told) : 0.2;
}();
constexpr int days = 10, floods_a_day = 100;
const int orders_a_flood = static_cast<int>(60 * share);
const auto ticks_a_flood = static_cast<std::int64_t>(5000 * share);
const auto enough_orders = static_cast<std::size_t>(50'000 * share);
constexpr auto patience = std::chrono::seconds(60);
constexpr std::int64_t start_ms = 1782912600000;  // 2026-07-01 13:30

class Prices final : public CThostFtdcMdSpi {
 public:
  Prices(const std::string& address, const std::string& flow)
      : api_(CThostFtdcMdApi::CreateFtdcMdApi(flow.c_str(), false, false, true)) {
    std::string front = address;
    api_->RegisterSpi(this);
    api_->RegisterFront(front.data());
    api_->Init();
  }
  void close() { api_->Release(); }

  void OnFrontConnected() override {
    CThostFtdcReqUserLoginField login{};
    api_->ReqUserLogin(&login, 1);
  }
  void OnRspUserLogin(CThostFtdcRspUserLoginField*, CThostFtdcRspInfoField*, int, bool) override {
    char name[] = "rb2610";
    char* names[] = {name};
    api_->SubscribeMarketData(names, 1);
  }
  void OnRspSubMarketData(CThostFtdcSpecificInstrumentField*, CThostFtdcRspInfoField*, int, bool) override {
    const std::scoped_lock lock(mutex_);
    ready_ = true;
    changed_.notify_all();
  }
  void OnFrontDisconnected(int) override {
    const std::scoped_lock lock(mutex_);
    ready_ = false;
  }
  void OnRtnDepthMarketData(CThostFtdcDepthMarketDataField* tick) override {
    ticks_ += text_of(tick->InstrumentID) == "rb2610" ? 1 : 0;
  }

  bool wait_ready() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return ready_; });
  }
  std::int64_t ticks() const { return ticks_; }

 private:
  CThostFtdcMdApi* api_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;
  std::atomic<std::int64_t> ticks_{0};
};

class Desk final : public CThostFtdcTraderSpi {
 public:
  Desk(const std::string& address, const std::string& flow, std::string user, THOST_TE_RESUME_TYPE mode)
      : user_(std::move(user)), api_(CThostFtdcTraderApi::CreateFtdcTraderApi(flow.c_str(), true)) {
    std::string front = address;
    api_->RegisterSpi(this);
    api_->RegisterFront(front.data());
    api_->SubscribePrivateTopic(mode);
    api_->SubscribePublicTopic(THOST_TERT_NONE);
    api_->Init();
  }
  void close() { api_->Release(); }

  void OnFrontConnected() override {
    CThostFtdcReqAuthenticateField request{};
    put(request.BrokerID, "9999");
    put(request.UserID, user_);
    api_->ReqAuthenticate(&request, 1);
  }
  void OnRspAuthenticate(CThostFtdcRspAuthenticateField*, CThostFtdcRspInfoField*, int, bool) override {
    CThostFtdcReqUserLoginField request{};
    put(request.BrokerID, "9999");
    put(request.UserID, user_);
    put(request.Password, "secret");
    api_->ReqUserLogin(&request, 2);
  }
  void OnRspUserLogin(CThostFtdcRspUserLoginField* login, CThostFtdcRspInfoField* info, int, bool) override {
    // An answer of the old connection may be followed by a login on the new one, which is not authenticated yet.
    if (info->ErrorID != 0 && info->ErrorID != 64 && info->ErrorID != 5) ++refused_logins_;
    if (info->ErrorID != 0) return;
    {
      const std::scoped_lock lock(mutex_);
      next_ref_ = std::atoll(login->MaxOrderRef) + 1;
    }
    CThostFtdcSettlementInfoConfirmField request{};
    put(request.BrokerID, "9999");
    put(request.InvestorID, user_);
    api_->ReqSettlementInfoConfirm(&request, 3);
  }
  void OnRspSettlementInfoConfirm(CThostFtdcSettlementInfoConfirmField*, CThostFtdcRspInfoField*, int, bool) override {
    const std::scoped_lock lock(mutex_);
    ready_ = true;
    changed_.notify_all();
  }
  void OnFrontDisconnected(int) override {
    const std::scoped_lock lock(mutex_);
    ready_ = false;
  }
  void OnRtnOrder(CThostFtdcOrderField* order) override {
    const std::scoped_lock lock(mutex_);
    orders_[order->BrokerOrderSeq] = *order;
  }
  void OnRtnTrade(CThostFtdcTradeField* trade) override {
    const std::scoped_lock lock(mutex_);
    trades_.insert(std::string(text_of(trade->TradeID)) + trade->Direction);
  }

  bool wait_ready() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return ready_; });
  }

  void order(Random& random) {
    CThostFtdcInputOrderField order{};
    {
      const std::scoped_lock lock(mutex_);
      put(order.OrderRef, std::to_string(next_ref_++));
    }
    put(order.BrokerID, "9999");
    put(order.InvestorID, user_);
    put(order.InstrumentID, "rb2610");
    put(order.ExchangeID, "SHFE");
    const bool buys = random.below(2) == 0;
    order.Direction = buys ? '0' : '1';
    order.OrderPriceType = '2';
    put(order.CombOffsetFlag, random.below(3) != 0 ? "0" : "3");
    put(order.CombHedgeFlag, "1");
    order.LimitPrice = buys ? 3180 + random.below(80) : 3260 - random.below(80);
    order.VolumeTotalOriginal = 1 + random.below(5);
    order.TimeCondition = random.below(3) == 0 ? '1' : '3';
    order.VolumeCondition = '1';
    order.ContingentCondition = '1';
    order.ForceCloseReason = '0';
    api_->ReqOrderInsert(&order, 4);
  }
  void cancel(Random& random) {
    CThostFtdcInputOrderActionField action{};
    {
      const std::scoped_lock lock(mutex_);
      if (orders_.empty()) return;
      auto any = orders_.lower_bound(random.below(orders_.rbegin()->first) + 1);
      put(action.ExchangeID, text_of(any->second.ExchangeID));
      put(action.OrderSysID, text_of(any->second.OrderSysID));
    }
    put(action.BrokerID, "9999");
    put(action.InvestorID, user_);
    action.ActionFlag = '0';
    api_->ReqOrderAction(&action, 5);
  }

  // All that the front knows of this user's day must be known here, no more and no less.
  std::size_t check_day(std::uint64_t front) {
    const auto known = read<CThostFtdcOrderField>(front, "orders");
    const auto traded = read<CThostFtdcTradeField>(front, "trades");
    const std::scoped_lock lock(mutex_);
    CHECK(orders_.size() == known.size());
    std::size_t wrong = 0;
    for (const CThostFtdcOrderField& order : known) {
      const auto mine = orders_.find(order.BrokerOrderSeq);
      wrong += mine == orders_.end() || std::memcmp(&mine->second, &order, sizeof order) != 0 ? 1U : 0U;
    }
    CHECK(wrong == 0);
    std::set<std::string> told;
    for (const CThostFtdcTradeField& trade : traded) told.insert(std::string(text_of(trade.TradeID)) + trade.Direction);
    CHECK(told == trades_);
    CHECK(refused_logins_ == 0);
    orders_.clear();
    trades_.clear();
    return known.size();
  }

 private:
  template <class Row>
  std::vector<Row> read(std::uint64_t front, const char* what) const {
    const std::int64_t size = tidewire_sim_read(front, what, user_.c_str(), nullptr, 0);
    std::vector<Row> rows(static_cast<std::size_t>(size) / sizeof(Row));
    tidewire_sim_read(front, what, user_.c_str(), rows.data(), size);
    return rows;
  }

  const std::string user_;
  CThostFtdcTraderApi* api_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;
  std::atomic<int> refused_logins_{0};
  long long next_ref_ = 1;
  std::map<int, CThostFtdcOrderField> orders_;
  std::set<std::string> trades_;
};

long resident_kb() {
  std::ifstream file("/proc/self/statm");
  long pages = 0;
  file >> pages >> pages;
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

bool is_sanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;  // freed memory is kept there on purpose
#else
  return false;
#endif
}

void run(std::uint64_t front, const std::string& folder) {
  char text[64]{};
  tidewire_sim_address(front, text, sizeof text - 1);
  Prices prices(text, folder + "m_");
  Desk first(text, folder + "1_", "u1", THOST_TERT_RESTART), second(text, folder + "2_", "u2", THOST_TERT_RESUME);
  Desk* const desks[] = {&first, &second};
  const auto all_ready = [&] { return prices.wait_ready() && first.wait_ready() && second.wait_ready(); };

  constexpr int reasons[] = {0x1001, 0x1002, 0x2001, 0x2002, 0x2003};
  const char* const users[] = {"", "u1", "u2"};
  Random random(11, "soak");
  std::size_t orders = 0;
  int cuts = 0;
  long settled_kb = 0;
  // CTP refuses some orders: sent into a cut, or nothing to close. Days go on until enough were taken.
  for (int day = 0; day < days || (orders < enough_orders && day < 3 * days); ++day) {
    for (int flood = 0; flood < floods_a_day; ++flood) {
      CHECK(all_ready());
      tidewire_sim_flood(front, "rb2610", ticks_a_flood, 0);
      for (int i = 0; i < orders_a_flood; ++i) {
        desks[i % 2]->order(random);
        if (random.below(3) == 0) desks[i % 2]->cancel(random);
        if (i % 10 == 0) tidewire_sim_advance(front, 500);
      }
      if (random.below(2) != 0) continue;
      if (random.below(4) != 0) CHECK(tidewire_sim_drain(front, 60000) == 0);  // else what is under way is lost
      tidewire_sim_disconnect(front, reasons[random.below(5)], users[random.below(3)]);
      ++cuts;
      tidewire_sim_advance(front, 1500);
    }
    CHECK(all_ready());
    CHECK(tidewire_sim_drain(front, 60000) == 0);
    for (Desk* desk : desks) orders += desk->check_day(front);
    if (day == 2) settled_kb = resident_kb();
    tidewire_sim_settle(front, -1);
    tidewire_sim_advance(front, 1500);
  }
  while (prices.ticks() < days * floods_a_day * ticks_a_flood) {  // those that were lost with a connection, again
    CHECK(prices.wait_ready());
    tidewire_sim_flood(front, "rb2610", ticks_a_flood, 0);
    CHECK(tidewire_sim_drain(front, 60000) == 0);
  }
  const long grown_kb = resident_kb() - settled_kb;
  std::printf("soak: %lld ticks, %zu orders, %d cuts, memory %+ld kB from the third day to the end\n",
              static_cast<long long>(prices.ticks()), orders, cuts, grown_kb);
  CHECK(orders >= enough_orders);
  CHECK(is_sanitized() || grown_kb < 16 * 1024);
  prices.close();
  first.close();
  second.close();
  CHECK(tidewire_sim_connections(front) == 0);
}

}  // namespace

int main() {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("soak" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const std::uint64_t front = tidewire_sim_open("", 5, start_ms, 0, 1, 0);
  for (const char* user : {"u1", "u2"}) tidewire_sim_add_user(front, "9999", user, "secret", "", "", 1e12);
  run(front, folder.string() + "/");
  tidewire_sim_close(front);
  std::filesystem::remove_all(folder);
  return check::report("soak");
}
