// An order book kept from a venue's own messages. A message is read whole, then judged by its sequence numbers, then
// applied whole: what is malformed or does not follow leaves every level as it was.
//
// A price may be finer than the venue's tick, because orders outlive rules: Binance shows NKNUSDT at 0.25974 where the
// tick is 0.0001 (October 2021). The grid of prices is then refined, and the levels with it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidewire/book_layout.hpp"
#include "tidewire/book_message.hpp"
#include "tidewire/book_side.hpp"
#include "tidewire/message_shape.hpp"

namespace tidewire {

class Book {
 public:
  enum class State : std::uint8_t { syncing, live, stale };

  struct Counters {
    std::uint64_t updates = 0;    // deltas applied
    std::uint64_t skipped = 0;    // deltas that the book contained already
    std::uint64_t gaps = 0;       // deltas that did not follow
    std::uint64_t snapshots = 0;  // snapshots applied
  };

  explicit Book(const BookGrid& grid) : given_grid_(grid), grid_(grid) {}

  // Applies a delta, or a snapshot where the message calls itself one. Not ok:
  //   - Code::stale: the book contains it already; nothing changed.
  //   - Code::sequence_gap: a message is missing. The book is stale now, its levels as they were.
  //   - Code::no_snapshot: a delta while the book is not live; nothing changed.
  //   - Code::checksum: applied, but the book's CRC32 is not the message's. The book is stale now.
  //   - any other: malformed, with its offset; nothing changed.
  // After a gap or a wrong checksum, expected() and received() tell the numbers.
  // `layout` must outlive the book, or forget() be called before it goes.
  Status apply(const BookLayout& layout, Bytes text);

  // Replaces the book by a message of the layout's snapshot form. A side of `limit` levels (0: unlimited) was cut
  // there: beyond it nothing is known, and nothing is kept.
  Status apply_snapshot(const BookLayout& layout, Bytes text, std::size_t limit = 0);

  // Applies the first message of another connection that numbers alike, if the book has reached it: the deltas after it
  // then follow by the ordinary rule, even where the two connections cut the changes into messages differently. Not ok:
  //   - Code::stale: the book contains it already, and so is beyond that connection's beginning.
  //   - Code::sequence_gap: the book has not come so far yet; nothing changed.
  //   - Code::no_snapshot: the book is not live, or the venue does not number; nothing changed.
  //   - any other: malformed; nothing changed.
  Status splice(const BookLayout& layout, Bytes text);

  void copy(const Book& other);  // everything but counters

  // Signed CRC32 over the texts of the best levels as received, bid and ask in turn: "price:quantity" joined by ':'.
  // Nothing unless every message since the last snapshot came with a layout that has a checksum.
  std::optional<std::int32_t> checksum(const BookLayout& layout) const;

  void mark_stale() { state_ = state_ == State::live ? State::stale : state_; }
  void reset();   // empty and syncing, on the grid given; counters stay
  void forget();  // drops every trace of layouts

  State state() const { return state_; }
  const BookGrid& grid() const { return grid_; }
  const BookSide& bids() const { return bids_; }
  const BookSide& asks() const { return asks_; }  // keys are negated prices
  bool crossed() const {
    const Ladder &bids = bids_.ladder(), &asks = asks_.ladder();
    return !bids.empty() && !asks.empty() && bids.best().key >= -asks.best().key;
  }
  std::optional<std::int64_t> sequence() const { return sequence_; }
  std::optional<std::int64_t> time_ns() const { return time_ns_; }  // of the last message that had one, UTC
  std::int64_t expected() const { return expected_; }
  std::int64_t received() const { return received_; }
  const Counters& counters() const { return counters_; }

 private:
  Status read(MessageReader& reader, const BookLayout& layout, const Place& root, Bytes text);
  bool refine_ticks(const Decimal& price);
  struct Verdict {  // ok, stale, or sequence_gap with the numbers
    Code code = Code::ok;
    std::int64_t expected = 0;
    std::int64_t received = 0;
  };

  Status replace(const BookLayout& layout, std::size_t limit);
  Status merge(const BookLayout& layout);
  Status apply_changes(const BookLayout& layout);
  Verdict judge(const BookLayout& layout, bool fresh) const;
  void note_numbers(const BookLayout& layout);
  Status verify(const BookLayout& layout);
  void trim(std::size_t depth);
  void use(const BookLayout& layout);

  BookGrid given_grid_, grid_;
  BookSide bids_, asks_;
  State state_ = State::syncing;
  bool fresh_ = false;  // no delta has been applied since the snapshot
  std::optional<std::int64_t> sequence_;
  std::optional<std::int64_t> time_ns_;
  std::int64_t expected_ = 0, received_ = 0;
  Counters counters_;
  bool has_texts_ = false;  // of every level, for the checksum
  BookMessage message_;
  const BookLayout* layout_ = nullptr;  // that the readers' shapes belong to
  MessageReader deltas_, snapshots_;
};

// The best `count` levels of each side, best first, bids before asks: 2 * count pairs of price and quantity.
void write_values(const Book& book, std::size_t count, double* out);  // absent levels: NaN
// In ticks and lots; absent levels: 0. False when one of them is an odd lot.
bool write_ticks(const Book& book, std::size_t count, std::int64_t* out);
// Up to `count` levels of one side as text: price and quantity.
using LevelTexts = std::vector<std::pair<std::string, std::string>>;
LevelTexts level_texts(const Book& book, bool bids, std::size_t count);

}  // namespace tidewire
