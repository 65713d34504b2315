// The simulator's own exports, by which tidewire.ctp.sim scripts it. Fronts are named by handles; every call says what
// became of it.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "front.hpp"
#include "text.hpp"

using tidewire::ctp_sim::Desk;
using tidewire::ctp_sim::Fee;
using tidewire::ctp_sim::Front;
using tidewire::ctp_sim::Listing;
using tidewire::ctp_sim::Millis;
using tidewire::ctp_sim::Terms;
using tidewire::ctp_sim::User;

#define TIDEWIRE_EXPORT extern "C" [[gnu::visibility("default")]]

namespace {

constexpr int done = 0, no_such_front = -1, no_such_name = -2, bad_value = -3, timed_out = -4;
constexpr int keeps_hours = 1, stands_still = 2, lists_nothing = 4;  // flags

template <class Act>
int on_front(std::uint64_t handle, Act&& act) {
  const std::shared_ptr<Front> front = Front::by_handle(handle);
  if (!front) return no_such_front;
  if constexpr (std::is_void_v<decltype(act(*front))>) {
    act(*front);
    return done;
  } else {
    return act(*front);
  }
}

// Copies as many rows as fit and says how many bytes there are.
template <class Row>
std::int64_t give(const std::vector<Row>& rows, void* out, std::int64_t room) {
  const auto size = static_cast<std::int64_t>(rows.size() * sizeof(Row));
  if (out != nullptr && room >= size && size > 0) std::memcpy(out, rows.data(), static_cast<std::size_t>(size));
  return size;
}

}  // namespace

TIDEWIRE_EXPORT std::uint64_t tidewire_sim_open(const char* address, std::uint64_t seed, std::int64_t start_ms,
                                                double speed, int query_rate, int flags) {
  const std::shared_ptr<Front> front = Front::open({.address = address,
                                                    .seed = seed,
                                                    .start = start_ms,
                                                    .speed = speed,
                                                    .query_rate = query_rate,
                                                    .keeps_hours = (flags & keeps_hours) != 0,
                                                    .walks = (flags & stands_still) == 0,
                                                    .lists_products = (flags & lists_nothing) == 0});
  return front ? front->handle() : 0;
}

TIDEWIRE_EXPORT std::uint64_t tidewire_sim_find(const char* address) {
  const std::shared_ptr<Front> front = Front::find(address);
  return front ? front->handle() : 0;
}

TIDEWIRE_EXPORT int tidewire_sim_close(std::uint64_t handle) {
  return on_front(handle, [](Front& front) { front.close(); });
}

TIDEWIRE_EXPORT std::int64_t tidewire_sim_address(std::uint64_t handle, char* out, std::int64_t room) {
  const std::shared_ptr<Front> front = Front::by_handle(handle);
  if (!front) return no_such_front;
  return give(std::vector<char>(front->address().begin(), front->address().end()), out, room);
}

TIDEWIRE_EXPORT int tidewire_sim_listen(std::uint64_t handle, int open) {
  return on_front(handle, [=](Front& front) { front.listen(open != 0); });
}

TIDEWIRE_EXPORT int tidewire_sim_add_user(std::uint64_t handle, const char* broker, const char* user,
                                          const char* password, const char* app_id, const char* auth_code,
                                          double balance) {
  return on_front(handle, [=](Front& front) -> int {
    return front.add_user({broker, user, password, app_id, auth_code}, balance) ? done : bad_value;
  });
}

// fees: open, close, close today, each by money and by lot.
TIDEWIRE_EXPORT int tidewire_sim_add_instrument(std::uint64_t handle, const CThostFtdcInstrumentField* field,
                                                double price, double margin, const double* fees, int night_end) {
  const Terms terms{*field, {fees[0], fees[1]}, {fees[2], fees[3]}, {fees[4], fees[5]}, margin, price, night_end};
  const bool sound = field->InstrumentID[0] != 0 && field->PriceTick > 0 && field->VolumeMultiple > 0 && price > 0;
  return on_front(handle, [&](Front& front) -> int { return sound && front.add_listing(terms) ? done : bad_value; });
}

TIDEWIRE_EXPORT std::int64_t tidewire_sim_now(std::uint64_t handle) {
  const std::shared_ptr<Front> front = Front::by_handle(handle);
  return front ? front->with([](Front& held) { return held.time().now(); }) : no_such_front;
}

TIDEWIRE_EXPORT int tidewire_sim_advance(std::uint64_t handle, std::int64_t ms) {
  return on_front(handle, [=](Front& front) { front.advance(std::max<Millis>(ms, 0)); });
}

// start_ms below 0: nine in the morning of the next weekday.
TIDEWIRE_EXPORT int tidewire_sim_settle(std::uint64_t handle, std::int64_t start_ms) {
  return on_front(handle,
                  [=](Front& front) { front.settle(start_ms < 0 ? std::nullopt : std::optional<Millis>(start_ms)); });
}

