// The whole test framework: CHECK counts failures, prints where, and main returns the count.
#pragma once
#include <cstdio>

namespace check {
inline int failures = 0;
inline int passed = 0;
inline int report(const char* name) {
  std::printf("%s: %d passed, %d failed\n", name, passed, failures);
  return failures == 0 ? 0 : 1;
}
}  // namespace check

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (condition) {                                                            \
      ++check::passed;                                                          \
    } else {                                                                    \
      ++check::failures;                                                        \
      std::printf("%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #condition); \
    }                                                                           \
  } while (false)
