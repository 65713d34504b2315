#include "session.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include "block.hpp"
#include "errors.hpp"
#include "gil.hpp"
#include "turn.hpp"

namespace py = pybind11;

namespace tidewire::ctp {
namespace {

// Ticks in an array, at most: 300 KB, which a processor's cache holds. The consumer is woken for so many, as waking it
// for each one would cost more than all the rest.
constexpr std::size_t batch_size = 512;

// The session whose callback this thread runs; the vendor's library dies when released in there.
thread_local const Session* callback_of = nullptr;

class InCallback {
 public:
  explicit InCallback(const Session* session) : before_(std::exchange(callback_of, session)) {}
  ~InCallback() { callback_of = before_; }
  InCallback(const InCallback&) = delete;
  InCallback& operator=(const InCallback&) = delete;

 private:
  const Session* before_;
};

// A copy, so that the vendor reads what was there when it was called, whatever other threads do.
std::vector<char> bytes_as(const py::object& record, const Layout* expected) {
  const Layout* given = layout_of(record.ptr());
  if (given != expected) {
    const std::string name =
        given != nullptr ? given->name + " of CTP " + given->version : std::string(Py_TYPE(record.ptr())->tp_name);
    throw_config_error("takes " + expected->name + " of CTP " + expected->version + ", not " + name);
  }
  const char* bytes = bytes_of(record.ptr());
  return {bytes, bytes + given->size};
}

}  // namespace

// A call that keeps the API from being released under it.
class Session::Call {
 public:
  Call(Session& session, bool exclusive) : session_(session) {
    ++session_.calls_;
    // Gives up when the API is being released, which may be what it waits for.
    if (exclusive) turn_.emplace([&session] { return session.closing_.load(); });
  }
  ~Call() {
    if (--session_.calls_ == 0) session_.calls_.notify_all();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  bool is_open() const { return !session_.closing_; }

 private:
  Session& session_;
  std::optional<Turn> turn_;
};

template <class Result, class... Arguments>
Result Session::call(bool is_login, std::size_t slot, Arguments... arguments) {
  // The GIL must go: a callback may hold a lock of the vendor's while it waits for the GIL.
  std::string problem;
  {
    const GilReleased released;
    const Call guard(*this, is_login);
    if (!guard.is_open()) {
      problem = "the API has been released";
    } else {
      try {
        return call_slot<Result>(api_.load(), slot, arguments...);
      } catch (const std::exception& error) {
        problem = std::string("the CTP library failed: ") + error.what();
      } catch (...) {
        problem = "the CTP library failed";
      }
    }
  }
  throw_ctp_error(problem);
}

Session::Session(void* api, const Slots& slots, std::vector<Callback> callbacks, const Options& options,
                 py::object on_error)
    : api_(api),
      slots_(slots),
      options_(options),
      callbacks_(std::move(callbacks)),
      heard_(callbacks_.size()),
      on_error_(std::move(on_error)),
      batch_(py::none()),
      spi_(*this, [this] {
        std::vector<Shape> shapes;
        std::ranges::transform(callbacks_, std::back_inserter(shapes), &Callback::shape);
        return shapes;
      }()) {
  if (options_.delivery != Delivery::direct)
    queue_.emplace(options_.capacity, options_.delivery == Delivery::batch ? batch_size : 1, options_.wake_fd);
  if (slots_.tick) {
    const Layout& tick = *callbacks_.at(*slots_.tick).data;
    if (options_.conflate) tick_key_ = tick.find("InstrumentID");
    for (const Member& member : tick.members) {
      if (member.kind == Member::Kind::real) tick_reals_.push_back(member.offset);
    }
  }
  call<void>(false, slots_.register_spi, spi_.as_vendor());
}

void* create_alone(const std::string& library, const Offer& offer, const Creation& creation) {
  const GilReleased released;
  const Turn alone;
  return create(library, offer, creation);
}

void Session::listen(const py::list& targets, const py::object& batch) {
  for (std::size_t slot = 0; slot < callbacks_.size(); ++slot) {
    callbacks_[slot].target = targets[slot];
    heard_[slot] = !callbacks_[slot].target.is_none();
  }
  batch_ = batch;
  if (slots_.tick && !batch_.is_none()) heard_[*slots_.tick] = true;
}

int Session::request(std::size_t slot, const py::object& record, const Layout* expected, std::optional<int> id,
                     bool is_login) {
  const std::vector<char> copy = bytes_as(record, expected);
  void* data = const_cast<char*>(copy.data());
  return id ? call<int>(is_login, slot, data, *id) : call<int>(is_login, slot, data);
}

void Session::fill(std::size_t slot, const py::object& record, const Layout* expected) {
  std::vector<char> copy = bytes_as(record, expected);
  call<void>(false, slot, static_cast<void*>(copy.data()));
  std::ranges::copy(copy, bytes_of(record.ptr()));
}

int Session::names(std::size_t slot, std::vector<std::string> names) {
  std::vector<char*> pointers;
  for (std::string& name : names) pointers.push_back(name.data());
  return call<int>(false, slot, pointers.data(), static_cast<int>(pointers.size()));
}

void Session::text(std::size_t slot, std::string text) { call<void>(false, slot, text.data()); }

void Session::resume(std::size_t slot, int mode, std::optional<int> sequence) {
  if (sequence)
    call<void>(false, slot, mode, *sequence);
  else
    call<void>(false, slot, mode);
}

std::string Session::trading_day(std::size_t slot) {
  constexpr std::size_t longest = 16;
  const char* day = call<const char*>(false, slot);
  return day == nullptr ? "" : std::string(day, strnlen(day, longest));
}

void Session::init() { call<void>(true, slots_.init); }

int Session::wait_connected(double seconds) {
  const GilReleased released;
  std::unique_lock lock(link_mutex_);
  link_changed_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return link_ != 0 || closing_; });
  return link_;
}

