// The vendor's classes without their headers. Itanium C++ ABI: an object begins with a pointer to its functions, in the
// order of its virtual methods, and a method is a function whose first argument is the object. The vendor's classes
// have no virtual destructors and no overloads, so slot n is the n-th virtual method.
#pragma once
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace tidewire::ctp {

template <class Result, class... Arguments>
Result call_slot(void* object, std::size_t slot, Arguments... arguments) {
  using Function = Result (*)(void*, Arguments...);
  void* const* table = *static_cast<void* const* const*>(object);
  return reinterpret_cast<Function>(table[slot])(object, arguments...);
}

// What the vendor's callbacks take. Six shapes cover every callback of every version.
enum class Shape : unsigned char { nothing, number, data, data_info, data_id_last, data_info_id_last };

struct Arrival {
  const void* data = nullptr;
  const void* info = nullptr;
  int number = 0;  // the request's id, a reason, a count of seconds or a sequence number
  bool last = false;
};

// Receives every callback, by slot.
class Listener {
 public:
  virtual void on_callback(std::size_t slot, const Arrival& arrival) noexcept = 0;

 protected:
  ~Listener() = default;
};

// An object that the vendor takes for its own Spi: a table of functions made for the shapes of one version.
class Spi {
 public:
  static constexpr std::size_t most_slots = 256;  // 6.7.13 has 178

  Spi(Listener& listener, const std::vector<Shape>& shapes) : listener_(&listener) {
    table_.reserve(shapes.size() + 2);
    table_.assign(2, nullptr);  // offset to top and type information, which stand before the functions
    for (std::size_t slot = 0; slot < shapes.size(); ++slot) table_.push_back(function(slot, shapes[slot]));
    functions_ = table_.data() + 2;
  }
  Spi(const Spi&) = delete;
  Spi& operator=(const Spi&) = delete;
  void* as_vendor() { return static_cast<void*>(&functions_); }

 private:
  static Spi& self(void* vendor) {
    return *reinterpret_cast<Spi*>(static_cast<char*>(vendor) - offsetof(Spi, functions_));
  }

  template <std::size_t slot>
  struct Functions {
    static void arrive(void* vendor, const Arrival& arrival) noexcept {
      self(vendor).listener_->on_callback(slot, arrival);
    }
    static void nothing(void* vendor) noexcept { arrive(vendor, {}); }
    static void number(void* vendor, int number) noexcept { arrive(vendor, {.number = number}); }
    static void data(void* vendor, const void* data) noexcept { arrive(vendor, {.data = data}); }
    static void data_info(void* vendor, const void* data, const void* info) noexcept {
      arrive(vendor, {.data = data, .info = info});
    }
    static void data_id_last(void* vendor, const void* data, int id, bool last) noexcept {
      arrive(vendor, {.data = data, .number = id, .last = last});
    }
    static void data_info_id_last(void* vendor, const void* data, const void* info, int id, bool last) noexcept {
      arrive(vendor, {.data = data, .info = info, .number = id, .last = last});
    }
    static void* of(Shape shape) {
      switch (shape) {
        case Shape::nothing: return reinterpret_cast<void*>(&nothing);
        case Shape::number: return reinterpret_cast<void*>(&number);
        case Shape::data: return reinterpret_cast<void*>(&data);
        case Shape::data_info: return reinterpret_cast<void*>(&data_info);
        case Shape::data_id_last: return reinterpret_cast<void*>(&data_id_last);
        case Shape::data_info_id_last: return reinterpret_cast<void*>(&data_info_id_last);
      }
      return nullptr;
    }
  };

  static void* function(std::size_t slot, Shape shape) {
    static constexpr auto all = []<std::size_t... slots>(std::index_sequence<slots...>) {
      return std::array{&Functions<slots>::of...};
    }(std::make_index_sequence<most_slots>());
    return all.at(slot)(shape);
  }

  void* const* functions_;  // what the vendor sees of this object
  Listener* listener_;
  std::vector<void*> table_;
};

}  // namespace tidewire::ctp
