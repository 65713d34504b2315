// Every front of this process. It is never taken down: threads of the API may outlive the program's own end.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "front.hpp"

namespace tidewire::ctp_sim {

struct Registry {
  static Registry& the();

  std::mutex mutex;  // never held while a front's lock is taken
  std::uint64_t handles = 0;
  std::map<std::string, std::shared_ptr<Front>> by_address;
  std::map<std::uint64_t, std::shared_ptr<Front>> by_handle;
};

}  // namespace tidewire::ctp_sim
