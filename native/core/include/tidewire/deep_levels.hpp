// Price levels far from the best one: sorted, cheap to change anywhere, compact in memory.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidewire {

struct Level {
  std::int64_t key = 0;   // price in ticks, negated for asks, so that higher is better on both sides
  std::int64_t lots = 0;  // never 0 in a ladder
};

// A sorted sequence in blocks of at most `block_size` levels, each found by its lowest key: setting a level moves at
// most one block's worth of memory, however many levels there are. Venues change levels far from the market all the
// time.
class DeepLevels {
  using Block = std::vector<Level>;  // ascending, never empty

 public:
  static constexpr std::size_t block_size = 128;

  // Steps from the highest level downwards. Any change of the levels ends its use.
  class Cursor {
   public:
    explicit Cursor(const DeepLevels& levels)
        : block_(levels.blocks_.data() + levels.blocks_.size()), left_(levels.size_) {
      if (left_ != 0) in_block_ = (--block_)->size();
    }
    bool done() const { return left_ == 0; }
    const Level& level() const { return (*block_)[in_block_ - 1]; }  // only until done
    void next() {
      if (--left_ != 0 && --in_block_ == 0) in_block_ = (--block_)->size();
    }

   private:
    const Block* block_;
    std::size_t in_block_ = 0;  // this level and those below it
    std::size_t left_;
  };

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  const Level& lowest() const { return blocks_.front().front(); }  // only when not empty
  const Level& highest() const { return blocks_.back().back(); }   // only when not empty
  std::int64_t lots_at(std::int64_t key) const;                    // 0: no such level

  void set(std::int64_t key, std::int64_t lots);  // 0 lots remove the level, also where there is none
  void append(Level level);                       // above every level held
  void pop_highest();                             // only when not empty
  void drop_lowest(std::size_t count);            // at most size()
  void clear();

 private:
  std::size_t block_of(std::int64_t key) const;  // the last block that begins at or below key, or the first
  void split(std::size_t at);
  void remove_block(std::size_t at);

  std::vector<Block> blocks_;
  std::vector<std::int64_t> firsts_;  // lowest key of each block, side by side, so that a search stays in the cache
  std::size_t size_ = 0;
};

}  // namespace tidewire
