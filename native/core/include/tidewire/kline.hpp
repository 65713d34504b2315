// Kline bodies to columns, driven by a layout: which array column or object key holds which field.
//
//   std::size_t capacity = kline_row_bound(body, layout);
//   KlineColumns columns(block, capacity);                  // `block` holds kline_block_size(capacity) bytes
//   Status status = decode_klines(body, layout, columns);   // columns.rows rows, ascending unless columns.order says
//   otherwise
//
// Nothing is allocated. The general scanner accepts any JSON that has the fields: white space, any key order, unknown
// fields, quoted or bare numbers. After a row it learns that row's fixed text; as long as the next rows have the very
// same text between their numbers, they are read by the fast path, which checks every byte it relies on. Both give the
// same bits.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tidewire/status.hpp"

namespace tidewire {

enum class KlineField : std::uint8_t { open_time, open, high, low, close, volume, quote_volume, trades, closed };
inline constexpr std::size_t kline_fields = 9;

enum class TimeUnit : std::uint8_t { s, ms, us, ns, iso };

struct KlineLayout {
  std::vector<std::string> envelope;  // keys that lead to the array of rows; empty when the body is the array
  bool rows_are_objects = false;
  std::array<int, kline_fields> columns{};     // by field, for rows that are arrays; -1 where absent
  std::array<std::string, kline_fields> keys;  // by field, for rows that are objects; empty where absent
  TimeUnit time_unit = TimeUnit::ms;

  bool has(KlineField field) const {
    const auto i = static_cast<std::size_t>(field);
    return rows_are_objects ? !keys[i].empty() : columns[i] >= 0;
  }
};

enum class KlineOrder : std::uint8_t { ascending, unordered };

// Views of one block of memory, field after field, each `capacity` × 8 bytes. What a body does not say is NaN in
// quote_volume, -1 in trades. `closed` holds one byte a row, and is meaningless unless the layout has it.
struct KlineColumns {
  KlineColumns(std::byte* memory, std::size_t row_capacity) : block(memory), capacity(row_capacity) {}

  std::byte* column(KlineField field) const { return block + static_cast<std::size_t>(field) * capacity * 8; }
  std::int64_t* integers(KlineField field) const { return reinterpret_cast<std::int64_t*>(column(field)); }
  double* floats(KlineField field) const { return reinterpret_cast<double*>(column(field)); }
  std::uint8_t* flags(KlineField field) const { return reinterpret_cast<std::uint8_t*>(column(field)); }

  std::byte* block;
  std::size_t capacity;
  std::size_t rows = 0;
  std::size_t general_rows = 0;  // how many of them the general scanner had to read
  KlineOrder order = KlineOrder::ascending;
};

constexpr std::size_t kline_block_size(std::size_t capacity) { return capacity * kline_fields * 8; }

// At least the number of rows in the body, and never more than a small multiple of its length.
std::size_t kline_row_bound(Bytes body, const KlineLayout& layout);

enum class KlinePath : std::uint8_t {
  best,      // what this CPU can do
  portable,  // the fast path without SIMD
  general,   // the general scanner alone
};

// Rows that came newest first are turned round. KlineOrder::unordered tells that the rows were in neither order and are
// as sent.
Status decode_klines(Bytes body, const KlineLayout& layout, KlineColumns& out, KlinePath path = KlinePath::best);

}  // namespace tidewire
