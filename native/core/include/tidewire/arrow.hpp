// Columns in memory as an Arrow C stream of one record batch, without copying and without the Arrow library.
// See: https://arrow.apache.org/docs/format/CStreamInterface.html
#pragma once
#include <cstdint>
#include <vector>

// The ABI, as the Arrow specification asks every producer to declare it.
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema*);
  int (*get_next)(ArrowArrayStream*, ArrowArray*);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

#endif

namespace tidewire {

inline constexpr std::int64_t arrow_flag_nullable = 2;  // ARROW_FLAG_NULLABLE of the specification

struct ArrowColumn {
  const char* name;
  const char* format;  // such as "g" for float64
  const void* data;
  const void* validity;  // a bit a row, least significant first, or null when every row is valid
  std::int64_t null_count;
  bool nullable;
};

// Fill `out` with a stream over the columns' own memory. `owner` keeps it and the texts alive: drop(owner) is called
// once, from whatever thread releases the last array, when nobody can reach the columns any more. Throws
// std::bad_alloc, in which case owner has been dropped.
void export_arrow_stream(const std::vector<ArrowColumn>& columns, std::int64_t rows, void* owner, void (*drop)(void*),
                         ArrowArrayStream* out);

}  // namespace tidewire
