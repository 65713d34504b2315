#include <pybind11/pybind11.h>

PYBIND11_MODULE(_ctp, module, pybind11::mod_gil_not_used()) {
  module.doc() = "Binding of the CTP futures API: at this point it only reports which vendor libraries it can find.";
}
