#include "link.hpp"

#include <exception>
#include <set>
#include <utility>

#include "front.hpp"
#include "log.hpp"

namespace tidewire::ctp_sim {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr auto between_looks = std::chrono::milliseconds(50);  // for a front that is not there

// GetTradingDay's text must outlive every caller, so days are kept for good; there are few.
const char* interned(const std::string& day) {
  static std::mutex& mutex = *new std::mutex;
  static std::set<std::string>& days = *new std::set<std::string>;
  const std::scoped_lock lock(mutex);
  return days.insert(day).first->c_str();
}

}  // namespace

Link::Link(Kind kind, std::string flow_prefix) : kind_(kind), files_(std::move(flow_prefix)) {
  files_.create_dialogs();
}

Link::~Link() {
  if (worker_.joinable()) worker_.detach();
}

void Link::register_spi(Spis spis) {
  const std::scoped_lock lock(mutex_);
  spis_ = spis;
}

void Link::register_front(std::string address) {
  const std::scoped_lock lock(mutex_);
  addresses_.push_back(std::move(address));
}

void Link::subscribe(Series series, THOST_TE_RESUME_TYPE mode) {
  (series == Series::private_flow ? private_mode_ : public_mode_) = mode;
  const std::scoped_lock lock(mutex_);
  files_.open(series);
}

void Link::init() {
  const std::scoped_lock lock(mutex_);
  if (started_ || stopping_) return;
  started_ = true;
  worker_ = std::thread([self = shared_from_this()] { self->run(); });
}

int Link::join() {
  if (on_own_thread()) return 1;  // it would wait for itself
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return stopping_ && (finished_ || !started_); });
  return 1;
}

void Link::release() {
  std::shared_ptr<Front> front;
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_.exchange(true)) return;
    front = front_;
  }
  if (front) front->detach(*this);
  wake_.notify_all();
  idle_.notify_all();
  if (!worker_.joinable()) return;
  if (on_own_thread()) {
    log("Release inside a callback ends the process with the vendor's library");
    return worker_.detach();
  }
  worker_.join();
}

int Link::request(Lane lane, const std::function<void(Front&, Link&)>& make) {
  std::shared_ptr<Front> front;
  {
    const std::scoped_lock lock(mutex_);
    front = front_;
  }
  if (!front || stopping_) return not_connected;
  return front->serve(*this, lane, make);
}

void Link::post(Delivery delivery) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    outbox_.push_back(std::move(delivery));
  }
  wake_.notify_one();
}

void Link::post_local(std::function<void(const Spis&)> call) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    local_.push_back({std::move(call)});
  }
  wake_.notify_one();
}

void Link::lose_connection(int reason) {
  {
    const std::scoped_lock lock(mutex_);
    outbox_.clear();
    held_ = false;
  }
  ++epoch_;
  query_in_flight_ = false;
  post_local([reason](const Spis& spis) { spis.any([reason](auto& spi) { spi.OnFrontDisconnected(reason); }); });
}

void Link::hold(bool held) {
  {
    const std::scoped_lock lock(mutex_);
    held_ = held;
  }
  wake_.notify_one();
}

void Link::forget_front() {
  const std::scoped_lock lock(mutex_);
  front_.reset();
}

void Link::set_trading_day(Day day) { trading_day_ = interned(text_of(day)); }

bool Link::wants(Series series) const {
  return (series == Series::private_flow ? private_mode_ : public_mode_) != THOST_TERT_NONE;
}

std::uint32_t Link::replay_from(Series series, std::uint16_t phase, std::uint32_t end) const {
  const std::scoped_lock lock(mutex_);
  switch (series == Series::private_flow ? private_mode_.load() : public_mode_.load()) {
    case THOST_TERT_RESTART: return 0;
    case THOST_TERT_RESUME: return std::min(files_.position(series, phase), end);
    default: return end;
  }
}

bool Link::drain(SteadyClock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto quiet = [this] {
    return stopping_ || !started_ || (!delivering_ && local_.empty() && (held_ || outbox_.empty()));
  };
  return idle_.wait_until(lock, deadline, quiet);
}

void Link::deliver(const Delivery& delivery) {
  if (delivery.ends_query) query_in_flight_ = false;  // the last row's callback may ask for more
  Spis spis;
  {
    const std::scoped_lock lock(mutex_);
    spis = spis_;
  }
  try {
    delivery.call(spis);
  } catch (const std::exception& error) {
    log(std::string("an exception left a callback, which ends the process with the vendor's library: ") + error.what());
  }
  if (delivery.series == Series::none) return;
  const std::scoped_lock lock(mutex_);
  files_.advance(delivery.series, delivery.phase, delivery.number);
}

void Link::look_for_front() {
  std::vector<std::string> addresses;
  {
    const std::scoped_lock lock(mutex_);
    addresses = addresses_;
  }
  for (const std::string& address : addresses) {
    const std::shared_ptr<Front> front = Front::find(address);
    if (!front) continue;
    {
      const std::scoped_lock lock(mutex_);
      front_ = front;
    }
    if (front->attach(shared_from_this(), address)) return;
    forget_front();
  }
}

std::deque<Delivery>* Link::ready() {
  if (!local_.empty()) return &local_;
  return held_ || outbox_.empty() ? nullptr : &outbox_;
}

void Link::run() {
  worker_id_ = std::this_thread::get_id();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (std::deque<Delivery>* const queue = ready()) {
      const Delivery delivery = std::move(queue->front());
      queue->pop_front();
      delivering_ = true;
      lock.unlock();
      deliver(delivery);
      lock.lock();
      delivering_ = false;
      continue;
    }
    files_.save();
    idle_.notify_all();
    if (front_ && front_->is_closed()) front_.reset();  // closed while this waited to reconnect
    const std::shared_ptr<Front> front = front_;
    lock.unlock();
    SteadyClock::time_point until = SteadyClock::now() + between_looks;
    if (front)
      until = std::min(until, front->pulse());
    else
      look_for_front();
    lock.lock();
    wake_.wait_until(lock, until, [this] { return stopping_ || ready() != nullptr; });
  }
  files_.save();
  outbox_.clear();
  local_.clear();
  const std::shared_ptr<Front> front = std::exchange(front_, nullptr);
  lock.unlock();
  if (front) front->detach(*this);  // it may have been found while Release was under way
  lock.lock();
  finished_ = true;
  idle_.notify_all();
}

}  // namespace tidewire::ctp_sim
