// One side of a book: quantity by price level, the best level at hand. No level is ever dropped unless asked for.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "tidewire/deep_levels.hpp"

namespace tidewire {

// Levels near the best price live in a circular window that is indexed by price; all worse ones in DeepLevels. The
// window always holds the best level. It moves when the market does: what falls out of its bottom is appended to the
// deep levels, and what it uncovers is popped off them, so that neither costs a search. Keys must lie within
// +-Grid::limit.
class Ladder {
 public:
  // A power of two. In the Binance recording of August 2024 (BTC-USDT, tick 0.01) nine changes in ten fall into so wide
  // a window, and eight into half of it. The pages of slots that are never used take no memory.
  static constexpr std::int64_t window = 32768;

  Ladder();

  bool empty() const { return near_ == 0; }
  std::size_t size() const { return near_ + far_.size(); }
  Level best() const { return {best_, slots_[slot(best_)]}; }  // only when not empty
  std::int64_t worst() const;                                  // key; only when not empty
  std::int64_t lots_at(std::int64_t key) const;                // 0: no such level

  // Sets the quantity of a level; 0 removes it, also where there is none.
  void set(std::int64_t key, std::int64_t lots) {
    // Unsigned, so that a key below the base wraps to a large distance.
    const std::uint64_t above_base = static_cast<std::uint64_t>(key) - static_cast<std::uint64_t>(base_);
    if (above_base >= static_cast<std::uint64_t>(window)) [[unlikely]]
      return set_outside(key, lots);
    std::int64_t& held = slots_[slot(key)];
    near_ += static_cast<std::size_t>(lots != 0) - static_cast<std::size_t>(held != 0);
    held = lots;
    std::uint64_t& word = words_[word_of(key)];
    word = (word & ~(std::uint64_t{1} << (key & 63))) | std::uint64_t{lots != 0} << (key & 63);
    if (key >= best_) [[unlikely]]
      set_best(key, lots);
  }

  // Replaces everything. Sorts `levels` in place unless it is sorted either way; of equal keys the last counts, zero
  // lots are left out.
  void load(std::vector<Level>& levels);

  // Keeps the `count` best levels.
  void trim(std::size_t count);

  void clear();

  std::int64_t most_ticks() const;        // the largest price; 0 when empty
  void scale_ticks(std::int64_t factor);  // multiplies every price; the caller knows that none overflows

  // Steps from the best level downwards. Any change of the ladder ends its use.
  class Cursor {
   public:
    explicit Cursor(const Ladder& ladder)
        : ladder_(&ladder), key_(ladder.best_), left_(ladder.near_), far_(ladder.far_) {
      if (left_ != 0) word_ = ladder.words_[word_of(key_)];
    }
    bool done() const { return left_ == 0 && far_.done(); }
    Level level() const {  // only until done
      return left_ != 0 ? near() : far_.level();
    }
    void next() { left_ != 0 ? next_near() : far_.next(); }

   private:
    friend class Ladder;

    Level near() const { return {key_, ladder_->slots_[slot(key_)]}; }
    void next_near() {
      if (--left_ == 0) return;
      word_ &= ~(std::uint64_t{1} << (key_ & 63));
      while (word_ == 0) word_ = ladder_->words_[word_of(key_ -= 64)];
      key_ = floor64(key_) + std::bit_width(word_) - 1;
    }

    const Ladder* ladder_;
    std::int64_t key_;
    std::uint64_t word_ = 0;  // the levels from this one to the end of its block
    std::size_t left_;        // in the window
    DeepLevels::Cursor far_;
  };

  // Calls visit(Level) from the best level downwards until it returns false.
  template <class Visit>
  void visit(Visit&& visit) const {
    Cursor at(*this);
    for (; at.left_ != 0; at.next_near()) {
      if (!visit(at.near())) return;
    }
    for (; !at.far_.done(); at.far_.next()) {
      if (!visit(at.far_.level())) return;
    }
  }

 private:
  static constexpr std::size_t slot(std::int64_t key) { return static_cast<std::size_t>(key & (window - 1)); }
  static constexpr std::size_t word_of(std::int64_t key) { return static_cast<std::size_t>((key & (window - 1)) >> 6); }
  static constexpr std::int64_t floor64(std::int64_t key) { return key & ~std::int64_t{63}; }

  void set_outside(std::int64_t key, std::int64_t lots);
  void set_best(std::int64_t key, std::int64_t lots);
  void move_window(std::int64_t key);
  void evict_below(std::int64_t base);
  void refill();

  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  template <class T>
  using Array = std::unique_ptr<T[], Free>;

  Array<std::int64_t> slots_;   // lots of every key in [base_, base_ + window); 0 where there is no level
  Array<std::uint64_t> words_;  // one bit per slot: is there a level
  DeepLevels far_;              // every key below base_; empty whenever the window is
  std::int64_t base_ = 0;       // a multiple of 64
  std::int64_t best_ = -1;      // below base_ when empty
  std::size_t near_ = 0;        // levels in the window
};

}  // namespace tidewire
