// What a shared library on disk offers of the CTP API, found by loading it and asking for its version; no API is
// created.
#pragma once
#include <string>
#include <vector>

namespace tidewire::ctp {

struct Offer {
  std::string kind;     // "market" or "trader"
  std::string version;  // as GetApiVersion() returns it, trailing blanks removed
  std::string factory;  // mangled name of the exported Create function, which differs between versions
};

struct Probe {
  std::vector<Offer> offers;
  std::string problem;  // why there is no offer, or empty
};

// Linux only so far. Loads the file into this process for the duration of the call, which runs its static constructors.
// So what is no whole shared library for this machine that defines the vendor's symbols is refused before that.
Probe probe(const std::string& path);

}  // namespace tidewire::ctp
