// The vendor's structs as Python objects: a copy of the bytes, whose attributes are decoded when they are read. One
// Python type per struct and version, made from the schema.
#pragma once
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "member.hpp"

namespace tidewire::ctp {

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