void Session::release() {
  if (in_callback()) {
    throw_ctp_error("an API cannot be released in one of its own callbacks: the CTP library would end the process");
  }
  const GilReleased released;
  if (closing_.exchange(true)) return;
  if (queue_) queue_->close();  // the vendor's thread may wait for room
  {
    const std::lock_guard lock(link_mutex_);
  }  // or whoever is about to wait for it would not hear
  link_changed_.notify_all();
  Turn::look_again();
  for (int under_way = calls_; under_way != 0; under_way = calls_) calls_.wait(under_way);
  const Turn alone;
  void* api = api_.exchange(nullptr);
  // In this order, says SFIT's FAQ: or late callbacks find a listener that is gone.
  call_slot<void>(api, slots_.register_spi, static_cast<void*>(nullptr));
  call_slot<void>(api, slots_.release);
}

void Session::abandon() {
  closing_ = true;
  api_ = nullptr;
}

bool Session::in_callback() const { return callback_of == this; }

// In the vendor's thread, without the GIL.
void Session::on_callback(std::size_t slot, const Arrival& arrival) noexcept {
  try {
    if (slot == slots_.connected || slot == slots_.disconnected) note_link(slot, arrival.number);
    if (!heard_[slot]) return;
    if (queue_) return enqueue(slot, arrival);
    const Door door;
    if (!door.is_open()) return;
    const InCallback inside(this);
    const HoldGil gil;
    deliver(slot, arrival);
  } catch (...) {
    ++lost_;  // only for want of memory
  }
}

void Session::note_link(std::size_t slot, int reason) {
  {
    const std::lock_guard lock(link_mutex_);
    link_ = slot == slots_.connected ? 1 : -reason;
  }
  link_changed_.notify_all();
}

void Session::enqueue(std::size_t slot, const Arrival& arrival) {
  const Callback& callback = callbacks_[slot];
  const Event event = {.slot = static_cast<std::uint32_t>(slot),
                       .number = arrival.number,
                       .data_size = arrival.data != nullptr ? callback.data->size : 0,
                       .info_size = arrival.info != nullptr ? callback.info->size : 0,
                       .last = arrival.last ? 1U : 0U};
  if (tick_key_ != nullptr && slot == slots_.tick && arrival.data != nullptr) {
    const char* key = static_cast<const char*>(arrival.data) + tick_key_->offset;
    queue_->push(event, arrival, {key, strnlen(key, tick_key_->size)});
  } else {
    queue_->push(event, arrival);
  }
}

