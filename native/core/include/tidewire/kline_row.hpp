// The speculative part of the kline decoder: a row's fixed text, learnt from a row that the general scanner has read.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "tidewire/kline.hpp"
#include "tidewire/number.hpp"

namespace tidewire {

// Where the values of a row that the general scanner has read stand in the body.
struct RowTrace {
  static constexpr std::size_t max_values = 24;
  static constexpr int unused = -1;

  struct Value {
    std::size_t begin = 0;  // quotes included
    std::size_t end = 0;
    int field = unused;  // a KlineField
  };

  void record(std::size_t begin, std::size_t end, int field) {
    if (count < max_values) values[count] = {begin, end, field};
    ++count;
  }

  std::array<Value, max_values> values;
  std::size_t count = 0;
};

// Bytes that numbers are made of, and '/', which lies among them. Runs of these are what changes from row to row.
constexpr bool is_number_byte(char c) { return c >= '-' && c <= '9'; }

// Fixed text, padded for one 32-byte comparison.
struct FixedText {
  static constexpr std::size_t max_length = 32;

  bool append(const char* begin, const char* end);

  alignas(32) std::array<char, max_length> text{};
  alignas(32) std::array<char, max_length> mask{};  // 0xFF where text counts
  std::size_t length = 0;
};

enum class SlotKind : std::uint8_t { number, time, count, flag, unused_bare, unused_quoted };

// One number of the row and the fixed text up to the next one.
struct Slot {
  SlotKind kind = SlotKind::unused_bare;
  KlineField field{};
  FixedText gap;
};

class RowTemplate {
 public:
  // Learn from the row at [begin, end) of the body, whose successor starts at `next`. False, and not ready, when the
  // row's fixed text cannot be told from its numbers.
  bool learn(Bytes body, const RowTrace& trace, std::size_t begin, std::size_t end, std::size_t next);
  void forget() { count_ = 0; }
  bool ready() const { return count_ != 0; }

  const Slot* slots() const { return slots_.data(); }
  std::size_t count() const { return count_; }
  const FixedText& lead() const { return lead_; }  // from a row's closing bracket to the next row's first number
  std::size_t tail_length() const { return tail_length_; }  // from a row's last number to past its closing bracket
  // Fields that are no number in this row (null, true, absent): rows with the same fixed text have the same value.
  bool is_constant(KlineField field) const { return (numbers_ >> static_cast<unsigned>(field) & 1U) == 0; }

 private:
  bool add_numbers(Bytes body, const RowTrace& trace);

  struct Span {
    const char* begin;
    const char* end;
  };

  std::array<Slot, RowTrace::max_values> slots_;
  std::array<Span, RowTrace::max_values> spans_{};
  std::size_t count_ = 0;
  FixedText lead_;
  std::size_t tail_length_ = 0;
  unsigned numbers_ = 0;
};

// A stretch of body and the columns that its rows go to. Rows are read from `at`, which is just past a row's closing
// bracket.
struct FastInput {
  const char* begin;
  const char* end;
  const char* at;
  const RowTemplate* shape;
  KlineColumns* out;  // rows are written from out->rows on, which is not moved
  int time_power;     // 10^power nanoseconds a unit
};

struct FastRows {
  std::size_t count = 0;
  const char* end = nullptr;  // just past the last of them
};

// Store a number in its slot's column. False when the value does not fit: the general scanner then words the error.
bool store_number(const Slot& slot, const Decimal& number, int time_power, const KlineColumns& out, std::size_t row);

FastRows read_rows_portable(const FastInput& input);
FastRows read_rows_avx2(const FastInput& input);  // only where cpu().avx2

}  // namespace tidewire
