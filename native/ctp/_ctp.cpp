// Python's view of the vendor's library: what a file offers, its structs as types, its APIs as sessions.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "block.hpp"
#include "errors.hpp"
#include "gil.hpp"
#include "library.hpp"
#include "record.hpp"
#include "session.hpp"

namespace py = pybind11;
using namespace tidewire::ctp;

namespace {

// The text comes from a foreign library or file system: it may be in any encoding.
py::str decoded(const std::string& text) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
}

Probe probe_without_gil(const std::string& path) {
  const py::gil_scoped_release released;
  return probe(path);
}

py::tuple probe_library(const py::bytes& path) {
  const Probe found = probe_without_gil(path);
  py::list offers;
  for (const Offer& offer : found.offers) {
    offers.append(py::make_tuple(decoded(offer.kind), decoded(offer.version), decoded(offer.factory)));
  }
  return py::make_tuple(offers, decoded(found.problem));
}

const Layout* layout_or_null(const py::handle& type) { return type.is_none() ? nullptr : layout_of_type(type.ptr()); }

std::vector<Callback> read_callbacks(const py::list& told) {
  std::vector<Callback> callbacks;
  for (const py::handle one : told) {
    const auto [shape, data, info] = py::cast<std::tuple<int, py::object, py::object>>(one);
    callbacks.push_back({.shape = static_cast<Shape>(shape),
                         .data = layout_or_null(data),
                         .info = layout_or_null(info),
                         .target = py::none()});
  }
  return callbacks;
}

// An API that was never released keeps calling its Spi, so the Spi stays.
struct DeleteReleased {
  void operator()(Session* session) const {
    if (session->is_released()) delete session;
  }
};
using Holder = std::unique_ptr<Session, DeleteReleased>;

Holder open_session(const py::bytes& library, const std::string& kind, const std::string& factory,
                    const py::bytes& flow, const std::tuple<bool, bool, bool>& flags, const py::dict& slots,
                    const py::list& callbacks, const Session::Options& options, const py::object& on_error) {
  const auto slot = [&](const char* name) { return py::cast<std::size_t>(slots[name]); };
  const Slots known = {.release = slot("release"),
                       .init = slot("init"),
                       .register_spi = slot("register_spi"),
                       .connected = slot("connected"),
                       .disconnected = slot("disconnected"),
                       .tick = py::cast<std::optional<std::size_t>>(slots["tick"])};
  const auto [udp, multicast, production] = flags;
  const Creation creation = {.flow = flow, .udp = udp, .multicast = multicast, .production = production};
  try {
    void* api = create_alone(library, {.kind = kind, .version = {}, .factory = factory}, creation);
    return Holder(new Session(api, known, read_callbacks(callbacks), options, on_error));
  } catch (const std::runtime_error& error) {
    throw_ctp_error(std::string("the CTP library cannot create an API: ") + error.what());
  }
}

}  // namespace

PYBIND11_MODULE(_ctp, module) {
  module.doc() = "Binding of the CTP futures API. Public face: the folder ctp.";
  module.def("probe", &probe_library, py::arg("path"),
             "Load a library, ask for its versions and let it go: ([(kind, version, factory)], problem).");
  module.def(
      "shut_door",
      [] {
        const GilReleased released;
        Door::shut();
      },
      "At exit: let no thread of the vendor's into Python any more, and wait for those that are in.");
  module.def("forget_threads", &Door::forget_threads, "In a forked child: the vendor's threads are not here.");
  add_records(module);

  py::class_<Block>(module, "Block", py::buffer_protocol(), "The bytes of a batch of ticks.")
      .def_buffer([](Block& self) { return py::buffer_info(self.data(), static_cast<py::ssize_t>(self.size())); });

  py::class_<Session, Holder>(module, "Session", "One API of the vendor's, and its callbacks.")
      .def(py::init([](const py::bytes& library, const std::string& kind, const std::string& factory,
                       const py::bytes& flow, const std::tuple<bool, bool, bool>& flags, const py::dict& slots,
                       const py::list& callbacks, const std::string& delivery, bool conflate, std::size_t capacity,
                       int wake_fd, const py::object& on_error) {
             const Session::Options options = {.delivery = static_cast<Delivery>(delivery.at(0)),
                                               .conflate = conflate,
                                               .capacity = capacity,
                                               .wake_fd = wake_fd};
             return open_session(library, kind, factory, flow, flags, slots, callbacks, options, on_error);
           }),
           py::kw_only(), py::arg("library"), py::arg("kind"), py::arg("factory"), py::arg("flow"), py::arg("flags"),
           py::arg("slots"), py::arg("callbacks"), py::arg("delivery"), py::arg("conflate"), py::arg("capacity"),
           py::arg("wake_fd"), py::arg("on_error"))
      .def("listen", &Session::listen, py::arg("targets"), py::arg("batch"))
      .def(
          "request",
          [](Session& self, std::size_t slot, const py::object& record, const py::object& expected,
             std::optional<int> id,
             bool is_login) { return self.request(slot, record, layout_or_null(expected), id, is_login); },
          py::arg("slot"), py::arg("record"), py::arg("expected"), py::arg("id"), py::arg("is_login"))
      .def(
          "fill",
          [](Session& self, std::size_t slot, const py::object& record, const py::object& expected) {
            self.fill(slot, record, layout_or_null(expected));
          },
          py::arg("slot"), py::arg("record"), py::arg("expected"))
      .def("names", &Session::names, py::arg("slot"), py::arg("names"))
      .def("text", &Session::text, py::arg("slot"), py::arg("text"))
      .def("resume", &Session::resume, py::arg("slot"), py::arg("mode"), py::arg("sequence"))
      .def(
          "trading_day", [](Session& self, std::size_t slot) { return decoded(self.trading_day(slot)); },
          py::arg("slot"))
      .def("init", &Session::init)
      .def("wait_connected", &Session::wait_connected, py::arg("seconds"))
      .def("release", &Session::release)
      .def("abandon", &Session::abandon)
      .def("drain", &Session::drain, py::arg("patience"))
      .def_property_readonly("in_callback", &Session::in_callback)
      .def_property_readonly("released", &Session::is_released)
      .def_property_readonly("conflated", &Session::conflated)
      .def_property_readonly("waits", &Session::waits);
}
