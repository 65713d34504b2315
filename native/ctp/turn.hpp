// What the vendor's library lets only one thread of a process do at a time.
#pragma once
#include <condition_variable>
#include <mutex>
#include <utility>

namespace tidewire::ctp {

// SFIT's FAQ: creating, starting, releasing and logging in are not safe in two threads, whatever the instance. So each
// has its turn.
class Turn {
 public:
  Turn() : Turn([] { return false; }) {}
  // Waits, but no longer than until `given_up`; whoever makes that true calls look_again().
  template <class GivenUp>
  explicit Turn(GivenUp given_up) {
    std::unique_lock lock(shared().mutex);
    shared().over.wait(lock, [&] { return !shared().taken || given_up(); });
    mine_ = !std::exchange(shared().taken, true);
  }
  ~Turn() {
    if (!mine_) return;
    {
      const std::lock_guard lock(shared().mutex);
      shared().taken = false;
    }
    shared().over.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  static void look_again() {
    {
      const std::lock_guard lock(shared().mutex);
    }
    shared().over.notify_all();
  }

 private:
  struct Shared {
    std::mutex mutex;
    std::condition_variable over;
    bool taken = false;
  };
  static Shared& shared() {
    static auto* const one = new Shared;  // outlives the threads that wait when the process ends
    return *one;
  }
  bool mine_ = false;
};

}  // namespace tidewire::ctp
