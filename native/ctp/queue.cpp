#include "queue.hpp"

#include <unistd.h>

namespace tidewire::ctp {

void Queue::push(const Event& event, const Arrival& arrival, std::string_view key) {
  std::unique_lock lock(mutex_);
  if (!key.empty()) {
    if (const auto place = latest_.find(std::string(key)); place != latest_.end()) {
      std::memcpy(events_.data(place->second), arrival.data, event.data_size);
      ++conflated_;
      return;
    }
  }
  if (events_.count() >= capacity_ && !closed_) {
    ++waits_;
    emptied_.wait(lock, [this] { return events_.count() < capacity_ || closed_; });
  }
  const std::size_t at = events_.add(event, arrival);
  if (!key.empty()) latest_.emplace(key, at);
  const std::size_t waiting = events_.count();
  lock.unlock();
  if (waiting == 1 || waiting == gather_) filled_.notify_one();  // in between, whoever drains has been told already
  if (waiting != 1) return;
  // Costs 15 us, which is why it is written only here. It can only fail when the counter is full, which also wakes.
  constexpr std::uint64_t one = 1;
  if (wake_fd_ >= 0 && write(wake_fd_, &one, sizeof one) < 0) return;
}

bool Queue::take(Events& taken, std::chrono::milliseconds patience) {
  taken.clear();
  std::unique_lock lock(mutex_);
  filled_.wait_for(lock, patience, [this] { return events_.count() > 0 || closed_; });
  if (gather_ > 1 && patience > patience.zero()) {
    filled_.wait_for(lock, std::chrono::milliseconds(1), [this] { return events_.count() >= gather_ || closed_; });
  }
  std::swap(taken, events_);
  latest_.clear();
  const bool more = taken.count() > 0 || !closed_;
  lock.unlock();
  emptied_.notify_all();
  return more;
}

void Queue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  filled_.notify_all();
  emptied_.notify_all();
}

}  // namespace tidewire::ctp
