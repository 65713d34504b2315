// A stream of numbers that is the same on every platform for one seed (splitmix64, Steele et al. 2014).
#pragma once
#include <cstdint>
#include <string_view>

namespace tidewire::ctp_sim {

class Random {
 public:
  Random(std::uint64_t seed, std::string_view name) : state_(seed) {
    for (const char letter : name) state_ = next() ^ static_cast<unsigned char>(letter);
  }

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  int below(int bound) { return static_cast<int>(next() % static_cast<std::uint64_t>(bound)); }

 private:
  std::uint64_t state_;
};

}  // namespace tidewire::ctp_sim
