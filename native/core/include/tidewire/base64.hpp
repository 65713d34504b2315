// Base64 (RFC 4648, section 4: the standard alphabet with padding).
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "tidewire/status.hpp"

namespace tidewire {

constexpr std::size_t base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

// Writes base64_size(bytes.size()) characters, no terminator.
void base64_encode(std::span<const std::uint8_t> bytes, char* text) noexcept;

// Strict: whole groups of four, no white space, padding only at the end, unused bits zero: every byte string has one
// text. Writes at most text.size() / 4 * 3 bytes to `out` and the count to `size`; on failure the offset is the first
// bad character.
Status base64_decode(Bytes text, std::uint8_t* out, std::size_t& size) noexcept;

}  // namespace tidewire
