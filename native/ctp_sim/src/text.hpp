// Fixed-length text of the ABI: never read or written past its end.
#pragma once
#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

namespace tidewire::ctp_sim {

template <std::size_t N>
std::string_view text_of(const char (&field)[N]) {
  return {field, strnlen(field, N)};
}

// Cuts what is too long, as the vendor does, and clears the rest.
template <std::size_t N>
void put(char (&field)[N], std::string_view text) {
  const std::size_t length = std::min(text.size(), N - 1);
  std::memcpy(field, text.data(), length);
  std::memset(field + length, 0, N - length);
}

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Right-justified digits, as CTP and the exchanges number orders.
inline std::string numbered(long long number, std::size_t width) {
  std::string digits = std::to_string(number);
  if (digits.size() < width) digits.insert(0, width - digits.size(), ' ');
  return digits;
}

}  // namespace tidewire::ctp_sim
