#include "member.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include "errors.hpp"

namespace py = pybind11;

namespace tidewire::ctp {
namespace {

using Kind = Member::Kind;

constexpr const char* encoding = "gb18030";  // no locale is needed: Python brings the codec

std::string_view text(const Member& member, const char* at) { return {at, strnlen(at, member.size)}; }

PyObject* decode(std::string_view text) {
  if (std::ranges::any_of(text, [](char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; }))
    return PyUnicode_Decode(text.data(), static_cast<Py_ssize_t>(text.size()), encoding, "replace");
  PyObject* result = PyUnicode_New(static_cast<Py_ssize_t>(text.size()), 127);
  if (result != nullptr && !text.empty()) std::memcpy(PyUnicode_DATA(result), text.data(), text.size());
  return result;
}

template <class Number>
Number number_at(const char* at) {
  Number number;
  std::memcpy(&number, at, sizeof number);
  return number;
}

std::string shown(const Member& member) { return member.owner + "." + member.name + " (" + member.documentation + ")"; }

[[noreturn]] void refuse(const Member& member, PyObject* value, const std::string& wanted) {
  const std::string given = member.secret ? "something else" : py::cast<std::string>(py::repr(value));
  throw_config_error(shown(member) + " takes " + wanted + ", not " + given);
}

void store_bytes(const Member& member, char* at, std::string_view bytes) {
  std::memset(at, 0, member.size);
  std::memcpy(at, bytes.data(), bytes.size());
}

void set_text(const Member& member, char* at, PyObject* value) {
  if (PyBytes_Check(value)) {  // binary contents such as system information: as it is, up to the last byte
    const auto given = py::cast<std::string_view>(value);
    if (given.size() > member.size) {
      throw_config_error(shown(member) + " holds at most " + std::to_string(member.size) + " bytes, not " +
                         std::to_string(given.size()));
    }
    return store_bytes(member, at, given);
  }
  if (!PyUnicode_Check(value)) refuse(member, value, "a str");
  const auto encoded = py::reinterpret_steal<py::bytes>(PyUnicode_AsEncodedString(value, encoding, "strict"));
  if (!encoded) {
    PyErr_Clear();
    refuse(member, value, "text that GB18030 can write");
  }
  const auto given = static_cast<std::string_view>(encoded);
  if (given.find('\0') != std::string_view::npos) refuse(member, value, "text without a zero character");
  if (given.size() >= member.size) {  // the last byte is the terminating zero
    throw_config_error(shown(member) + " holds at most " + std::to_string(member.size - 1) + " bytes in GB18030, not " +
                       std::to_string(given.size()) +
                       (member.secret ? "" : ": " + py::cast<std::string>(py::repr(value))));
  }
  store_bytes(member, at, given);
}

void set_character(const Member& member, char* at, PyObject* value) {
  if (!PyUnicode_Check(value)) refuse(member, value, "a str of one character");
  auto given = py::reinterpret_borrow<py::object>(value);
  if (PyUnicode_GetLength(value) > 1 && !member.values.is_none()) {
    given = member.values.attr("get")(given, given);
  }
  if (PyUnicode_GetLength(given.ptr()) > 1 ||
      (PyUnicode_GetLength(given.ptr()) == 1 && !PyUnicode_IS_ASCII(given.ptr()))) {
    const std::string names =
        member.values.is_none() ? "" : " or one of " + py::cast<std::string>(py::str(", ").attr("join")(member.values));
    refuse(member, value, "one ASCII character" + names);
  }
  *at = PyUnicode_GetLength(given.ptr()) == 0 ? '\0' : static_cast<char>(PyUnicode_READ_CHAR(given.ptr(), 0));
}

template <class Integer>
void set_integer(const Member& member, char* at, PyObject* value) {
  if (PyIndex_Check(value) == 0) refuse(member, value, "an int");
  const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(value));
  if (!index) throw py::error_already_set();
  int overflow = 0;
  const long long given = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  if (overflow != 0 || given < std::numeric_limits<Integer>::min() || given > std::numeric_limits<Integer>::max()) {
    refuse(member, value, "an int of " + std::to_string(8 * sizeof(Integer)) + " bits");
  }
  const auto number = static_cast<Integer>(given);
  std::memcpy(at, &number, sizeof number);
}

void set_real(const Member& member, char* at, PyObject* value) {
  const bool is_number = PyFloat_Check(value) || PyIndex_Check(value) != 0 ||
                         (PyNumber_Check(value) != 0 && !PyUnicode_Check(value) && !PyBytes_Check(value));
  const double number = is_number ? PyFloat_AsDouble(value) : 0.0;
  if (!is_number || PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    refuse(member, value, "a number");
  }
  if (!std::isfinite(number)) refuse(member, value, "a finite number");
  std::memcpy(at, &number, sizeof number);
}

}  // namespace

PyObject* Member::get(const char* bytes) const {
  const char* at = bytes + offset;
  switch (kind) {
    case Kind::character:
    case Kind::text: return decode(text(*this, at));
    case Kind::int16: return PyLong_FromLong(number_at<std::int16_t>(at));
    case Kind::int32: return PyLong_FromLong(number_at<std::int32_t>(at));
    case Kind::real: {
      const auto value = number_at<double>(at);
      return PyFloat_FromDouble(value >= no_value ? std::numeric_limits<double>::quiet_NaN() : value);
    }
  }
  return nullptr;
}

PyObject* Member::raw(const char* bytes) const {
  const char* at = bytes + offset;
  if (kind == Kind::real) return PyFloat_FromDouble(number_at<double>(at));
  if (kind == Kind::text || kind == Kind::character)
    return PyBytes_FromStringAndSize(at, static_cast<Py_ssize_t>(size));
  return get(bytes);
}

void Member::set(char* bytes, PyObject* value) const {
  char* at = bytes + offset;
  if (value == nullptr) throw_config_error(shown(*this) + " cannot be deleted");
  switch (kind) {
    case Kind::character: return set_character(*this, at, value);
    case Kind::text: return set_text(*this, at, value);
    case Kind::int16: return set_integer<std::int16_t>(*this, at, value);
    case Kind::int32: return set_integer<std::int32_t>(*this, at, value);
    case Kind::real: return set_real(*this, at, value);
  }
}

bool Member::same(const char* a, const char* b) const {
  a += offset;
  b += offset;
  if (kind == Kind::text) return text(*this, a) == text(*this, b);  // not what is left behind the zero
  if (kind == Kind::real && number_at<double>(a) == number_at<double>(b)) return true;  // 0.0 and -0.0
  return std::memcmp(a, b, size) == 0;
}

bool Member::is_empty(const char* bytes) const {
  const char* at = bytes + offset;
  return std::all_of(at, at + (kind == Kind::text ? 1U : size), [](char c) { return c == '\0'; });
}

}  // namespace tidewire::ctp
