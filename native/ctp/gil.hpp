// Python from threads that are not Python's.
#pragma once
#include <Python.h>

namespace tidewire::ctp {

inline bool interpreter_is_gone() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsInitialized() == 0 || Py_IsFinalizing() != 0;
#else
  return Py_IsInitialized() == 0 || _Py_IsFinalizing() != 0;
#endif
}

// Gives the GIL up while in scope. Unlike pybind11's, it lets a thread that comes back while the interpreter ends do as
// CPython wants: pthread_exit unwinds the stack from in there, which a destructor that may not throw turns into abort.
class GilReleased {
 public:
  GilReleased() : state_(PyEval_SaveThread()) {}
  ~GilReleased() noexcept(false) { PyEval_RestoreThread(state_); }
  GilReleased(const GilReleased&) = delete;
  GilReleased& operator=(const GilReleased&) = delete;

 private:
  PyThreadState* state_;
};

// Holds the GIL while in scope. A thread that Python does not know gets a thread state that is kept until the thread
// ends: making one for every callback costs ten times as much as the callback itself.
class HoldGil {
 public:
  HoldGil() {
    Kept& kept = this_thread();
    if (kept.state != nullptr) {
      PyEval_RestoreThread(kept.state);
    } else if (PyGILState_GetThisThreadState() != nullptr) {
      borrowed_ = true;
      gil_ = PyGILState_Ensure();
    } else {
      kept.gil = PyGILState_Ensure();
      kept.state = PyThreadState_Get();
    }
  }
  ~HoldGil() {
    if (borrowed_)
      PyGILState_Release(gil_);
    else
      PyEval_SaveThread();
  }
  HoldGil(const HoldGil&) = delete;
  HoldGil& operator=(const HoldGil&) = delete;

 private:
  struct Kept {
    PyThreadState* state = nullptr;
    PyGILState_STATE gil{};
    ~Kept() {
      if (state == nullptr || interpreter_is_gone()) return;
      PyEval_RestoreThread(state);
      PyGILState_Release(gil);
    }
  };
  static Kept& this_thread() {
    static thread_local Kept kept;
    return kept;
  }
  bool borrowed_ = false;
  PyGILState_STATE gil_{};
};

}  // namespace tidewire::ctp
