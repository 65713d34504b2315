// What ends the process with the vendor's library must not do so here: Release in a callback, twice, beside a Join,
// calls after it, null pointers, bad addresses, no folder; and many threads at once.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "ctp_abi.hpp"
#include "script.hpp"
#include "text.hpp"

using tidewire::ctp_sim::put;

namespace {

std::string folder;

class Listener final : public CThostFtdcTraderSpi {
 public:
  explicit Listener(const std::string& name, bool releases = false)
      : api(CThostFtdcTraderApi::CreateFtdcTraderApi((folder + name).c_str(), true)), releases_(releases) {
    api->RegisterSpi(this);
    api->SubscribePublicTopic(THOST_TERT_NONE);
  }
  void connect(const std::string& address) {
    std::string text = address;
    api->RegisterFront(text.data());
    api->Init();
  }
  void OnFrontConnected() override {
    if (releases_) {
      api->RegisterSpi(nullptr);
      api->Release();
      api->Release();
      CThostFtdcQryOrderField query{};
      CHECK(api->ReqQryOrder(&query, 1) == -1);
    }
    note(connected_);
  }
  void OnRspAuthenticate(CThostFtdcRspAuthenticateField*, CThostFtdcRspInfoField* info, int, bool) override {
    error_ = info->ErrorID;
    note(answers_);
  }
  void OnRspError(CThostFtdcRspInfoField* info, int, bool) override {
    error_ = info->ErrorID;
    note(answers_);
  }
  bool wait_connected(int times = 1) { return wait(connected_, times); }
  bool wait_answers(int times) { return wait(answers_, times); }
  int error() const { return error_; }

  CThostFtdcTraderApi* const api;

 private:
  void note(int& count) {
    const std::scoped_lock lock(mutex_);
    ++count;
    changed_.notify_all();
  }
  bool wait(const int& count, int times) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return count >= times; });
  }

  const bool releases_;
  std::atomic<int> error_{-1};
  std::mutex mutex_;
  std::condition_variable changed_;
  int connected_ = 0, answers_ = 0;
};

void release_inside_a_callback(const std::string& address) {
  Listener listener("inside_", true);
  listener.connect(address);
  CHECK(listener.wait_connected());
  CHECK(listener.api->Join() == 1);
}

void release_before_init_and_twice() {
  Listener listener("before_");
  listener.api->Release();
  listener.api->Release();
  listener.api->Init();
  CHECK(listener.api->Join() == 1);
}

void release_while_another_thread_joins(const std::string& address) {
  Listener listener("join_");
  listener.connect(address);
  CHECK(listener.wait_connected());
  std::thread joiner([&] { CHECK(listener.api->Join() == 1); });
  listener.api->Release();
  joiner.join();
}

void calls_in_every_state(const std::string& address) {
  Listener listener("states_");
  CThostFtdcFrontInfoField info;
  CHECK(listener.api->ReqUserLogin(nullptr, 1) == -1);
  CHECK(std::string(listener.api->GetTradingDay()) == "19800100");
  listener.api->GetFrontInfo(&info);
  CHECK(info.QryFreq == 0);
  listener.api->GetFrontInfo(nullptr);
  listener.api->RegisterNameServer(nullptr);
  listener.api->RegisterFront(nullptr);
  char garbage[] = "127.0.0.1:1";
  listener.api->RegisterFront(garbage);
  listener.connect(address);
  CHECK(listener.wait_connected());
  CHECK(listener.api->ReqAuthenticate(nullptr, 1) == 0);
  CHECK(listener.wait_answers(1));
  CHECK(listener.error() == 63);
  CHECK(listener.api->ReqOrderInsert(nullptr, 1) == 0);
  CHECK(listener.api->ReqOrderAction(nullptr, 1) == 0);
  CHECK(listener.api->ReqQryInstrument(nullptr, 1) == 0);
  CHECK(listener.api->ReqFromBankToFutureByFuture(nullptr, 1) == 0);
  CHECK(listener.api->RegisterUserSystemInfo(nullptr) == -1);
  CThostFtdcReqAuthenticateField unterminated;
  std::memset(&unterminated, 'x', sizeof unterminated);
  CHECK(listener.api->ReqAuthenticate(&unterminated, 2) == 0);
  CHECK(listener.wait_answers(2));
  listener.api->Release();
  CHECK(listener.api->ReqAuthenticate(&unterminated, 3) == -1);
}

void no_folder_and_no_front() {
  Listener listener("no such folder/x_");
  listener.connect("tcp://127.0.0.1:9");
  CThostFtdcReqAuthenticateField request{};
  CHECK(listener.api->ReqAuthenticate(&request, 1) == -1);
  listener.api->Release();
}

void a_front_that_comes_and_goes() {
  const std::string address = "tcp://127.0.0.1:30001";
  Listener listener("late_");
  listener.connect(address);
  std::uint64_t front = 0;
  for (int times = 1; times <= 3; ++times) {
    front = tidewire_sim_open(address.c_str(), 1, 1782912600000, 0, 1, 4);
    CHECK(front != 0);
    CHECK(tidewire_sim_open(address.c_str(), 1, 1782912600000, 0, 1, 4) == 0);
    CHECK(listener.wait_connected(times));
    if (times == 2) tidewire_sim_disconnect(front, 0x1001, "");  // and it closes before the reconnection
    tidewire_sim_close(front);
    CHECK(tidewire_sim_advance(front, 1) == -1);
  }
  listener.api->Release();
}

// Requests, cuts and time from many threads, while instances come and go.
void many_threads(std::uint64_t front, const std::string& address) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&, worker] {
      for (int round = 0; !stop; ++round) {
        Listener listener("many" + std::to_string(worker) + "_");
        listener.connect(address);
        CThostFtdcReqAuthenticateField request{};
        put(request.BrokerID, "9999");
        for (int i = 0; i < 20; ++i) listener.api->ReqAuthenticate(&request, i);
        listener.api->Release();
      }
    });
  }
  for (int i = 0; i < 300; ++i) {
    tidewire_sim_advance(front, 500);
    if (i % 10 == 0) tidewire_sim_disconnect(front, 0x1001, "");
    tidewire_sim_drain(front, 1000);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(tidewire_sim_connections(front) == 0);
}

}  // namespace

int main() {
  setenv("TIDEWIRE_CTP_SIM_LOG", "/dev/null", 1);
  const std::filesystem::path made = std::filesystem::temp_directory_path() / ("life" + std::to_string(getpid()));
  std::filesystem::create_directory(made);
  folder = made.string() + "/";
  const std::uint64_t front = tidewire_sim_open("", 1, 1782912600000, 0, 100, 0);
  char address[64]{};
  tidewire_sim_address(front, address, sizeof address - 1);
  CHECK(std::string(CThostFtdcTraderApi::GetApiVersion()).starts_with("v6.7.11_SIM"));
  release_inside_a_callback(address);
  release_before_init_and_twice();
  release_while_another_thread_joins(address);
  calls_in_every_state(address);
  no_folder_and_no_front();
  a_front_that_comes_and_goes();
  many_threads(front, address);
  tidewire_sim_close(front);
  std::filesystem::remove_all(made);
  return check::report("life");
}
