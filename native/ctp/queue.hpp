// Callbacks waiting for a consumer. Bounded: a full queue makes the vendor's thread wait, nothing is ever dropped.
// Only ticks may be overwritten by later ones of the same instrument, and only when told.
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vtable.hpp"

namespace tidewire::ctp {

struct Event {
  std::uint32_t slot;
  std::int32_t number;
  std::uint32_t data_size;  // 0: the vendor gave no data
  std::uint32_t info_size;
  std::uint32_t last;
};

// Events behind each other, each with its data.
class Events {
 public:
  std::size_t add(const Event& event, const Arrival& arrival) {
    const std::size_t at = bytes_.size();
    append(&event, sizeof event);
    append(arrival.data, event.data_size);
    append(arrival.info, event.info_size);
    bytes_.resize(at + span(event));
    ++count_;
    return at;
  }
  bool holds(std::size_t at) const { return at < bytes_.size(); }
  Event event(std::size_t at) const {
    Event event;
    std::memcpy(&event, bytes_.data() + at, sizeof event);
    return event;
  }
  char* data(std::size_t at) { return bytes_.data() + at + sizeof(Event); }
  std::size_t next(std::size_t at) const { return at + span(event(at)); }
  std::size_t count() const { return count_; }
  void clear() {
    bytes_.clear();
    count_ = 0;
  }

 private:
  static std::size_t span(const Event& event) {
    return (sizeof event + event.data_size + event.info_size + 7U) & ~std::size_t{7};
  }
  void append(const void* from, std::size_t size) {
    const auto* bytes = static_cast<const char*>(from);
    if (size != 0) bytes_.insert(bytes_.end(), bytes, bytes + size);
  }
  std::vector<char> bytes_;
  std::size_t count_ = 0;
};

class Queue {
 public:
  // A consumer is woken by the first event and, where it wants to gather, when so many wait.
  Queue(std::size_t capacity, std::size_t gather, int wake_fd)
      : capacity_(capacity), gather_(std::min(gather, capacity)), wake_fd_(wake_fd) {}

  // With a key, the event takes the place of one with the same key that still waits.
  void push(const Event& event, const Arrival& arrival, std::string_view key = {});
  // Moves all that waits into `taken`, after waiting for the first event and, with patience, a moment for more to
  // gather. False once closed and empty.
  bool take(Events& taken, std::chrono::milliseconds patience);
  void close();

  std::uint64_t conflated() const { return conflated_; }
  std::uint64_t waits() const { return waits_; }

 private:
  const std::size_t capacity_, gather_;
  const int wake_fd_;  // an eventfd that tells of the first event; -1 for none
  std::mutex mutex_;
  std::condition_variable filled_, emptied_;
  Events events_;
  std::unordered_map<std::string, std::size_t> latest_;
  bool closed_ = false;
  std::atomic<std::uint64_t> conflated_ = 0, waits_ = 0;
};

}  // namespace tidewire::ctp
