// How every decoder reports failure: a code and the byte offset it concerns. No exception crosses this boundary.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tidewire {

enum class Code : std::uint8_t {
  ok = 0,
  syntax,         // not JSON
  truncated,      // the text ends inside a value
  missing_field,  // JSON, but without something the layout needs
  wrong_type,     // the field is there with another type
  bad_number,     // not a decimal number
  out_of_range,   // a number that does not fit
  off_grid,       // a price or quantity that is no multiple of the tick or lot
  too_deep,       // nesting beyond the limit
  sequence_gap,   // an update is missing
  stale,          // an update that the book already contains
  no_snapshot,    // an update of a book that has no snapshot to build on
  checksum,       // the book differs from what the venue says it is
};

struct Status {
  Code code = Code::ok;
  std::size_t offset = 0;
  constexpr bool ok() const { return code == Code::ok; }
};

using Bytes = std::span<const char>;  // every pointer into input comes with its bound

}  // namespace tidewire
