// The bids or the asks of a book: the ladder, and what some levels carry beside their whole lots.
//
// A quantity need not be a whole number of lots, and no common finer step need fit 64 bits: HTX shows 0.575610404535042
// beside 1500 (April 2021), Binance 25.42618900 where the lot is 0.00001 (August 2024). Such a quantity is an odd lot:
// the ladder holds a mark, and its text is kept here.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tidewire/grid.hpp"
#include "tidewire/ladder.hpp"
#include "tidewire/status.hpp"

namespace tidewire {

inline constexpr std::int64_t odd_lot = -1;  // in place of lots

// What a message says about one side. Keys are prices in ticks, negated for asks.
struct SideChanges {
  struct OddLot {
    std::int64_t key;
    Bytes quantity;
  };
  struct Texts {  // of a level's numbers, as written
    Bytes price;
    Bytes quantity;
  };

  std::vector<Level> levels;
  std::vector<OddLot> odd_lots;
  std::vector<Texts> texts;  // one a level, only where the venue sends checksums

  void clear() {
    levels.clear();
    odd_lots.clear();
    texts.clear();
  }
};

// The grids that a book's prices and quantities lie on, and the one that its quantities are shown on: where messages
// count contracts, a lot of them is some other number of base units.
struct BookGrid {
  Grid price;
  Grid quantity;
  std::optional<Grid> shown;  // nothing: as they are read
};

class BookSide {
 public:
  const Ladder& ladder() const { return ladder_; }
  // Worst key of the last snapshot. Where `cut`, the snapshot ended there although the venue's book did not: worse
  // levels are not known, and not kept.
  std::optional<std::int64_t> known() const { return known_; }
  bool cut() const { return cut_; }
  bool spent() const { return cut_ && ladder_.empty(); }  // the venue has levels, and none of them is known

  // Replaces everything; sorts the changes. So many levels as `limit` are a cut side; 0: there is no telling.
  void load(SideChanges& changes, std::size_t limit);
  void copy(const BookSide& other);
  void merge(const SideChanges& changes);
  void trim(std::size_t depth);
  void clear();

  // Multiplies every price, if that leaves all within the grid's limit.
  bool scalable(std::int64_t factor) const;
  void scale_ticks(std::int64_t factor);

  std::string quantity_text(const Grid& grid, const Level& level) const;  // as in the messages
  // As shown. An odd lot's is rounded twice where messages count contracts.
  double quantity_value(const BookGrid& grid, const Level& level) const {
    const Grid& shown = grid.shown ? *grid.shown : grid.quantity;
    return level.lots == odd_lot ? odd_value(level.key) * (shown.value(1) / grid.quantity.value(1))
                                 : shown.value(level.lots);
  }
  // "price:quantity" as the venue wrote it; only for levels whose changes came with texts.
  const std::string& text(std::int64_t key) const { return texts_.at(key); }

 private:
  using ByKey = std::unordered_map<std::int64_t, std::string>;

  void keep(const SideChanges& changes);
  double odd_value(std::int64_t key) const;

  Ladder ladder_;
  ByKey odd_lots_;  // also of levels that have changed since; these are swept out now and then
  std::size_t live_odd_lots_ = 0;
  ByKey texts_;
  std::optional<std::int64_t> known_;
  bool cut_ = false;
};

}  // namespace tidewire
