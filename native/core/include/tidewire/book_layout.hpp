// Where the parts of a venue's order book messages are, as a tree of keys. The parser knows layouts, never venues.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire {

// What stands at a place of a message.
enum class Field : std::uint8_t {
  none,      // only a way to others
  bids,      // array of bid levels; null or absent: none
  asks,      // array of ask levels
  changes,   // array of levels that name their side
  level,     // element of one of those
  price,     // of the level
  quantity,  // of the level; 0 removes it
  side,      // of the level: a word of `buy_words` or `sell_words`
  kind,      // snapshot or delta: one of the words for them
  first,     // sequence number of the first change that the message holds
  last,      // sequence number of the last one
  previous,  // sequence number of the message before
  checksum,  // CRC32 of the book after the message; 0: not given
  time,      // when the venue made the message
};

// When a delta continues the book whose last sequence number is `last`.
enum class Rule : std::uint8_t {
  none,       // always: the venue numbers nothing
  range,      // message.first <= last + 1; stale when message.last <= last
  chain,      // message.previous == last; see Book::judge for the first delta after a snapshot
  increment,  // message.last == last + 1; stale when it is lower
};

// A place in a message: an object's members or an array's elements, those that matter.
struct Place {
  static constexpr std::int32_t any = -1;  // every element of an array

  std::string key;         // of an object's member
  std::int32_t index = 0;  // of an array's element, or `any`
  Field field = Field::none;
  bool array = false;  // children are elements
  std::vector<Place> children;

  // Adds the place named by a path such as "data[0].bids[*][1]" below this one. False when the path is malformed,
  // disagrees with another one about what is an array, or names a place that has a field.
  bool add(std::string_view path, Field what);

  bool holds_levels() const { return field == Field::bids || field == Field::asks || field == Field::changes; }
};

struct BookLayout {
  Place delta;
  Place snapshot;  // of a separate message, such as the answer to a REST request
  Rule rule = Rule::none;
  bool resets = false;             // chain: the venue may lower its sequence numbers (OKX maintenance)
  std::size_t depth = 0;           // levels that the venue maintains on each side; 0: all
  std::int64_t time_unit = 0;      // nanoseconds in a unit of the time; 0: it is ISO-8601 text
  std::size_t checksum_depth = 0;  // best levels of each side that the venue's checksum covers; 0: it sends none
  std::vector<std::string> snapshot_words, delta_words, buy_words, sell_words;
};

}  // namespace tidewire
