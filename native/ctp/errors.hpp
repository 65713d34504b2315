// tidewire's own exceptions, from C++.
#pragma once
#include <pybind11/pybind11.h>

#include <string>

namespace tidewire::ctp {

[[noreturn]] inline void throw_error(const char* name, const std::string& message) {
  const auto type = pybind11::module_::import("tidewire.errors").attr(name);
  PyErr_SetString(type.ptr(), message.c_str());
  throw pybind11::error_already_set();
}

[[noreturn]] inline void throw_config_error(const std::string& message) { throw_error("ConfigError", message); }
[[noreturn]] inline void throw_ctp_error(const std::string& message) { throw_error("CtpError", message); }

}  // namespace tidewire::ctp
