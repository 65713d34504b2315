#include "record.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "errors.hpp"

namespace py = pybind11;

namespace tidewire::ctp {
namespace {

struct Record {
  PyObject_HEAD const Layout* layout;
  alignas(8) char bytes[1];  // as many as the layout says
};

PyTypeObject* base_type = nullptr;

Record* record(PyObject* object) { return reinterpret_cast<Record*>(object); }

const Member& member_named(const Layout& layout, const py::handle& name) {
  const Member* found = PyUnicode_Check(name.ptr()) ? layout.find(py::cast<std::string>(name)) : nullptr;
  if (found != nullptr) return *found;
  py::list names;
  for (const Member& member : layout.members) names.append(member.name);
  const py::list near = py::module_::import("difflib").attr("get_close_matches")(py::str(name), names);
  std::string message =
      layout.name + " of CTP " + layout.version + " has no field " + py::cast<std::string>(py::repr(name));
  if (!near.empty()) message += "; did you mean " + py::cast<std::string>(py::str(", ").attr("join")(near)) + "?";
  throw_config_error(message);
}

PyObject* allocate(const Layout& layout) {
  auto* object = static_cast<PyObject*>(PyObject_Malloc(static_cast<std::size_t>(layout.type->tp_basicsize)));
  if (object == nullptr) return PyErr_NoMemory();
  PyObject_Init(object, layout.type);  // takes a reference to the type
  record(object)->layout = &layout;
  return object;
}

void deallocate(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_Free(object);
  Py_DECREF(type);
}

// Below: what Python calls. Errors leave as Python's.
template <class Work>
auto guarded(Work work, decltype(work()) failed) noexcept -> decltype(work()) {
  try {
    return work();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return failed;
}

PyObject* attribute(PyObject* self, void* closure) {
  const auto& member = *static_cast<const Member*>(closure);
  return member.get(record(self)->bytes);
}

int set_attribute(PyObject* self, PyObject* value, void* closure) {
  return guarded(
      [&] {
        const auto& member = *static_cast<const Member*>(closure);
        member.set(record(self)->bytes, value);
        return 0;
      },
      -1);
}

int set_any_attribute(PyObject* self, PyObject* name, PyObject* value) {
  return guarded(
      [&] {
        member_named(*record(self)->layout, name);
        return PyObject_GenericSetAttr(self, name, value);
      },
      -1);
}

PyObject* create(PyTypeObject* type, PyObject* positional, PyObject* named) {
  return guarded(
      [&]() -> PyObject* {
        const Layout* layout = layout_of_type(reinterpret_cast<PyObject*>(type));
        if (layout == nullptr) throw_config_error("structs are made by a loaded library, such as lib.InputOrder()");
        if (PyTuple_GET_SIZE(positional) != 0) throw_config_error(layout->name + " takes its fields by name");
        auto made = py::reinterpret_steal<py::object>(allocate(*layout));
        if (!made) throw py::error_already_set();
        std::memset(record(made.ptr())->bytes, 0, layout->size);
        if (named != nullptr) {
          for (const auto& [name, value] : py::reinterpret_borrow<py::dict>(named)) {
            member_named(*layout, name).set(record(made.ptr())->bytes, value.ptr());
          }
        }
        return made.release().ptr();
      },
      nullptr);
}

PyObject* represent(PyObject* self) {
  return guarded(
      [&] {
        const Layout& layout = *record(self)->layout;
        std::string shown_fields;
        for (const Member& member : layout.members) {
          if (member.is_empty(record(self)->bytes)) continue;
          shown_fields += (shown_fields.empty() ? "" : ", ") + member.name + "=";
          if (member.secret) {
            shown_fields += "'***'";
            continue;
          }
          const auto value = py::reinterpret_steal<py::object>(member.get(record(self)->bytes));
          shown_fields += py::cast<std::string>(py::repr(value));
        }
        return py::str(layout.name + "(" + shown_fields + ")").release().ptr();
      },
      nullptr);
}

PyObject* compare(PyObject* a, PyObject* b, int operation) {
  if (Py_TYPE(a) != Py_TYPE(b) || (operation != Py_EQ && operation != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
  const bool equal = std::ranges::all_of(record(a)->layout->members, [&](const Member& member) {
    return member.same(record(a)->bytes, record(b)->bytes);
  });
  return PyBool_FromLong(equal == (operation == Py_EQ) ? 1 : 0);
}

PyObject* to_dict(PyObject* self, PyObject* /*none*/) {
  return guarded(
      [&] {
        py::dict fields;
        for (const Member& member : record(self)->layout->members) {
          fields[py::str(member.name)] = py::reinterpret_steal<py::object>(member.get(record(self)->bytes));
        }
        return fields.release().ptr();
      },
      nullptr);
}

PyObject* raw(PyObject* self, PyObject* name) {
  return guarded([&] { return member_named(*record(self)->layout, name).raw(record(self)->bytes); }, nullptr);
}

PyObject* to_bytes(PyObject* self, PyObject* /*none*/) {
  return PyBytes_FromStringAndSize(record(self)->bytes, static_cast<Py_ssize_t>(record(self)->layout->size));
}

PyObject* copy_record(PyObject* self, PyObject* /*memo*/) { return record(self)->layout->copy(record(self)->bytes); }

PyObject* refuse_pickle(PyObject* self, PyObject* /*none*/) {
  PyErr_Format(PyExc_TypeError, "%s is not pickled, for it may hold a password; use to_dict()", Py_TYPE(self)->tp_name);
  return nullptr;
}

PyObject* from_bytes(PyObject* type, PyObject* bytes) {
  return guarded(
      [&] {
        const Layout* layout = layout_of_type(type);
        if (layout == nullptr || !PyBytes_Check(bytes) ||
            static_cast<std::size_t>(PyBytes_GET_SIZE(bytes)) != layout->size) {
          throw_config_error("from_bytes takes exactly the bytes of the struct" +
                             (layout == nullptr ? "" : ": " + std::to_string(layout->size)));
        }
        return layout->copy(PyBytes_AS_STRING(bytes));
      },
      nullptr);
}

PyMethodDef methods[] = {
    {"to_dict", to_dict, METH_NOARGS, "Return every field by its name, decoded; secrets too."},
    {"raw", raw, METH_O, "Return a field as the vendor wrote it: DBL_MAX instead of NaN, the bytes of a text."},
    {"from_bytes", from_bytes, METH_O | METH_CLASS, "Make one from the bytes of the vendor's struct."},
    {"__bytes__", to_bytes, METH_NOARGS, "Return the vendor's struct."},
    {"__copy__", copy_record, METH_NOARGS, nullptr},
    {"__deepcopy__", copy_record, METH_O, nullptr},
    {"__reduce_ex__", refuse_pickle, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

// As a type without __dict__ whose instances are only made from a layout; subclasses are the structs.
py::object make_base_type() {
  PyType_Slot slots[] = {
      {Py_tp_methods, methods},
      {Py_tp_new, reinterpret_cast<void*>(create)},
      {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
      {Py_tp_repr, reinterpret_cast<void*>(represent)},
      {Py_tp_richcompare, reinterpret_cast<void*>(compare)},
      {Py_tp_hash, reinterpret_cast<void*>(PyObject_HashNotImplemented)},
      {Py_tp_setattro, reinterpret_cast<void*>(set_any_attribute)},
      {Py_tp_doc, const_cast<char*>("A struct of the vendor's: a copy, decoded attribute by attribute when read.")},
      {0, nullptr},
  };
  PyType_Spec spec = {"tidewire.ctp.Record", sizeof(Record), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  auto made = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!made) throw py::error_already_set();
  return made;
}

Member read_member(const Layout& layout, const py::tuple& told) {
  Member member;
  member.owner = layout.name;
  member.name = py::cast<std::string>(told[0]);
  member.kind = static_cast<Member::Kind>(py::cast<char>(told[1]));
  member.offset = py::cast<std::uint32_t>(told[2]);
  member.size = py::cast<std::uint32_t>(told[3]);
  member.secret = py::cast<bool>(told[4]);
  member.values = told[5];
  member.documentation = py::cast<std::string>(told[6]);
  if (std::uint64_t{member.offset} + member.size > layout.size) throw std::runtime_error("field outside its struct");
  return member;
}

py::object make_record(const std::string& version, const std::string& name, std::uint32_t size,
                       const py::list& fields) {
  auto layout = std::make_unique<Layout>();
  layout->name = name;
  layout->version = version;
  layout->size = size;
  layout->qualified_name = "tidewire.ctp." + name;
  for (const py::handle field : fields) layout->members.push_back(read_member(*layout, py::cast<py::tuple>(field)));
  for (Member& member : layout->members) {
    layout->attributes.push_back(
        {member.name.c_str(), attribute, set_attribute, member.documentation.c_str(), &member});
  }
  layout->attributes.push_back({});
  const std::string documentation = name + " of CTP " + version + ".";
  PyType_Slot slots[] = {
      {Py_tp_getset, layout->attributes.data()},
      {Py_tp_doc, const_cast<char*>(documentation.c_str())},
      {0, nullptr},
  };
  const auto basic_size = static_cast<int>(offsetof(Record, bytes) + ((size + 7U) & ~7U));
  PyType_Spec spec = {layout->qualified_name.c_str(), basic_size, 0, Py_TPFLAGS_DEFAULT, slots};
  auto type = py::reinterpret_steal<py::object>(
      PyType_FromSpecWithBases(&spec, py::make_tuple(py::handle(reinterpret_cast<PyObject*>(base_type))).ptr()));
  if (!type) throw py::error_already_set();
  layout->type = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  type.attr("__layout__") = py::capsule(layout.get(), "tidewire.ctp.Layout");
  layout.release();
  return type;
}

}  // namespace

const Member* Layout::find(std::string_view member) const {
  const auto found = std::ranges::find(members, member, &Member::name);
  return found == members.end() ? nullptr : &*found;
}

PyObject* Layout::copy(const void* bytes) const {
  PyObject* object = allocate(*this);
  if (object != nullptr) std::memcpy(record(object)->bytes, bytes, size);
  return object;
}

const Layout* layout_of(PyObject* object) {
  return PyObject_TypeCheck(object, base_type) != 0 ? record(object)->layout : nullptr;
}

const Layout* layout_of_type(PyObject* type) {
  PyObject* capsule = PyDict_GetItemString(reinterpret_cast<PyTypeObject*>(type)->tp_dict, "__layout__");
  return capsule == nullptr ? nullptr
                            : static_cast<const Layout*>(PyCapsule_GetPointer(capsule, "tidewire.ctp.Layout"));
}

char* bytes_of(PyObject* object) { return record(object)->bytes; }

void add_records(py::module_& module) {
  const py::object base = make_base_type();
  base_type = reinterpret_cast<PyTypeObject*>(base.ptr());
  module.attr("Record") = base;
  module.def("make_record", &make_record, py::arg("version"), py::arg("name"), py::arg("size"), py::arg("fields"),
             "Make the type of a struct; fields are (name, kind, offset, size, secret, values, documentation).");
}

}  // namespace tidewire::ctp
