// As much of an ELF file as says whether loading it is safe and worth while: loading runs the file's own code, and one
// that is cut short or not what we look for may end the process there. Nothing in the file is trusted.
#pragma once
#include <elf.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::ctp {

class ElfFile {
 public:
  // Reads a shared library for this machine whose segments are all there; `problem` says why a file is none.
  static std::optional<ElfFile> open(const std::string& path, std::string& problem);

  // Whether the dynamic symbol table defines this name; names that are only imported do not count.
  bool defines(std::string_view name) const;

 private:
  explicit ElfFile(std::vector<char> bytes) : bytes_(std::move(bytes)) {}
  std::string_view why_not_loadable() const;  // empty if it is

  template <class Record>
  bool read(std::uint64_t offset, Record& record) const {
    if (offset > bytes_.size() || sizeof record > bytes_.size() - offset) return false;
    std::memcpy(&record, bytes_.data() + offset, sizeof record);
    return true;
  }
  bool text_at(std::uint64_t offset, std::string_view text) const;  // with its terminating zero

  std::vector<char> bytes_;
  Elf64_Ehdr header_{};
};

}  // namespace tidewire::ctp
