// The vendor's structs as Python objects: a copy of the bytes, whose attributes are decoded when they are read. One
// Python type per struct and version, made from the schema.
#pragma once
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tidewire::ctp {

// The vendor writes DBL_MAX for "no value"; no price, amount or ratio comes near.
constexpr double no_value = 1e300;

struct Layout;

struct Member {
  enum class Kind : char { character = 'c', text = 's', int16 = 'h', int32 = 'i', real = 'd' };

  const Layout* layout = nullptr;
  std::string name;
  Kind kind = Kind::text;
  std::uint32_t offset = 0, size = 0;
  bool secret = false;      // never shown by repr
  pybind11::object values;  // dict of the enumeration's names to its values, or None
  std::string documentation;
};

// Lives as long as the process: its Python type may always still be in use.
struct Layout {
  std::string name, version;
  std::uint32_t size = 0;
  std::vector<Member> members;
  std::vector<PyGetSetDef> attributes;
  std::string qualified_name;
  PyTypeObject* type = nullptr;

  const Member* find(std::string_view member) const;
  // A new object with a copy of `size` bytes; null and an exception set when there is no memory.
  PyObject* copy(const void* bytes) const;
};

// The layout of an object, or null if it is none of ours.
const Layout* layout_of(PyObject* object);
const Layout* layout_of_type(PyObject* type);
char* bytes_of(PyObject* record);

// Adds Record, the base of all structs, and make_record.
void add_records(pybind11::module_& module);

}  // namespace tidewire::ctp
