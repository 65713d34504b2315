// Inflating gzip frames (RFC 1951, RFC 1952) into a buffer that is used again and again.
//
// A frame is checked whole: its header, its blocks, its length and its CRC32. So a frame that was damaged on the way is
// never read as other numbers.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "tidewire/status.hpp"

namespace tidewire {

// A canonical Huffman code. Short codes are looked up at once, long ones by counting lengths.
class HuffmanCode {
 public:
  static constexpr unsigned longest = 15;  // bits
  static constexpr unsigned quick = 9;     // bits that are looked up at once
  static constexpr unsigned none = 0xFFFF;

  // Builds the code from each symbol's length in bits; 0: it does not occur. False when the lengths make no code.
  bool build(const std::uint8_t* lengths, std::size_t count);

  // The symbol that begins `bits` (first bit lowest), of which `used` are its own; `none` when there is no such code.
  unsigned decode(std::uint32_t bits, unsigned& used) const {
    const std::uint16_t entry = table_[bits & ((1u << quick) - 1)];
    if (entry != 0) [[likely]] {
      used = entry & 15u;
      return entry >> 4;
    }
    return decode_long(bits, used);
  }

 private:
  unsigned decode_long(std::uint32_t bits, unsigned& used) const;

  std::array<std::uint16_t, 1u << quick> table_{};   // symbol << 4 | length; 0: longer, or none
  std::array<std::uint16_t, longest + 1> counts_{};  // codes of each length
  std::array<std::uint16_t, 288> symbols_{};         // in order of code
};

class Inflater {
 public:
  // Frames that would inflate to more than `limit` bytes are refused.
  explicit Inflater(std::size_t limit) : limit_(limit) {}

  // Inflates a frame of one or more gzip members; `text` is valid until the next call. Not ok:
  //   - Code::syntax: not gzip.
  //   - Code::truncated: it ends too early.
  //   - Code::out_of_range: it would be larger than the limit.
  //   - Code::checksum: its CRC32 or its length is not what it says.
  Status inflate(Bytes frame, Bytes& text);

 private:
  class Bits;

  Code member(Bits& bits);
  Code stored(Bits& bits);
  Code read_codes(Bits& bits);
  Code compressed(Bits& outer, const HuffmanCode& literals, const HuffmanCode& distances);
  bool reserve(std::size_t more);

  std::size_t limit_;
  std::vector<char> out_;
  std::size_t size_ = 0;   // of what has been inflated
  std::size_t begin_ = 0;  // of the member, in it
  HuffmanCode literals_, distances_, lengths_;
};

}  // namespace tidewire
