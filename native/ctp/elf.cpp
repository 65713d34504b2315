#if defined(__linux__)
#include "elf.hpp"

#include <filesystem>
#include <fstream>

namespace tidewire::ctp {
namespace {

#if defined(__x86_64__)
constexpr Elf64_Half this_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half this_machine = EM_AARCH64;
#else
constexpr Elf64_Half this_machine = EM_NONE;
#endif

constexpr std::uint64_t largest_file = 256U << 20U;  // the vendor's libraries have 3 to 8 MB

}  // namespace

std::optional<ElfFile> ElfFile::open(const std::string& path, std::string& problem) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  const std::uint64_t size = std::filesystem::is_regular_file(status) ? std::filesystem::file_size(path, error) : 0;
  if (!std::filesystem::exists(status))
    problem = "no such file";
  else if (!std::filesystem::is_regular_file(status))
    problem = "not a regular file";
  else if (size > largest_file)
    problem = "too large for a CTP library";
  if (!problem.empty()) return std::nullopt;

  std::vector<char> bytes(size);
  std::ifstream stream(path, std::ios::binary);
  if (error || !stream.read(bytes.data(), static_cast<std::streamsize>(size))) {
    problem = "cannot be read";
    return std::nullopt;
  }
  ElfFile file(std::move(bytes));
  if (!file.read(0, file.header_)) file.header_ = {};
  problem = file.why_not_loadable();
  if (!problem.empty()) return std::nullopt;
  return file;
}

// The dynamic linker maps what the segments promise, and the process dies of SIGBUS where the file is shorter.
std::string_view ElfFile::why_not_loadable() const {
  if (std::memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0) return "not an ELF file";
  if (header_.e_ident[EI_CLASS] != ELFCLASS64 || header_.e_machine != this_machine) return "built for another machine";
  if (header_.e_type != ET_DYN) return "not a shared library";
  for (std::uint64_t i = 0; i < header_.e_phnum; ++i) {
    Elf64_Phdr segment;
    const bool whole = read(header_.e_phoff + i * sizeof segment, segment) && segment.p_offset <= bytes_.size() &&
                       segment.p_filesz <= bytes_.size() - segment.p_offset;
    if (!whole) return "truncated";
  }
  return {};
}

bool ElfFile::text_at(std::uint64_t offset, std::string_view text) const {
  return offset < bytes_.size() && text.size() < bytes_.size() - offset &&
         std::memcmp(bytes_.data() + offset, text.data(), text.size()) == 0 && bytes_[offset + text.size()] == '\0';
}

bool ElfFile::defines(std::string_view name) const {
  for (std::uint64_t i = 0; i < header_.e_shnum; ++i) {
    Elf64_Shdr table, names;
    if (!read(header_.e_shoff + i * sizeof table, table)) return false;
    if (table.sh_type != SHT_DYNSYM) continue;
    if (!read(header_.e_shoff + table.sh_link * sizeof names, names)) return false;
    Elf64_Sym symbol;
    for (std::uint64_t at = 0; at < table.sh_size && read(table.sh_offset + at, symbol); at += sizeof symbol) {
      if (symbol.st_shndx != SHN_UNDEF && text_at(names.sh_offset + symbol.st_name, name)) return true;
    }
  }
  return false;
}

}  // namespace tidewire::ctp
#endif
