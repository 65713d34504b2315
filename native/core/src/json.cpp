#include "tidewire/json.hpp"

#include <array>
#include <cstring>

namespace tidewire {
namespace {

// Value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// What "\x" stands for, for the eight one-letter escapes; '\0' for any other letter.
constexpr char escaped_letter(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
  }
}

// Length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), or 0.
std::size_t utf8_length(const char* at, const char* end) {
  const auto byte = [at](std::size_t i) { return static_cast<unsigned char>(at[i]); };
  const auto left = static_cast<std::size_t>(end - at);
  const auto within = [&](std::size_t i, unsigned low, unsigned high) {
    return i < left && byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return within(1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return within(1, low, high) && within(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return within(1, low, high) && within(2, 0x80, 0xBF) && within(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

// Four hexadecimal digits that read_string has already checked.
unsigned code_unit(const char* at) {
  unsigned value = 0;
  for (int i = 0; i < 4; ++i) value = value * 16 + static_cast<unsigned>(hex_value(at[i]));
  return value;
}

std::string_view encode_utf8(unsigned code_point, std::array<char, 4>& out) {
  const auto put = [&out](std::size_t i, unsigned value) {
    out[i] = static_cast<char>(static_cast<unsigned char>(value));
  };
  std::size_t length = 1;
  if (code_point < 0x80) {
    put(0, code_point);
  } else if (code_point < 0x800) {
    put(0, 0xC0 | code_point >> 6);
    length = 2;
  } else if (code_point < 0x10000) {
    put(0, 0xE0 | code_point >> 12);
    length = 3;
  } else {
    put(0, 0xF0 | code_point >> 18);
    length = 4;
  }
  for (std::size_t i = 1; i < length; ++i) put(i, 0x80 | (code_point >> 6 * (length - 1 - i) & 0x3F));
  return {out.data(), length};
}

// The bytes that the escape at `at` (a backslash, already checked) stands for; `at` moves past it.
std::string_view resolve_escape(const char*& at, const char* end, std::array<char, 4>& out) {
  if (at[1] != 'u') {
    out[0] = escaped_letter(at[1]);
    at += 2;
    return {out.data(), 1};
  }
  unsigned code_point = code_unit(at + 2);
  at += 6;
  const bool high = code_point >= 0xD800 && code_point <= 0xDBFF;
  if (high && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
    const unsigned low = code_unit(at + 2);
    if (low >= 0xDC00 && low <= 0xDFFF) {
      code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
      at += 6;
    }
  }
  return encode_utf8(code_point, out);
}

}  // namespace

bool JsonText::equals_unescaped(std::string_view value) const {
  const char* at = raw.data();
  const char* const end = at + raw.size();
  std::array<char, 4> buffer;
  while (at != end) {
    std::string_view piece(at, 1);
    if (*at == '\\') {
      piece = resolve_escape(at, end, buffer);
    } else {
      ++at;
    }
    if (!value.starts_with(piece)) return false;
    value.remove_prefix(piece.size());
  }
  return value.empty();
}

bool JsonReader::fail(Code code, std::size_t offset) {
  if (!ok()) return false;
  at_ = begin_ + offset;
  if (at_ == end_ && (code == Code::syntax || code == Code::wrong_type)) code = Code::truncated;
  code_ = code;
  end_ = at_;  // every later call sees the end of the text and fails without another test
  return false;
}

bool JsonReader::read_string(JsonText& out) {
  if (peek() != '"') return fail(Code::wrong_type);
  const char* p = at_ + 1;
  const char* const begin = p;
  out.escaped = false;
  const auto refuse = [this](const char* where) {
    return fail(where == end_ ? Code::truncated : Code::syntax, static_cast<std::size_t>(where - begin_));
  };
  for (;;) {
    if (p == end_) return refuse(p);
    const auto c = static_cast<unsigned char>(*p);
    if (c == '"') break;
    if (c == '\\') {
      out.escaped = true;
      if (++p == end_) return refuse(p);
      if (*p == 'u') {
        for (int i = 0; i < 4; ++i) {
          if (++p == end_ || hex_value(*p) < 0) return refuse(p);
        }
      } else if (escaped_letter(*p) == '\0') {
        return refuse(p);
      }
      ++p;
    } else if (c < 0x80) {
      if (c < 0x20) return refuse(p);
      ++p;
    } else {
      const std::size_t length = utf8_length(p, end_);
      if (length == 0) return refuse(p);
      p += length;
    }
  }
  out.raw = Bytes(begin, static_cast<std::size_t>(p - begin));
  at_ = p + 1;
  return true;
}

bool JsonReader::read_number(Decimal& out) {
  const char c = peek();
  if (c != '-' && (c < '0' || c > '9')) return fail(Code::wrong_type);
  const char* p = at_;
  const Code code = read_decimal(p, end_, out);
  if (code != Code::ok) return fail(code, static_cast<std::size_t>(p - begin_));
  at_ = p;
  return true;
}

bool JsonReader::read_quoted_or_bare_number(Decimal& out) {
  if (peek() != '"') return read_number(out);
  const char* p = at_ + 1;
  const Code code = read_decimal(p, end_, out);
  if (code != Code::ok) return fail(code, static_cast<std::size_t>(p - begin_));
  if (p == end_ || *p != '"')
    return fail(p == end_ ? Code::truncated : Code::bad_number, static_cast<std::size_t>(p - begin_));
  at_ = p + 1;
  return true;
}

bool JsonReader::read_literal(std::string_view word) {
  const auto left = static_cast<std::size_t>(end_ - at_);
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (i == left) return fail(Code::truncated, offset() + i);
    if (at_[i] != word[i]) return fail(Code::syntax, offset() + i);
  }
  at_ += word.size();
  return true;
}

bool JsonReader::read_bool(bool& out) {
  const char c = peek();
  if (c != 't' && c != 'f') return fail(Code::wrong_type);
  out = c == 't';
  return read_literal(out ? "true" : "false");
}

bool JsonReader::read_null() { return peek() == 'n' ? read_literal("null") : fail(Code::wrong_type); }

bool JsonReader::skip_value() {
  std::array<std::uint64_t, max_depth / 64> objects{};  // one bit per open container: set for an object
  const int outside = depth_;
  const auto is_object = [&] {
    const auto level = static_cast<std::size_t>(depth_ - 1);
    return (objects[level / 64] >> level % 64 & 1) != 0;
  };
  JsonText text;
  Decimal number;
  do {
    switch (peek()) {
      case '{':
      case '[': {
        const bool object = *at_ == '{';
        if (!enter(*at_)) return false;
        const auto level = static_cast<std::size_t>(depth_ - 1);
        objects[level / 64] = (objects[level / 64] & ~(std::uint64_t{1} << level % 64)) | std::uint64_t{object}
                                                                                              << level % 64;
        break;
      }
      case '"': read_string(text); break;
      case 't': read_literal("true"); break;
      case 'f': read_literal("false"); break;
      case 'n': read_literal("null"); break;
      case '-':
      case '0':
      case '1':
      case '2':
      case '3':
      case '4':
      case '5':
      case '6':
      case '7':
      case '8':
      case '9': read_number(number); break;
      default: return fail(Code::syntax);
    }
    while (ok() && depth_ > outside && !(is_object() ? next_member(text) : next_element())) {
    }
  } while (ok() && depth_ > outside);
  return ok();
}

}  // namespace tidewire
