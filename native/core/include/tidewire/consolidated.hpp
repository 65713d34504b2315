// One ladder a side out of several books of the same market.
//
// Every book's own deltas keep its levels in order where they are, so nothing is copied here and nothing is sorted:
// reading steps down the books' ladders side by side. A delta costs no more than its own book; a book that is not LIVE
// is out at the next reading, before it has said anything more.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tidewire/book.hpp"
#include "tidewire/ladder.hpp"

namespace tidewire {

// A price of any grid with a fee inside, in units that all grids share. No double, and no rounding: 62 bits of price,
// 28 of the fee and 60 of the ratio between two grids need 150.
struct ExactPrice {
  __int128 high = 0;      // of 2^64
  std::uint64_t low = 0;  // of 1

  friend auto operator<=>(const ExactPrice&, const ExactPrice&) = default;
};

// What makes a book's prices comparable with those of others.
struct PriceScale {
  static constexpr std::int64_t fee_unit = 100'000'000;

  std::int64_t step = 1;         // of the book's grid, in units of its last decimal
  std::int64_t kept = fee_unit;  // 1 without the fee for who sells, 1 and the fee for who buys; in 1e-8
  std::uint64_t to_common = 1;   // units of the finest grid's last decimal

  ExactPrice operator()(std::int64_t ticks) const {
    const __int128 net = static_cast<__int128>(ticks * step) * kept;
    const unsigned __int128 low = static_cast<unsigned __int128>(static_cast<std::uint64_t>(net)) * to_common;
    return {(net >> 64) * to_common + static_cast<__int128>(low >> 64), static_cast<std::uint64_t>(low)};
  }
};

class Consolidated {
 public:
  // What a taker pays at one venue, in 1e-8 of the price: less than all of it, either way.
  static bool is_fee(std::int64_t fee) { return fee > -PriceScale::fee_unit && fee < PriceScale::fee_unit; }

  // Adds a venue, without a book. Of equal prices, the venue added first is the better.
  void add();
  // Gives a venue a book, which must outlive the next reading, or none (nullptr).
  void place(std::size_t venue, const Book* book) { sources_[venue].book = book; }
  void charge(std::size_t venue, std::int64_t fee) { sources_[venue].fee = fee; }

  std::size_t size() const { return sources_.size(); }
  // Is it in the ladder? A single venue's crossed book is a mistake, never a market.
  bool includes(std::size_t venue) const {
    const Book* const book = sources_[venue].book;
    return book != nullptr && book->state() == Book::State::live && !book->crossed();
  }
  const Book& book(std::size_t venue) const { return *sources_[venue].book; }  // only where it is included

  bool crossed();  // best bid not below best ask, fees inside: normal among several venues

  // Calls visit(venue, level) from the best level of a side downwards until it returns false.
  template <class Visit>
  void visit(bool bids, Visit&& visit) {
    for (start(bids); !order_.empty(); step()) {
      const Head& head = heads_[order_.front()];
      if (!visit(head.venue, head.at.level())) return;
    }
  }

  double value(std::size_t venue, bool bids, std::int64_t key) const;  // of a price, its fee inside

 private:
  struct Source {
    const Book* book = nullptr;
    std::int64_t fee = 0;
  };
  struct Head {  // how far down one book's ladder the reading has come
    std::size_t venue;
    PriceScale scale;
    Ladder::Cursor at;
    ExactPrice key;  // higher is better on both sides
  };

  int finest() const;
  PriceScale scale(const Source& source, bool bids, int decimals) const;
  void start(bool bids);
  void step();
  void sink(std::size_t at);

  std::vector<Source> sources_;
  std::vector<Head> heads_;
  std::vector<std::size_t> order_;  // of heads, best first
};

struct ConsolidatedText {
  std::size_t venue;
  std::string price;  // the venue's own
  std::string quantity;
};

// The best `count` levels of each side, best first, bids before asks: 2 * count triples of price with the fee inside,
// quantity as shown, and venue. Absent levels: NaN.
void write_values(Consolidated& consolidated, std::size_t count, double* out);
// Up to `count` levels of one side as text.
std::vector<ConsolidatedText> level_texts(Consolidated& consolidated, bool bids, std::size_t count);

}  // namespace tidewire
