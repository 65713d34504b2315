// One message about a book, parsed: levels on their grids and sequence numbers. Its vectors are reused from message to
// message.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tidewire/book_layout.hpp"
#include "tidewire/book_side.hpp"
#include "tidewire/grid.hpp"
#include "tidewire/status.hpp"

namespace tidewire {

struct BookMessage {
  SideChanges bids, asks;
  std::int64_t first = 0, last = 0, previous = 0, checksum = 0, time = 0;
  std::uint32_t found = 0;          // bit per Field
  bool snapshot = false;            // what the message calls itself; false when the layout names no kind
  std::optional<Decimal> off_tick;  // the price that failed with Code::off_grid

  static constexpr std::uint32_t bit(Field field) { return std::uint32_t{1} << static_cast<unsigned>(field); }
  bool has(Field field) const { return (found & bit(field)) != 0; }

  // Where the sequence number, checksum or time called `field` is kept.
  std::int64_t& number(Field field) {
    switch (field) {
      case Field::first: return first;
      case Field::previous: return previous;
      case Field::checksum: return checksum;
      case Field::time: return time;
      default: return last;
    }
  }

  void clear() {
    bids.clear();
    asks.clear();
    found = 0;
    snapshot = false;
    off_tick.reset();
  }
};

// One level while it is being read.
struct LevelDraft {
  std::int64_t ticks = 0;
  std::int64_t lots = 0;
  bool bid = false;
  Bytes odd_quantity;  // when lots == odd_lot
  SideChanges::Texts texts;

  void add_to(BookMessage& message, bool with_texts) const {
    SideChanges& side = bid ? message.bids : message.asks;
    const std::int64_t key = bid ? ticks : -ticks;
    side.levels.push_back({key, lots});
    if (lots == odd_lot) [[unlikely]]
      side.odd_lots.push_back({key, odd_quantity});
    if (with_texts) side.texts.push_back(texts);
  }
};

// Puts a quantity on its grid, or marks it as an odd lot. Code::out_of_range: negative, or too large.
Code take_quantity(const Grid& grid, const Decimal& number, LevelDraft& draft);

// A part that varies among messages of one shape, between texts that do not. Offsets into the message, quotes left out.
struct Hole {
  enum class Kind : std::uint8_t { text, integer, iso_time, price, quantity, side, levels };
  Kind kind;
  Field field;  // what is read into the message; none: nothing
  std::size_t begin;
  std::size_t end;
};

// What a scan met where: enough to recognise the next message of the same shape.
struct Trace {
  std::vector<Hole> holes;  // of the message; an array of levels is one hole

  // The first array that has levels.
  std::vector<Hole> level_holes;  // of its first level
  std::size_t array_begin = 0, array_end = 0;
  std::size_t level_begin = 0, level_end = 0;  // its first level
  std::size_t second_begin = 0;                // its second level; 0: it has only one
  std::size_t last_end = 0;                    // its last level

  void clear();
};

// Reads a message by walking its JSON: any order, white space and unknown members. On failure `out` holds nothing of
// use.
Status scan_message(const BookLayout& layout, const Place& root, const BookGrid& grid, Bytes text, BookMessage& out,
                    Trace& trace);

}  // namespace tidewire
