// A field of a struct: from its bytes to a Python object and back.
#pragma once
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

namespace tidewire::ctp {

// The vendor writes DBL_MAX for "no value"; no price, amount or ratio comes near.
constexpr double no_value = 1e300;

struct Member {
  enum class Kind : char { character = 'c', text = 's', int16 = 'h', int32 = 'i', real = 'd' };

  std::string owner, name;
  Kind kind = Kind::text;
  std::uint32_t offset = 0, size = 0;
  bool secret = false;      // never shown
  pybind11::object values;  // dict of the enumeration's names to its values, or None
  std::string documentation;

  // Of a struct that begins at `bytes`. A new reference, or null and an exception set.
  PyObject* get(const char* bytes) const;  // decoded: GB18030 to str, DBL_MAX to NaN
  PyObject* raw(const char* bytes) const;  // as the vendor wrote it

  // Throws ConfigError, and changes nothing, when the value does not belong there.
  void set(char* bytes, PyObject* value) const;

  bool same(const char* a, const char* b) const;
  bool is_empty(const char* bytes) const;
};

}  // namespace tidewire::ctp
