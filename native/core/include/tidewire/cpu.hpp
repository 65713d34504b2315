// What this CPU and operating system allow, found once at load.
#pragma once

namespace tidewire {

// Every flag is false on other architectures, and when the environment variable TIDEWIRE_PORTABLE is set and not empty:
// so one machine can run the same tests on both paths, and a user can rule an instruction set out.
struct Cpu {
  bool sha256 = false;  // SHA extensions with SSE4.1: what sha256_ni.cpp is compiled for
  bool avx2 = false;    // AVX2, BMI1, BMI2 and LZCNT, with the operating system saving the wide registers
};

const Cpu& cpu() noexcept;

}  // namespace tidewire