// With the GIL. Whatever the listener raises is reported and ends here.
void Session::deliver(std::size_t slot, const Arrival& arrival) {
  const Callback& callback = callbacks_[slot];
  const py::object target = callback.target;  // it may register another listener
  if (!target || target.is_none()) return;
  std::array<py::object, 4> arguments;
  std::size_t count = 0;
  const auto add_record = [&](const Layout* layout, const void* bytes) {
    arguments[count++] = bytes == nullptr ? py::none() : py::reinterpret_steal<py::object>(layout->copy(bytes));
  };
  const auto add_number = [&] {
    arguments[count++] = py::reinterpret_steal<py::object>(PyLong_FromLong(arrival.number));
  };
  switch (callback.shape) {
    case Shape::nothing: break;
    case Shape::number: add_number(); break;
    case Shape::data: add_record(callback.data, arrival.data); break;
    case Shape::data_info:
    case Shape::data_id_last:
    case Shape::data_info_id_last:
      add_record(callback.data, arrival.data);
      if (callback.shape != Shape::data_id_last) add_record(callback.info, arrival.info);
      if (callback.shape == Shape::data_info) break;
      add_number();
      arguments[count++] = py::bool_(arrival.last);
      break;
  }
  std::array<PyObject*, 4> pointers{};
  std::ranges::transform(arguments, pointers.begin(), [](const py::object& one) { return one.ptr(); });
  const auto end = pointers.begin() + static_cast<std::ptrdiff_t>(count);
  PyObject* result = std::find(pointers.begin(), end, nullptr) != end
                         ? nullptr
                         : PyObject_Vectorcall(target.ptr(), pointers.data(), count, nullptr);
  if (result == nullptr)
    report(target.ptr());
  else
    Py_DECREF(result);
}

void Session::report(PyObject* where) {
  if (on_error_.is_none()) return PyErr_WriteUnraisable(where);
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  if (trace != nullptr) PyException_SetTraceback(value, trace);
  PyObject* result = PyObject_CallOneArg(on_error_.ptr(), value);
  if (result == nullptr) PyErr_WriteUnraisable(on_error_.ptr());
  Py_XDECREF(result);
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(trace);
}

long Session::drain(double patience) {
  Events events;
  bool more = false;
  {
    const GilReleased released;
    more = queue_->take(events, std::chrono::milliseconds(static_cast<long>(patience * 1000)));
  }
  long delivered = 0;
  for (std::size_t at = 0; events.holds(at);) {
    const Event event = events.event(at);
    if (!batch_.is_none() && is_tick(event)) {
      at = deliver_batch(events, at, delivered);
      continue;
    }
    const char* data = events.data(at);
    deliver(event.slot, {.data = event.data_size != 0 ? data : nullptr,
                         .info = event.info_size != 0 ? data + event.data_size : nullptr,
                         .number = event.number,
                         .last = event.last != 0});
    at = events.next(at);
    ++delivered;
  }
  if (const std::uint64_t lost = lost_.exchange(0); lost != 0) {
    PyErr_Format(PyExc_MemoryError, "%llu callbacks of the CTP library were lost for want of memory",
                 static_cast<unsigned long long>(lost));
    report(nullptr);
  }
  return more ? delivered : -1;
}

bool Session::is_tick(const Event& event) const { return event.slot == slots_.tick && event.data_size != 0; }

// The ticks that stand behind each other become one array.
std::size_t Session::deliver_batch(Events& events, std::size_t at, long& delivered) {
  const std::size_t size = callbacks_[*slots_.tick].data->size;
  std::size_t end = at, count = 0;
  for (; count < batch_size && events.holds(end) && is_tick(events.event(end)); end = events.next(end)) ++count;
  auto block = std::make_unique<Block>(count * size);
  for (char* to = block->data(); at != end; at = events.next(at), to += size) {
    std::memcpy(to, events.data(at), size);
    for (const std::uint32_t offset : tick_reals_) {
      double value;
      std::memcpy(&value, to + offset, sizeof value);
      if (value < no_value) continue;
      value = std::numeric_limits<double>::quiet_NaN();
      std::memcpy(to + offset, &value, sizeof value);
    }
  }
  const py::object target = batch_;
  const py::object array = py::cast(std::move(block));
  PyObject* result = PyObject_CallOneArg(target.ptr(), array.ptr());
  if (result == nullptr) report(target.ptr());
  Py_XDECREF(result);
  delivered += static_cast<long>(count);
  return end;
}

}  // namespace tidewire::ctp
