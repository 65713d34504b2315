// A strict RFC 8259 pull reader over bytes that somebody else owns: no allocation, no recursion, no read past the end.
//
//   JsonReader json(body);
//   JsonText key;
//   json.enter_object();
//   while (json.next_member(key)) {            // positioned at the member's value
//     if (key == "bids") {
//       json.enter_array();
//       while (json.next_element()) { json.read_number(price) ... }
//     } else {
//       json.skip_value();                     // every value must be consumed: read it, enter it, or skip it
//     }
//   }
//   if (!json.finish()) return json.status();  // nothing but white space may follow; reports the first error met
//
// Errors stick: after one, every call returns false and changes nothing, so a whole document can be read before asking
// status(). Strings are checked to be UTF-8 and are given raw; keys compare with their escapes resolved.
#pragma once
#include <cstddef>
#include <string_view>

#include "tidewire/number.hpp"
#include "tidewire/status.hpp"

namespace tidewire {

// A JSON string as written between its quotes.
struct JsonText {
  Bytes raw;
  bool escaped = false;  // raw contains backslashes

  bool operator==(std::string_view value) const {  // `value` is UTF-8
    return escaped ? equals_unescaped(value) : std::string_view(raw.data(), raw.size()) == value;
  }

 private:
  bool equals_unescaped(std::string_view value) const;
};

class JsonReader {
 public:
  static constexpr int max_depth = 512;

  explicit JsonReader(Bytes text) : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  // Continue at `offset`, which must be where a value, comma or bracket of the same container stands.
  void seek(std::size_t offset) { at_ = begin_ + offset; }

  bool ok() const { return code_ == Code::ok; }
  Status status() const { return {code_, offset()}; }  // where the first error is
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }

  // First byte of what comes next, white space skipped; '\0' at the end. '"' starts a string, '-' and digits a number.
  char peek() {
    while (at_ != end_ && is_space(*at_)) ++at_;
    return at_ == end_ ? '\0' : *at_;
  }

  bool enter_array() { return enter('['); }  // Code::wrong_type unless an array stands here
  bool enter_object() { return enter('{'); }

  // True: an element's value comes next. False: the array was closed (or an error met).
  bool next_element() {
    const char c = peek();
    if (c == ']') return close();
    return advance_over_comma(c);
  }

  // True: `key` is set and the member's value comes next. False: the object was closed (or an error met).
  bool next_member(JsonText& key) {
    const char c = peek();
    if (c == '}') return close();
    if (!advance_over_comma(c)) return false;
    if (peek() != '"') return fail(Code::syntax);
    if (!read_string(key)) return false;
    if (peek() != ':') return fail(Code::syntax);
    ++at_;
    return true;
  }

  // Each reads one value of its kind, or fails with Code::wrong_type where another kind stands.
  bool read_string(JsonText& out);
  bool read_number(Decimal& out);
  bool read_quoted_or_bare_number(Decimal& out);  // 1.5 or "1.5"; no escapes inside the quotes
  bool read_bool(bool& out);
  bool read_null();
  bool skip_value();  // any kind, checked as strictly as if it were read

  // Record an error of the caller's own, here or at `offset`, as if the text were malformed. Always returns false.
  bool fail(Code code) { return fail(code, offset()); }
  bool fail(Code code, std::size_t offset);

  // True when the document was sound and only white space follows.
  bool finish() {
    peek();
    return (ok() && at_ == end_) || fail(Code::syntax);
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

  bool enter(char bracket) {
    if (peek() != bracket) return fail(Code::wrong_type);
    if (depth_ == max_depth) return fail(Code::too_deep);
    ++at_;
    ++depth_;
    fresh_ = true;
    return true;
  }

  bool close() {
    ++at_;
    --depth_;
    fresh_ = false;
    return false;
  }

  bool advance_over_comma(char c) {
    if (fresh_) {
      fresh_ = false;
      return at_ != end_ || fail(Code::truncated);
    }
    if (c != ',') return fail(Code::syntax);
    ++at_;
    const char next = peek();
    return (next != ']' && next != '}') || fail(Code::syntax);
  }

  bool read_literal(std::string_view word);

  const char* begin_;
  const char* at_;
  const char* end_;
  Code code_ = Code::ok;
  int depth_ = 0;
  bool fresh_ = false;  // just inside a bracket: no comma is due yet
};

}  // namespace tidewire
