#include "log.hpp"

#include <cstdio>
#include <cstdlib>

namespace tidewire::ctp_sim {

void log(const std::string& line) noexcept {
  const char* path = std::getenv("TIDEWIRE_CTP_SIM_LOG");
  std::FILE* file = path != nullptr ? std::fopen(path, "a") : nullptr;
  std::fprintf(file != nullptr ? file : stderr, "tidewire CTP simulator: %s\n", line.c_str());
  if (file != nullptr) std::fclose(file);
}

}  // namespace tidewire::ctp_sim
