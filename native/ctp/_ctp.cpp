// Python's view of the vendor's library: at this point only what it offers.
#include <pybind11/pybind11.h>

#include "library.hpp"

namespace py = pybind11;
using tidewire::ctp::Offer;
using tidewire::ctp::Probe;

namespace {

// The text comes from a foreign library or file system: it may be in any encoding.
py::str decoded(const std::string& text) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
}

Probe probe_without_gil(const std::string& path) {
  const py::gil_scoped_release released;
  return tidewire::ctp::probe(path);
}

py::tuple probe(const py::bytes& path) {
  const Probe found = probe_without_gil(path);
  py::list offers;
  for (const Offer& offer : found.offers) {
    offers.append(py::make_tuple(decoded(offer.kind), decoded(offer.version), decoded(offer.factory)));
  }
  return py::make_tuple(offers, decoded(found.problem));
}

}  // namespace

PYBIND11_MODULE(_ctp, module, py::mod_gil_not_used()) {
  module.doc() = "Binding of the CTP futures API: at this point it only reports what a vendor library offers.";
  module.def("probe", &probe, py::arg("path"),
             "Load a library, ask for its versions and let it go: ([(kind, version, factory)], problem).");
}