TIDEWIRE_EXPORT int tidewire_sim_feed(std::uint64_t handle, const CThostFtdcDepthMarketDataField* ticks,
                                      const std::int64_t* due, std::int64_t count) {
  return on_front(handle, [=](Front& front) -> int {
    for (std::int64_t i = 0; i < count; ++i)
      if (!front.feed(ticks[i], due[i])) return no_such_name;
    return done;
  });
}

// Publishes at once what was fed for a contract and is due.
TIDEWIRE_EXPORT int tidewire_sim_publish(std::uint64_t handle, const char* instrument) {
  return on_front(handle, [=](Front& front) -> int {
    return front.with([=](Front& held) -> int {
      Listing* listing = held.desk().find(instrument);
      if (listing == nullptr) return no_such_name;
      held.desk().step(*listing);
      return done;
    });
  });
}

TIDEWIRE_EXPORT int tidewire_sim_flood(std::uint64_t handle, const char* instrument, std::int64_t count,
                                       std::int64_t interval_ns) {
  return on_front(
      handle, [=](Front& front) -> int { return front.flood(instrument, count, interval_ns) ? done : no_such_name; });
}

TIDEWIRE_EXPORT std::int64_t tidewire_sim_flood_ns(std::uint64_t handle) {
  const std::shared_ptr<Front> front = Front::by_handle(handle);
  return front ? front->flood_ns() : no_such_front;
}

TIDEWIRE_EXPORT int tidewire_sim_drain(std::uint64_t handle, std::int64_t timeout_ms) {
  return on_front(handle, [=](Front& front) -> int {
    return front.drain(std::chrono::milliseconds(timeout_ms)) ? done : timed_out;
  });
}

TIDEWIRE_EXPORT int tidewire_sim_disconnect(std::uint64_t handle, int reason, const char* user) {
  return on_front(handle, [=](Front& front) { front.disconnect(reason, user); });
}

TIDEWIRE_EXPORT int tidewire_sim_silence(std::uint64_t handle, std::int64_t ms) {
  return on_front(handle, [=](Front& front) { front.silence(ms); });
}

TIDEWIRE_EXPORT int tidewire_sim_exchange_delay(std::uint64_t handle, std::int64_t ms) {
  return on_front(handle, [=](Front& front) {
    front.with([=](Front& held) { held.desk().exchange_delay = std::max<Millis>(ms, 0); });
  });
}

// The next `times` occasions of a kind fail with `code`.
TIDEWIRE_EXPORT int tidewire_sim_fault(std::uint64_t handle, const char* kind, int code, int times) {
  return on_front(handle, [=](Front& front) -> int {
    return front.with([=](Front& held) -> int {
      auto& faults = held.faults();
      const std::pair<const char*, std::deque<int>*> queues[] = {
          {"return", &faults.returns}, {"handshake", &faults.handshakes}, {"authenticate", &faults.authentications},
          {"login", &faults.logins},   {"query", &faults.queries},        {"order", &faults.orders},
          {"cancel", &faults.cancels}};
      for (const auto& [name, queue] : queues) {
        if (std::strcmp(kind, name) != 0) continue;
        queue->insert(queue->end(), static_cast<std::size_t>(std::max(times, 0)), code);
        return done;
      }
      if (std::strcmp(kind, "exchange order") == 0) return faults.exchange_orders += times, done;
      if (std::strcmp(kind, "exchange cancel") == 0) return faults.exchange_cancels += times, done;
      return no_such_name;
    });
  });
}

// Rows as the API's own structs: returns their size in bytes, and writes them if there is room.
TIDEWIRE_EXPORT std::int64_t tidewire_sim_read(std::uint64_t handle, const char* what, const char* user, void* out,
                                               std::int64_t room) {
  const std::shared_ptr<Front> front = Front::by_handle(handle);
  if (!front) return no_such_front;
  return front->with([=](Front& held) -> std::int64_t {
    const auto is = [what](const char* name) { return std::strcmp(what, name) == 0; };
    const User nobody({}, 0);
    if (is("instruments")) return give(held.instruments(nobody, {}), out, room);
    if (is("ticks")) return give(held.market_data(nobody, {}), out, room);
    const User* who = held.user(user);
    if (who == nullptr) return no_such_name;
    if (is("orders")) return give(held.orders(*who, {}), out, room);
    if (is("trades")) return give(held.trades(*who, {}), out, room);
    if (is("positions")) return give(held.positions(*who, {}), out, room);
    if (is("accounts")) return give(held.accounts(*who, {}), out, room);
    return bad_value;
  });
}

TIDEWIRE_EXPORT std::int64_t tidewire_sim_connections(std::uint64_t handle) {
  const std::shared_ptr<Front> front = Front::by_handle(handle);
  return front ? front->with([](Front& held) { return static_cast<std::int64_t>(held.connections()); }) : no_such_front;
}
