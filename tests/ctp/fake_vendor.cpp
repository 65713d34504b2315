// A library with the vendor's ABI and no behaviour of its own: it notes which slot is called with what, and calls back
// the slots that a test tells it to. Built by conftest.py with the numbers of one version from its schema.
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

extern "C" {
int last_slot = -1;         // of the last call
char last_data[4096];       // what its first argument pointed to, if `peek` was set
int last_number = 0;        // its int
int peek = 0;               // how many bytes of the first argument to copy
int answer = 0;             // what a call returns
std::atomic<int> inside = 0, most_inside = 0;  // calls at the same time
int fails = 0;              // whether calls throw
int linger_ms = 0;          // how long a call takes
std::atomic<void*> spi = nullptr;
std::atomic<int> floods = 0;  // under way
std::atomic<int> releases = 0;
std::atomic<bool> may_end = false;  // the straggler
}

namespace {

int note(int slot, const void* data, int number) {
  const int now = ++inside;
  if (now > most_inside) most_inside = now;
  if (linger_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(linger_ms));
  last_slot = slot;
  last_number = number;
  if (peek > 0) std::memcpy(last_data, data, static_cast<std::size_t>(peek));
  --inside;
  if (fails != 0) throw std::runtime_error("front list is empty");
  return answer;
}

template <std::size_t slot>
int called(void*, const void* data, int number) {
  return note(slot, data, number);
}
void released(void*) {
  while (floods > 0) std::this_thread::yield();  // as the vendor's, it ends its threads first
  ++releases;
}
void registered(void*, void* listener) { spi = listener; }
const char* trading_day(void*) { return "19800100"; }

template <std::size_t count>
std::array<void*, count> make_table(std::size_t register_spi) {
  auto table = []<std::size_t... slots>(std::index_sequence<slots...>) {
    return std::array<void*, count>{reinterpret_cast<void*>(&called<slots>)...};
  }(std::make_index_sequence<count>());
  table[0] = reinterpret_cast<void*>(&released);
  table[3] = reinterpret_cast<void*>(&trading_day);
  table[register_spi] = reinterpret_cast<void*>(&registered);
  return table;
}

struct Api {
  void* const* table;
};

Api* make_market() {
  static const auto table = make_table<MD_SLOTS>(MD_REGISTER_SPI);
  return new Api{table.data()};
}

Api* make_trader() {
  static const auto table = make_table<TRADER_SLOTS>(TRADER_REGISTER_SPI);
  return new Api{table.data()};
}

}  // namespace

extern "C" {
const char* _ZN15CThostFtdcMdApi13GetApiVersionEv() { return VERSION; }
const char* _ZN19CThostFtdcTraderApi13GetApiVersionEv() { return VERSION; }
#ifdef OLD_SPELLING
Api* _ZN15CThostFtdcMdApi15CreateFtdcMdApiEPKcbb(const char*, bool, bool) { return make_market(); }
Api* _ZN19CThostFtdcTraderApi19CreateFtdcTraderApiEPKc(const char*) { return make_trader(); }
#else
bool production = false;
Api* _ZN15CThostFtdcMdApi15CreateFtdcMdApiEPKcbbb(const char*, bool, bool, bool flag) {
  production = flag;
  return make_market();
}
Api* _ZN19CThostFtdcTraderApi19CreateFtdcTraderApiEPKcb(const char*, bool flag) {
  production = flag;
  return make_trader();
}
#endif

// Calls the slot of a callback with one pointer `count` times, in a thread of the library's own. Its int at `offset`
// counts up.
void flood(int slot, const void* data, int size, int offset, int count) {
  ++floods;
  const auto* bytes = static_cast<const char*>(data);
  std::thread([=, copy = std::vector<char>(bytes, bytes + size)]() mutable {
    for (int i = 0; i < count; ++i) {
      void* listener = spi;
      if (listener == nullptr) break;
      std::memcpy(copy.data() + offset, &i, sizeof i);
      reinterpret_cast<void (*)(void*, void*)>((*static_cast<void***>(listener))[slot])(listener, copy.data());
    }
    --floods;
  }).join();
}

// Calls the slot of a callback with a number, in a thread that outlives its API: until told that it may end.
void straggle(int slot, int number) {
  std::atomic<bool> called = false;
  std::thread([slot, number, &called] {
    void* listener = spi;
    reinterpret_cast<void (*)(void*, int)>((*static_cast<void***>(listener))[slot])(listener, number);
    called = true;
    called.notify_one();
    may_end.wait(false);
  }).detach();
  called.wait(false);
}

// Lets the straggler end while the caller holds whatever it holds, and gives it time to.
void let_end() {
  may_end = true;
  may_end.notify_all();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
}
}
