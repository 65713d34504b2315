#include "library.hpp"

#if defined(__linux__) && defined(__LP64__)
#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <memory>

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

}  // namespace tidewire::ctp

#else

namespace tidewire::ctp {
Probe probe(const std::string&) {
  return {.offers = {}, .problem = "tidewire loads CTP libraries on 64-bit Linux only"};
}
}  // namespace tidewire::ctp

#endif
