// What a shared library on disk offers of the CTP API, found by loading it and asking for its version, and the vendor's
// objects that it creates.
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

// Calls a library's Create by the name that its offer gives, and returns the vendor's object. The library stays loaded
// for the life of the process, whose threads may still be in it. Throws std::runtime_error.
struct Creation {
  std::string flow;  // the folder of the flow files, with its final slash: it must exist
  bool udp = false, multicast = false, production = true;
};
void* create(const std::string& path, const Offer& offer, const Creation& creation);

}  // namespace tidewire::ctp
