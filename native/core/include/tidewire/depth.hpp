// The better part of one side of a book, copied out on scales that several books share.
#pragma once
#include <cstdint>
#include <vector>

#include "tidewire/book.hpp"
#include "tidewire/wide.hpp"

namespace tidewire {

// Whole lots in a level; of an odd lot what is whole of it, so that never more is counted than there is.
// False: it does not fit.
bool whole_lots(const BookSide& side, const Grid& quantity, const Level& level, std::int64_t& lots);

class Depth {
 public:
  struct Rung {
    std::int64_t ticks;
    std::int64_t price;  // ticks × scale
    std::int64_t units;
  };
  struct Fill {
    std::int64_t price;  // ticks × the step of their grid
    std::int64_t units;
  };
  // One side of a book, the scale of its prices and the units in one of its lots.
  struct Source {
    const Book* book;
    bool bids;
    std::int64_t scale;
    std::int64_t lot_units;
  };

  // Reads levels, best first, while their price is `useful`, and so many after that their units reach `extra`.
  // False: a number does not fit.
  template <class Useful>
  bool read(const Source& source, Wide extra, Useful&& useful) {
    bool fits = true;
    side_of(source).ladder().visit([&](const Level& level) {
      Rung rung{};
      if (!rung_of(source, level, rung)) return fits = false;
      if (rung.units == 0) return true;
      rungs_.push_back(rung);
      units_ += rung.units;
      if (useful(rung.price)) return true;
      extra -= rung.units;
      return extra > 0;
    });
    return fits;
  }

  const std::vector<Rung>& rungs() const { return rungs_; }
  Wide units() const { return units_; }                                            // of all
  std::int64_t worst() const { return rungs_.empty() ? 0 : rungs_.back().price; }  // scaled

  // What `quantity` comes to, taken from the best rung downwards; of what is beyond the last, nothing. It is counted in
  // 1 / finer of a unit. False: it does not fit.
  bool worth(Wide quantity, std::int64_t finer, Wide& out) const;

  // What so many units are taken from, at most units(); `step` is that of the book's prices.
  std::vector<Fill> fills(Wide units, std::int64_t step) const;

 private:
  static const BookSide& side_of(const Source& source) {
    return source.bids ? source.book->bids() : source.book->asks();
  }
  static bool rung_of(const Source& source, const Level& level, Rung& out);

  std::vector<Rung> rungs_;
  Wide units_ = 0;
};

// So many units, from the best on, are each bought for less than they are sold for.
Wide overlap(const Depth& bought, const Depth& sold);

// The largest number in [0, most] such that `rises` holds for it and for every positive one below it.
template <class Rises>
Wide largest(Wide most, Rises&& rises) {
  Wide low = 0;
  while (low < most) {
    const Wide middle = most - (most - low) / 2;
    if (rises(middle)) {
      low = middle;
    } else {
      most = middle - 1;
    }
  }
  return low;
}

}  // namespace tidewire
