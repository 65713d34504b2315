// Bars in files of fixed-size records: an unsigned 32-bit time in seconds, then 32-bit floats, little-endian, at
// offsets that a layout gives. Every record is judged while it is read; what fails is told, never repaired.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tidewire/status.hpp"

namespace tidewire {

struct DatLayout {
  std::size_t record;  // bytes
  // Where a record holds its fields, in bytes from its beginning; negative: it has none. Each needs four bytes.
  int open, high, low, close, volume, open_interest, settlement;
};

// Columns of at least `rows` items. Nothing for what the layout does not have.
struct DatColumns {
  std::int64_t* time;
  double *open, *high, *low, *close, *volume, *open_interest, *settlement;
};

// Counts the sound records of `body`: times rise, within 1990 and 2040, the four prices are positive and in order,
// volume and open interest are whole and not negative.
std::size_t count_sound(Bytes body, const DatLayout& layout);

// Writes records from the first on, until one is not sound or the body ends; returns how many. Prices are rounded to
// the multiple of `tick` (in units of 10^-decimals) that they were, or kept as they are when it is 0; a record with a
// price that was none is not sound either.
std::size_t read_dat(Bytes body, const DatLayout& layout, std::int64_t tick, int decimals, const DatColumns& out);

}  // namespace tidewire
