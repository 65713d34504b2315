#include "library.hpp"

#if defined(__linux__) && defined(__LP64__)
#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "elf.hpp"

namespace tidewire::ctp {
namespace {

// Itanium ABI names, read from the vendor's libraries 6.3.15 to 6.7.13 with nm -D. Create has taken one more flag,
// bIsProductionMode, since 6.7.11: newest first.
struct Api {
  const char* kind;
  const char* version;
  const char* factories[2];
};
constexpr Api apis[] = {
    {"market",
     "_ZN15CThostFtdcMdApi13GetApiVersionEv",
     {"_ZN15CThostFtdcMdApi15CreateFtdcMdApiEPKcbbb", "_ZN15CThostFtdcMdApi15CreateFtdcMdApiEPKcbb"}},
    {"trader",
     "_ZN19CThostFtdcTraderApi13GetApiVersionEv",
     {"_ZN19CThostFtdcTraderApi19CreateFtdcTraderApiEPKcb", "_ZN19CThostFtdcTraderApi19CreateFtdcTraderApiEPKc"}},
};

std::string trimmed(const char* text) {
  constexpr std::size_t longest = 128;
  std::string version(text, strnlen(text, longest));
  version.erase(version.find_last_not_of(' ') + 1);
  return version;
}

void collect(void* library, const Api& api, Probe& found) {
  using GetApiVersion = const char* (*)();
  const auto get_version = reinterpret_cast<GetApiVersion>(dlsym(library, api.version));
  if (get_version == nullptr) return;
  const char* version = get_version();
  for (const char* factory : api.factories) {
    if (version == nullptr || dlsym(library, factory) == nullptr) continue;
    found.offers.push_back({api.kind, trimmed(version), factory});
    return;
  }
}

}  // namespace

Probe probe(const std::string& path) {
  constexpr const char* no_api = "exports no CTP API that tidewire knows";
  Probe found;
  const std::optional<ElfFile> file = ElfFile::open(path, found.problem);
  if (!file) return found;
  if (std::ranges::none_of(apis, [&](const Api& api) { return file->defines(api.version); })) {
    found.problem = no_api;
    return found;
  }
  const std::unique_ptr<void, int (*)(void*)> library(dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL), dlclose);
  if (library == nullptr) {
    const char* reason = dlerror();
    found.problem = reason != nullptr ? reason : "the dynamic linker refused it";
    return found;
  }
  for (const Api& api : apis) collect(library.get(), api, found);
  if (found.offers.empty()) found.problem = no_api;
  return found;
}

void* create(const std::string& path, const Offer& offer, const Creation& creation) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* factory = library != nullptr ? dlsym(library, offer.factory.c_str()) : nullptr;
  if (factory == nullptr) {
    const char* reason = dlerror();
    throw std::runtime_error(reason != nullptr ? reason : "the dynamic linker refused it");
  }
  const char* flow = creation.flow.c_str();
  const bool takes_production = offer.factory == apis[0].factories[0] || offer.factory == apis[1].factories[0];
  void* api = nullptr;
  if (offer.kind == apis[0].kind) {
    api = takes_production
              ? reinterpret_cast<void* (*)(const char*, bool, bool, bool)>(factory)(
                    flow, creation.udp, creation.multicast, creation.production)
              : reinterpret_cast<void* (*)(const char*, bool, bool)>(factory)(flow, creation.udp, creation.multicast);
  } else {
    api = takes_production ? reinterpret_cast<void* (*)(const char*, bool)>(factory)(flow, creation.production)
                           : reinterpret_cast<void* (*)(const char*)>(factory)(flow);
  }
  if (api == nullptr) throw std::runtime_error("the library created no API");
  return api;
}

}  // namespace tidewire::ctp

#else
#include <stdexcept>

namespace tidewire::ctp {
namespace {
constexpr const char* elsewhere = "tidewire loads CTP libraries on 64-bit Linux only";
}
Probe probe(const std::string&) { return {.offers = {}, .problem = elsewhere}; }
void* create(const std::string&, const Offer&, const Creation&) { throw std::runtime_error(elsewhere); }
}  // namespace tidewire::ctp

#endif
