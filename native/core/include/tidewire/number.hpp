// Decimal text to values, exactly. The text is read once into a Decimal; what it becomes is the caller's choice.
//
//   Decimal price;
//   const char* at = text.data();
//   if (read_decimal(at, text.data() + text.size(), price) != Code::ok) ...   // `at` is now past the number
//   double value = to_double(price);
//   std::int64_t cents;  Code code = to_int64(price, 2, cents);               // value × 10², or why not
#pragma once
#include <cstdint>

#include "tidewire/status.hpp"

namespace tidewire {

// ±digits × 10^exponent, and the text that said so, which must outlive the Decimal. An exact one with an exponent from
// -19 to 19 needs no text.
struct Decimal {
  std::uint64_t digits = 0;  // the first 19 significant digits
  std::int64_t exponent = 0;
  bool negative = false;
  bool exact = true;  // false: non-zero digits beyond the 19th are in `text` only
  Bytes text;
};

enum class Grammar : std::uint8_t {
  json,     // RFC 8259: no leading zeros, dots or plus signs, digits on both sides of a dot
  relaxed,  // also ".5", "5." and "007"
};

// Read the number at the front of [at, end) and move `at` past it: the longest prefix that is a number.
// Code::truncated when the text ends where a digit must follow, Code::bad_number when another byte stands there;
// `at` then points at that place.
Code read_decimal(const char*& at, const char* end, Decimal& out, Grammar grammar = Grammar::json);

// Read a text that is a number from its first byte to its last.
Status read_whole_decimal(Bytes text, Decimal& out, Grammar grammar = Grammar::json);

// The nearest float64, ties to even, as IEEE 754 asks; ±infinity beyond the range, ±0 below it.
double to_double(const Decimal& number);

// number × 10^power as an integer. Code::bad_number when a fraction remains, Code::out_of_range beyond int64.
Code to_int64(const Decimal& number, int power, std::int64_t& out);

}  // namespace tidewire
