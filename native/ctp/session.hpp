// One API of the vendor's and its callbacks. What the vendor's library dies of is refused here or in api.py, before it
// sees it. Errors are Python's: every public function needs the GIL and gives it up while the vendor works.
#pragma once
#include <pybind11/pybind11.h>

#include <atomic>
#include <bitset>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "library.hpp"
#include "queue.hpp"
#include "record.hpp"
#include "vtable.hpp"

namespace tidewire::ctp {

// Where a version has what this file treats by name.
struct Slots {
  std::size_t release, init, register_spi;  // of the API
  std::size_t connected, disconnected;      // of the Spi
  std::optional<std::size_t> tick;          // of a market Spi: where the quotes come
};

struct Callback {
  Shape shape = Shape::nothing;
  const Layout* data = nullptr;
  const Layout* info = nullptr;
  pybind11::object target;  // None: nobody listens
};

enum class Delivery : char { direct = 'd', queue = 'q', batch = 'b' };

class Session final : public Listener {
 public:
  struct Options {
    Delivery delivery = Delivery::direct;
    bool conflate = false;
    std::size_t capacity = 0;  // of the queue, in events
    int wake_fd = -1;
  };

  // `api` comes from the vendor's Create. To be destroyed only when released: the vendor calls back until then.
  Session(void* api, const Slots& slots, std::vector<Callback> callbacks, const Options& options,
          pybind11::object on_error);

  // Who listens, by slot. `batch` takes the ticks of a batch as a Block, or is None.
  void listen(const pybind11::list& targets, const pybind11::object& batch);

  // Methods of the API, by the shapes of their arguments.
  int request(std::size_t slot, const pybind11::object& record, const Layout* expected, std::optional<int> id,
              bool is_login);
  void fill(std::size_t slot, const pybind11::object& record, const Layout* expected);
  int names(std::size_t slot, std::vector<std::string> names);
  void text(std::size_t slot, std::string text);
  void resume(std::size_t slot, int mode, std::optional<int> sequence);
  std::string trading_day(std::size_t slot);

  void init();
  // Zero while nothing happened, 1 when connected, minus the reason when the link was lost before that.
  int wait_connected(double seconds);
  void release();
  void abandon();  // in a forked child, where the vendor's threads are not

  // Delivers what waits, in the calling thread; -1 once released and empty.
  long drain(double patience);

  bool in_callback() const;
  bool is_released() const { return closing_; }
  std::uint64_t conflated() const { return queue_ ? queue_->conflated() : 0; }
  std::uint64_t waits() const { return queue_ ? queue_->waits() : 0; }

  void on_callback(std::size_t slot, const Arrival& arrival) noexcept override;

 private:
  class Call;

  template <class Result, class... Arguments>
  Result call(bool is_login, std::size_t slot, Arguments... arguments);
  void note_link(std::size_t slot, int reason);
  void enqueue(std::size_t slot, const Arrival& arrival);
  void deliver(std::size_t slot, const Arrival& arrival);
  bool is_tick(const Event& event) const;
  std::size_t deliver_batch(Events& events, std::size_t at, long& delivered);
  void report(PyObject* where);

  std::atomic<void*> api_;
  const Slots slots_;
  const Options options_;
  std::vector<Callback> callbacks_;  // targets change under the GIL only
  std::vector<std::atomic<bool>> heard_;
  pybind11::object on_error_, batch_;
  std::vector<std::uint32_t> tick_reals_;  // offsets of the doubles in a tick
  const Member* tick_key_ = nullptr;
  Spi spi_;
  std::optional<Queue> queue_;
  std::atomic<std::uint64_t> lost_ = 0;  // for want of memory
  std::atomic<bool> closing_ = false;
  std::atomic<int> calls_ = 0;  // under way
  std::mutex link_mutex_;
  std::condition_variable link_changed_;
  int link_ = 0;
};

// Creates an API while no other one is created, started, released or logged in.
void* create_alone(const std::string& library, const Offer& offer, const Creation& creation);

}  // namespace tidewire::ctp
