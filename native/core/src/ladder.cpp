#include "tidewire/ladder.hpp"

#include <algorithm>
#include <new>

namespace tidewire {
namespace {

// After a move the best level sits here: room for it to rise before the next move, and more below for the depth behind
// it.
constexpr std::int64_t headroom = Ladder::window / 4;
// The window follows a falling best price when it has come this close to the bottom.
constexpr std::int64_t footroom = Ladder::window / 4;

template <class T>
T* zeroed(std::size_t count) {
  void* p = std::calloc(count, sizeof(T));  // not a vector: untouched pages stay the system's zero page
  if (p == nullptr) throw std::bad_alloc();
  return static_cast<T*>(p);
}

}  // namespace

Ladder::Ladder() : slots_(zeroed<std::int64_t>(window)), words_(zeroed<std::uint64_t>(window / 64)) {}

std::int64_t Ladder::worst() const {
  if (!far_.empty()) return far_.lowest().key;
  std::int64_t key = base_;
  while (words_[word_of(key)] == 0) key += 64;
  return key + std::countr_zero(words_[word_of(key)]);
}

std::int64_t Ladder::lots_at(std::int64_t key) const {
  if (key >= base_) return key < base_ + window ? slots_[slot(key)] : 0;
  return far_.lots_at(key);
}

void Ladder::set_outside(std::int64_t key, std::int64_t lots) {
  if (empty() || key >= base_ + window) {
    if (lots == 0) return;
    move_window(key);
    set(key, lots);
    return;
  }
  far_.set(key, lots);
}

// The level at or above the best one has just been set.
void Ladder::set_best(std::int64_t key, std::int64_t lots) {
  if (lots != 0) {
    best_ = key;
  } else if (key > best_) {
    return;  // there was none
  } else if (near_ != 0) {
    std::int64_t block = floor64(best_);
    while (words_[word_of(block)] == 0) block -= 64;
    best_ = block + std::bit_width(words_[word_of(block)]) - 1;
    if (best_ < base_ + footroom) move_window(best_);
  } else if (!far_.empty()) {
    move_window(far_.highest().key);
  } else {
    best_ = base_ - 1;
  }
}

// Places the window for a best level at `key`, which is at or above every level held.
void Ladder::move_window(std::int64_t key) {
  const std::int64_t base = floor64(key + headroom) - window + 64;
  if (base > base_) evict_below(base);
  base_ = base;
  if (near_ == 0) best_ = base - 1;
  refill();
}

// Moves every level in [base_, base) to the far end of the array.
void Ladder::evict_below(std::int64_t base) {
  const std::int64_t end = std::min(base, base_ + window);
  for (std::int64_t key = base_; key < end && near_ != 0; key += 64) {
    std::uint64_t& word = words_[word_of(key)];
    for (; word != 0; word &= word - 1) {
      const std::int64_t found = key + std::countr_zero(word);
      far_.append({found, slots_[slot(found)]});
      slots_[slot(found)] = 0;
      --near_;
    }
  }
}

// Pops what the window covers off the array.
void Ladder::refill() {
  for (; !far_.empty() && far_.highest().key >= base_; far_.pop_highest()) set(far_.highest().key, far_.highest().lots);
}

void Ladder::load(std::vector<Level>& levels) {
  const auto ascending = [](const Level& a, const Level& b) { return a.key < b.key; };
  const auto descending = [](const Level& a, const Level& b) { return a.key > b.key; };
  clear();
  if (std::adjacent_find(levels.begin(), levels.end(), [&](auto& a, auto& b) { return !descending(a, b); }) ==
      levels.end()) {
    std::reverse(levels.begin(), levels.end());
  } else {
    std::stable_sort(levels.begin(), levels.end(), ascending);
  }
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const bool replaced = i + 1 < levels.size() && levels[i + 1].key == levels[i].key;
    if (!replaced && levels[i].lots != 0) far_.append(levels[i]);
  }
  if (!far_.empty()) move_window(far_.highest().key);
}

void Ladder::trim(std::size_t count) {
  if (size() <= count) return;
  std::size_t surplus = size() - count;
  const std::size_t outer = std::min(surplus, far_.size());
  far_.drop_lowest(outer);
  for (surplus -= outer; surplus > 0; --surplus) set(worst(), 0);
}

std::int64_t Ladder::most_ticks() const { return empty() ? 0 : std::max(std::abs(best_), std::abs(worst())); }

void Ladder::scale_ticks(std::int64_t factor) {
  std::vector<Level> levels;
  levels.reserve(size());
  visit([&](Level level) {
    levels.push_back({level.key * factor, level.lots});
    return true;
  });
  load(levels);
}

void Ladder::clear() {
  evict_below(base_ + window);
  far_.clear();
  best_ = base_ - 1;
}

}  // namespace tidewire
