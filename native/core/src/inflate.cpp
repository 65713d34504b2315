#include "tidewire/inflate.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "tidewire/crc32.hpp"

namespace tidewire {
namespace {

// RFC 1951, 3.2.5: bases and extra bits of lengths and distances.
constexpr std::array<std::uint16_t, 29> length_base{3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                                    31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr std::array<std::uint8_t, 29> length_extra{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                    2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
constexpr std::array<std::uint16_t, 30> distance_base{1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                                      33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                                      1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
constexpr std::array<std::uint8_t, 30> distance_extra{0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                                      6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};
// RFC 1951, 3.2.7: the order in which the lengths of the code for lengths come.
constexpr std::array<std::uint8_t, 19> length_order{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

constexpr unsigned end_of_block = 256;
constexpr std::ptrdiff_t longest_match = 258;

// RFC 1951, 3.2.6: the codes of blocks that bring none.
const HuffmanCode& fixed_literals() {
  static const HuffmanCode code = [] {
    std::array<std::uint8_t, 288> lengths{};
    for (std::size_t i = 0; i < lengths.size(); ++i) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    HuffmanCode made;
    made.build(lengths.data(), lengths.size());
    return made;
  }();
  return code;
}

const HuffmanCode& fixed_distances() {
  static const HuffmanCode code = [] {
    std::array<std::uint8_t, 30> lengths{};
    lengths.fill(5);
    HuffmanCode made;
    made.build(lengths.data(), lengths.size());
    return made;
  }();
  return code;
}

}  // namespace

bool HuffmanCode::build(const std::uint8_t* lengths, std::size_t count) {
  table_.fill(0);
  counts_.fill(0);
  for (std::size_t i = 0; i < count; ++i) ++counts_[lengths[i]];
  counts_[0] = 0;
  std::array<std::uint16_t, longest + 1> next{};   // place in symbols_
  std::array<std::uint32_t, longest + 2> codes{};  // the first code of each length
  int left = 1;
  for (unsigned length = 1; length <= longest; ++length) {
    left = left * 2 - counts_[length];
    if (left < 0) return false;  // more codes than that length has room for
    if (length < longest) next[length + 1] = static_cast<std::uint16_t>(next[length] + counts_[length]);
    codes[length + 1] = (codes[length] + counts_[length]) << 1;
  }
  for (std::size_t symbol = 0; symbol < count; ++symbol) {
    const unsigned length = lengths[symbol];
    if (length == 0) continue;
    symbols_[next[length]++] = static_cast<std::uint16_t>(symbol);
    const std::uint32_t code = codes[length]++;
    if (length > quick) continue;
    std::uint32_t reversed = 0;
    for (unsigned bit = 0; bit < length; ++bit) reversed |= ((code >> bit) & 1u) << (length - 1 - bit);
    const auto entry = static_cast<std::uint16_t>(symbol << 4 | length);
    for (std::uint32_t at = reversed; at < table_.size(); at += 1u << length) table_[at] = entry;
  }
  return true;
}

unsigned HuffmanCode::decode_long(std::uint32_t bits, unsigned& used) const {
  std::uint32_t code = 0, first = 0, index = 0;
  for (unsigned length = 1; length <= longest; ++length) {
    code |= bits & 1u;
    bits >>= 1;
    const std::uint32_t count = counts_[length];
    if (code < first + count) {
      used = length;
      return symbols_[index + (code - first)];
    }
    index += count;
    first = (first + count) << 1;
    code <<= 1;
  }
  return none;
}

// Reads bits, lowest first. Beyond the end it reads zeros, and `overrun` tells.
class Inflater::Bits {
 public:
  explicit Bits(Bytes text) : p_(text.data()), end_(text.data() + text.size()), begin_(text.data()) {}

  std::uint32_t peek() {  // at least 32 bits
    if constexpr (std::endian::native == std::endian::little) {
      if (end_ - p_ >= 8) [[likely]] {
        std::uint64_t next;
        std::memcpy(&next, p_, 8);
        word_ |= next << held_;  // bits beyond the whole bytes that count are read again, alike
        p_ += (63 - held_) >> 3;
        held_ |= 56;
        return static_cast<std::uint32_t>(word_);
      }
    }
    while (held_ <= 56 - 8 && p_ != end_) {
      word_ |= static_cast<std::uint64_t>(static_cast<unsigned char>(*p_++)) << held_;
      held_ += 8;
    }
    return static_cast<std::uint32_t>(word_);
  }
  void drop(unsigned count) {
    if (count > held_) {
      overrun_ = true;
      count = held_;
    }
    word_ >>= count;
    held_ -= count;
  }
  std::uint32_t take(unsigned count) {  // at most 16
    const std::uint32_t value = peek() & ((1u << count) - 1);
    drop(count);
    return value;
  }
  std::uint32_t take32() {
    const std::uint32_t low = take(16);
    return low | take(16) << 16;
  }
  void align() { drop(held_ & 7u); }
  // Whole bytes as they stand. Aligned only; nullptr when there are not so many.
  const char* bytes(std::size_t count) {
    p_ -= held_ / 8;
    word_ = 0;
    held_ = 0;
    if (static_cast<std::size_t>(end_ - p_) < count) {
      overrun_ = true;
      return nullptr;
    }
    p_ += count;
    return p_ - count;
  }
  bool overrun() const { return overrun_; }
  bool at_end() const { return p_ == end_ && held_ < 8; }
  std::size_t offset() const { return static_cast<std::size_t>(p_ - begin_) - held_ / 8; }

 private:
  const char* p_;
  const char* end_;
  const char* begin_;
  std::uint64_t word_ = 0;
  unsigned held_ = 0;
  bool overrun_ = false;
};

Status Inflater::inflate(Bytes frame, Bytes& text) {
  Bits bits(frame);
  size_ = 0;
  do {
    Code code = member(bits);
    if (code == Code::ok && bits.overrun()) code = Code::truncated;
    if (code != Code::ok) return {code, bits.offset()};
  } while (!bits.at_end());
  text = {out_.data(), size_};
  return {};
}

// RFC 1952: header, blocks, CRC32 and length.
Code Inflater::member(Bits& bits) {
  const std::uint32_t magic = bits.take(16), method = bits.take(8), flags = bits.take(8);
  if (bits.overrun()) return Code::truncated;
  if (magic != 0x8B1F || method != 8 || (flags & 0xE0) != 0) return Code::syntax;
  bits.take32();  // time
  bits.take(16);  // level and system
  if ((flags & 4) != 0 && bits.bytes(bits.take(16)) == nullptr) return Code::truncated;
  for (const std::uint32_t text : {8u, 16u}) {  // name, comment
    while ((flags & text) != 0 && bits.take(8) != 0) {
    }
    if (bits.overrun()) return Code::truncated;
  }
  if ((flags & 2) != 0) bits.take(16);
  begin_ = size_;
  for (bool last = false; !last;) {
    last = bits.take(1) != 0;
    const std::uint32_t kind = bits.take(2);
    Code code = kind == 0 ? stored(bits) : kind == 3 ? Code::syntax : Code::ok;
    if (kind == 1) code = compressed(bits, fixed_literals(), fixed_distances());
    if (kind == 2) code = read_codes(bits);
    if (kind == 2 && code == Code::ok) code = compressed(bits, literals_, distances_);
    if (bits.overrun()) return Code::truncated;
    if (code != Code::ok) return code;
  }
  bits.align();
  const std::uint32_t crc = bits.take32(), length = bits.take32();
  if (bits.overrun()) return Code::truncated;
  if (size_ > limit_) return Code::out_of_range;
  Crc32 own;
  own.add({out_.data() + begin_, size_ - begin_});
  return own.value() == crc && static_cast<std::uint32_t>(size_ - begin_) == length ? Code::ok : Code::checksum;
}

Code Inflater::stored(Bits& bits) {
  bits.align();
  const std::uint32_t length = bits.take(16), inverse = bits.take(16);
  if ((length ^ inverse) != 0xFFFF) return Code::syntax;
  const char* const text = bits.bytes(length);
  if (text == nullptr) return Code::truncated;
  if (!reserve(length)) return Code::out_of_range;
  if (length != 0) std::memcpy(out_.data() + size_, text, length);
  size_ += length;
  return Code::ok;
}

// RFC 1951, 3.2.7: the codes of a block, themselves coded.
Code Inflater::read_codes(Bits& bits) {
  const std::size_t literals = bits.take(5) + 257, distances = bits.take(5) + 1, count = bits.take(4) + 4;
  if (literals > 286 || distances > 30) return Code::syntax;
  std::array<std::uint8_t, 320> lengths{};
  for (std::size_t i = 0; i < count; ++i) lengths[length_order[i]] = static_cast<std::uint8_t>(bits.take(3));
  if (!lengths_.build(lengths.data(), 19)) return Code::syntax;
  lengths.fill(0);
  for (std::size_t i = 0; i < literals + distances;) {
    unsigned used = 0;
    const unsigned symbol = lengths_.decode(bits.peek(), used);
    bits.drop(used);
    if (symbol == HuffmanCode::none || bits.overrun()) return Code::syntax;
    if (symbol < 16) {
      lengths[i++] = static_cast<std::uint8_t>(symbol);
      continue;
    }
    if (symbol == 16 && i == 0) return Code::syntax;
    const std::uint8_t again = symbol == 16 ? lengths[i - 1] : std::uint8_t{0};
    const std::size_t times = symbol == 18 ? 11 + bits.take(7) : 3 + bits.take(symbol == 16 ? 2 : 3);
    if (i + times > literals + distances) return Code::syntax;
    std::fill_n(lengths.begin() + static_cast<std::ptrdiff_t>(i), times, again);
    i += times;
  }
  if (lengths[end_of_block] == 0) return Code::syntax;
  const bool sound =
      literals_.build(lengths.data(), literals) && distances_.build(lengths.data() + literals, distances);
  return sound ? Code::ok : Code::syntax;
}

Code Inflater::compressed(Bits& outer, const HuffmanCode& literals, const HuffmanCode& distances) {
  Bits bits = outer;  // what is local is kept in registers: a store of a char may change anything else
  char* out = out_.data() + size_;
  char* room = out_.data() + out_.size();
  const auto settle = [&](Code code) {
    outer = bits;
    size_ = static_cast<std::size_t>(out - out_.data());
    return code;
  };
  for (;;) {
    if (room - out < longest_match) [[unlikely]] {
      settle(Code::ok);
      if (!reserve(longest_match)) return Code::out_of_range;
      out = out_.data() + size_;
      room = out_.data() + out_.size();
    }
    const std::uint32_t ahead = bits.peek();
    unsigned used = 0;
    unsigned symbol = literals.decode(ahead, used);
    if (symbol < end_of_block) {  // mostly: a second literal then fits what has been read ahead
      bits.drop(used);
      *out++ = static_cast<char>(symbol);
      if (bits.overrun()) return settle(Code::truncated);
      symbol = literals.decode(ahead >> used, used);
      if (symbol < end_of_block) {
        bits.drop(used);
        *out++ = static_cast<char>(symbol);
        continue;
      }
    }
    bits.drop(used);
    if (symbol == end_of_block) return settle(Code::ok);
    if (symbol - 257 >= length_base.size()) return settle(bits.overrun() ? Code::truncated : Code::syntax);
    std::size_t length = length_base[symbol - 257] + bits.take(length_extra[symbol - 257]);
    const unsigned place = distances.decode(bits.peek(), used);
    bits.drop(used);
    if (place >= distance_base.size()) return settle(bits.overrun() ? Code::truncated : Code::syntax);
    const std::size_t distance = distance_base[place] + bits.take(distance_extra[place]);
    if (bits.overrun()) return settle(Code::truncated);
    if (distance > static_cast<std::size_t>(out - out_.data()) - begin_) return settle(Code::syntax);
    const char* from = out - distance;
    if (distance >= length) {
      std::memcpy(out, from, length);
      out += length;
    } else {  // they overlap
      for (; length != 0; --length) *out++ = *from++;
    }
  }
}
// Makes room for `more` bytes; false when the limit has been passed. The buffer doubles, and stays.
bool Inflater::reserve(std::size_t more) {
  if (size_ > limit_) return false;
  const std::size_t needed = size_ + more;
  if (needed > out_.size()) out_.resize(std::max(needed, std::min(std::max<std::size_t>(2 * needed, 16384), limit_)));
  return true;
}

}  // namespace tidewire
