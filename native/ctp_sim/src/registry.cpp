#include "registry.hpp"

namespace tidewire::ctp_sim {
namespace {

// Two ports of one front, as brokers have one for trading and one for market data; either takes both here.
constexpr const char* default_addresses[] = {"tcp://127.0.0.1:10130", "tcp://127.0.0.1:10131"};
constexpr Day default_day = Day(std::chrono::year(2026) / 7 / 1);  // a Wednesday
constexpr Millis default_start = default_day.time_since_epoch().count() * day_length + (13 * 60 + 30) * 60 * second;

}  // namespace

Registry& Registry::the() {
  static Registry& registry = *new Registry;
  return registry;
}

std::shared_ptr<Front> Front::by_handle(std::uint64_t handle) {
  Registry& registry = Registry::the();
  const std::scoped_lock lock(registry.mutex);
  const auto found = registry.by_handle.find(handle);
  return found == registry.by_handle.end() ? nullptr : found->second;
}

std::shared_ptr<Front> Front::find(const std::string& address) {
  Registry& registry = Registry::the();
  for (const char* own : default_addresses) {
    if (address != own) continue;
    static const std::shared_ptr<Front>& front =
        *new std::shared_ptr<Front>(open({.address = default_addresses[0], .start = default_start}));
    return front;
  }
  const std::scoped_lock lock(registry.mutex);
  const auto found = registry.by_address.find(address);
  return found == registry.by_address.end() ? nullptr : found->second;
}

}  // namespace tidewire::ctp_sim
