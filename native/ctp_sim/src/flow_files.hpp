// The .con files of one API instance: how far it has read the flows that a front repeats.
#pragma once
#include <array>
#include <cstdint>
#include <string>

namespace tidewire::ctp_sim {

enum class Series : std::uint8_t { none, private_flow, public_flow };

class FlowFiles {
 public:
  // Files are named `prefix` + "Private.con" and so on, so a folder needs its slash. A folder that is not there kills
  // the vendor's process; here it is logged, and nothing is remembered.
  explicit FlowFiles(std::string prefix) : prefix_(std::move(prefix)) {}

  void create_dialogs();
  void open(Series series);

  // The number of the last return that was delivered in this phase, the trading day; 0 for none.
  std::uint32_t position(Series series, std::uint16_t phase) const;
  void advance(Series series, std::uint16_t phase, std::uint32_t number);
  void save();

 private:
  struct Place {
    std::string name;
    std::uint32_t number = 0;
    std::uint16_t phase = 0;
    bool changed = false;
  };
  void write(const std::string& name, std::uint16_t phase, std::uint32_t number) const;
  Place& of(Series series) { return places_[series == Series::private_flow ? 0 : 1]; }
  const Place& of(Series series) const { return places_[series == Series::private_flow ? 0 : 1]; }

  std::string prefix_;
  std::array<Place, 2> places_;
};

}  // namespace tidewire::ctp_sim
