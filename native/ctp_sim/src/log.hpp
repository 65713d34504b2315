// What the simulator has to say to a developer; TIDEWIRE_CTP_SIM_LOG names a file to say it in.
#pragma once
#include <string>

namespace tidewire::ctp_sim {

void log(const std::string& line) noexcept;  // to standard error without such a file

}  // namespace tidewire::ctp_sim
