#include "flow_files.hpp"

#include <cstring>
#include <fstream>

#include "log.hpp"

namespace tidewire::ctp_sim {
namespace {

constexpr std::size_t file_size = 6;  // as the vendor's are at birth: a phase and a number

}  // namespace

void FlowFiles::write(const std::string& name, std::uint16_t phase, std::uint32_t number) const {
  std::array<char, file_size> bytes{};
  std::memcpy(bytes.data(), &phase, sizeof phase);
  std::memcpy(bytes.data() + sizeof phase, &number, sizeof number);
  std::ofstream file(prefix_ + name, std::ios::binary | std::ios::trunc);
  if (!file.write(bytes.data(), bytes.size())) log("cannot write flow file " + prefix_ + name);
}

void FlowFiles::create_dialogs() {
  for (const char* name : {"DialogRsp.con", "QueryRsp.con", "TradingDay.con"}) write(name, 0, 0);
}

void FlowFiles::open(Series series) {
  Place& place = of(series);
  place.name = series == Series::private_flow ? "Private.con" : "Public.con";
  std::array<char, file_size> bytes{};
  std::ifstream file(prefix_ + place.name, std::ios::binary);
  if (file.read(bytes.data(), bytes.size())) {
    std::memcpy(&place.phase, bytes.data(), sizeof place.phase);
    std::memcpy(&place.number, bytes.data() + sizeof place.phase, sizeof place.number);
  } else {
    write(place.name, 0, 0);
  }
}

std::uint32_t FlowFiles::position(Series series, std::uint16_t phase) const {
  const Place& place = of(series);
  return place.phase == phase ? place.number : 0;
}

void FlowFiles::advance(Series series, std::uint16_t phase, std::uint32_t number) {
  Place& place = of(series);
  place.phase = phase;
  place.number = number;
  place.changed = true;
}

void FlowFiles::save() {
  for (Place& place : places_) {
    if (place.changed && !place.name.empty()) write(place.name, place.phase, place.number);
    place.changed = false;
  }
}

}  // namespace tidewire::ctp_sim
