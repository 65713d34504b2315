// An order book kept from a venue's own messages. A message is read whole, then judged by its sequence numbers, then
// applied whole: what is malformed or does not follow leaves every level as it was.
//
// A price or quantity may be finer than the venue's rules, because orders outlive them: Binance shows 25.42618900 BTC
// at 200000.00 where the lot is 0.00001 (August 2024), and NKNUSDT at 0.25974 where the tick is 0.0001 (October 2021).
// The grid is then refined, and the levels with it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tidewire/book_layout.hpp"
#include "tidewire/book_message.hpp"
#include "tidewire/ladder.hpp"
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

  // Applies a delta, or a snapshot where the message calls itself one.
  //   Code::stale         the book contains it already; nothing changed
  //   Code::sequence_gap  a message is missing: the book is stale now, its levels as they were; expected() and
  //   received() tell Code::no_snapshot   a delta while the book is not live Code::checksum      applied, but the
  //   book's CRC32 is not the message's: the book is stale now any other           malformed, with its offset; nothing
  //   changed
  // `layout` must outlive the book, or forget() be called before it goes.
  Status apply(const BookLayout& layout, Bytes text);

  // Replaces the book by a message of the layout's snapshot form.
  Status apply_snapshot(const BookLayout& layout, Bytes text);

  // Signed CRC32 over the texts of the best levels as received, bid and ask in turn: "price:quantity" joined by ':'.
  // Nothing unless every message since the last snapshot came with a layout that has a checksum.
  std::optional<std::int32_t> checksum(const BookLayout& layout) const;

  void mark_stale() { state_ = state_ == State::live ? State::stale : state_; }
  void reset();   // empty and syncing, on the grid given; counters stay
  void forget();  // drops every trace of layouts

  State state() const { return state_; }
  const BookGrid& grid() const { return grid_; }
  const Ladder& bids() const { return bids_; }
  const Ladder& asks() const { return asks_; }  // keys are negated prices
  bool crossed() const { return !bids_.empty() && !asks_.empty() && bids_.best().key >= -asks_.best().key; }
  std::optional<std::int64_t> sequence() const { return sequence_; }
  std::optional<std::int64_t> known_bid() const { return known_bid_; }  // worst prices of the last snapshot, in ticks
  std::optional<std::int64_t> known_ask() const { return known_ask_; }
  std::int64_t expected() const { return expected_; }
  std::int64_t received() const { return received_; }
  const Counters& counters() const { return counters_; }

 private:
  using Texts = std::unordered_map<std::int64_t, std::string>;

  Status read(MessageReader& reader, const BookLayout& layout, const Place& root, Bytes text);
  bool refine();
  bool refine_ticks(const Decimal& price);
  bool refine_lots(const Decimal& quantity);
  Status replace(const BookLayout& layout);
  Status merge(const BookLayout& layout);
  Code judge(const BookLayout& layout);
  Code gap(std::int64_t expected, std::int64_t received);
  Status verify(const BookLayout& layout);
  void keep_texts(const std::vector<Level>& levels, const std::vector<LevelText>& pieces, Texts& texts);
  void trim(std::size_t depth);
  void use(const BookLayout& layout);

  BookGrid given_grid_, grid_;
  Ladder bids_, asks_;
  State state_ = State::syncing;
  bool fresh_ = false;  // no delta has been applied since the snapshot
  std::optional<std::int64_t> sequence_, known_bid_, known_ask_;
  std::int64_t expected_ = 0, received_ = 0;
  Counters counters_;
  Texts bid_texts_, ask_texts_;
  bool has_texts_ = false;
  BookMessage message_;
  const BookLayout* layout_ = nullptr;  // that the readers' shapes belong to
  MessageReader deltas_, snapshots_;
};

// The best `count` levels of each side, best first, bids before asks: 2 * count pairs of price and quantity.
void write_values(const Book& book, std::size_t count, double* out);       // absent levels: NaN
void write_ticks(const Book& book, std::size_t count, std::int64_t* out);  // in ticks and lots; absent levels: 0
// Up to `count` levels of one side as the grid's canonical text.
std::vector<std::pair<std::string, std::string>> level_texts(const Book& book, bool bids, std::size_t count);

}  // namespace tidewire
