// Python from threads that are not Python's.
#pragma once
#include <Python.h>

#include <atomic>

namespace tidewire::ctp {

// The vendor's threads come to Python through here, and it shuts before the interpreter ends. CPython ends a thread
// that waits for the GIL too late by unwinding its stack, which the vendor's code and destructors turn into abort; and
// whoever looks whether the interpreter ends and waits then is too late now and then.
class Door {
 public:
  Door() : open_(inside_.fetch_add(1) < shut_) { ++depth_; }
  ~Door() {
    --depth_;
    if (inside_.fetch_sub(1) == shut_ + 1) inside_.notify_all();
  }
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  bool is_open() const { return open_; }

  // For good. Waits for those inside, so without the GIL.
  static void shut() {
    for (int inside = inside_ |= shut_; inside != shut_; inside = inside_) inside_.wait(inside);
  }
  static void forget_threads() { inside_ = depth_; }  // in a forked child, which has but the one that forked

 private:
  static constexpr int shut_ = 1 << 24;  // more than there can be threads
  static inline std::atomic<int> inside_ = 0;
  static inline thread_local int depth_ = 0;  // how often this thread is inside
  const bool open_;
};

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

// Holds the GIL while in scope, which is within the Door. A thread that Python does not know gets a thread state that
// is kept until the thread ends: making one for every callback costs ten times as much as the callback itself.
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
      if (state == nullptr) return;
      const Door door;
      if (!door.is_open()) return;
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
