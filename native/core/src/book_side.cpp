#include "tidewire/book_side.hpp"

#include <cstdlib>
#include <utility>

#include "tidewire/number.hpp"

namespace tidewire {

void BookSide::load(SideChanges& changes, std::size_t limit) {
  odd_lots_.clear();
  live_odd_lots_ = changes.odd_lots.size();
  texts_.clear();
  keep(changes);
  ladder_.load(changes.levels);
  known_.reset();
  cut_ = limit != 0 && ladder_.size() >= limit;
  if (!ladder_.empty() && (cut_ || limit == 0)) known_ = ladder_.worst();
}

void BookSide::copy(const BookSide& other) {
  std::vector<Level> levels;
  levels.reserve(other.ladder_.size());
  other.ladder_.visit([&](const Level& level) {
    levels.push_back(level);
    return true;
  });
  ladder_.load(levels);
  odd_lots_ = other.odd_lots_;
  live_odd_lots_ = other.live_odd_lots_;
  texts_ = other.texts_;
  known_ = other.known_;
  cut_ = other.cut_;
}

void BookSide::merge(const SideChanges& changes) {
  if (cut_ && known_) {
    const std::int64_t worst = *known_;
    for (const Level& level : changes.levels) {
      if (level.key >= worst) ladder_.set(level.key, level.lots);
    }
  } else {
    for (const Level& level : changes.levels) ladder_.set(level.key, level.lots);
  }
  keep(changes);
  if (odd_lots_.size() > 2 * live_odd_lots_ + 64) {  // seldom enough to cost nothing
    std::erase_if(odd_lots_, [&](const auto& entry) { return ladder_.lots_at(entry.first) != odd_lot; });
    live_odd_lots_ = odd_lots_.size();
  }
}

// Takes over what the ladder cannot hold.
void BookSide::keep(const SideChanges& changes) {
  for (const auto& [key, quantity] : changes.odd_lots) odd_lots_[key].assign(quantity.data(), quantity.size());
  for (std::size_t i = 0; i < changes.texts.size(); ++i) {
    const auto& [price, quantity] = changes.texts[i];
    if (changes.levels[i].lots == 0) {
      texts_.erase(changes.levels[i].key);
      continue;
    }
    std::string& text = texts_[changes.levels[i].key];
    text.assign(price.data(), price.size());
    text += ':';
    text.append(quantity.data(), quantity.size());
  }
}

void BookSide::trim(std::size_t depth) {
  if (ladder_.size() <= depth) return;
  ladder_.trim(depth);
  const auto fell_out = [&](const auto& entry) { return ladder_.empty() || entry.first < ladder_.worst(); };
  std::erase_if(odd_lots_, fell_out);
  std::erase_if(texts_, fell_out);
}

void BookSide::clear() {
  ladder_.clear();
  odd_lots_.clear();
  texts_.clear();
  known_.reset();
  cut_ = false;
}

bool BookSide::scalable(std::int64_t factor) const {
  return ladder_.most_ticks() <= Grid::limit / factor && std::abs(known_.value_or(0)) <= Grid::limit / factor;
}

void BookSide::scale_ticks(std::int64_t factor) {
  if (known_) *known_ *= factor;
  ladder_.scale_ticks(factor);
  const auto rekey = [&](ByKey& map) {
    ByKey moved;
    for (auto& [key, text] : map) moved.emplace(key * factor, std::move(text));
    map = std::move(moved);
  };
  rekey(odd_lots_);
  rekey(texts_);
}

std::string BookSide::quantity_text(const Grid& grid, const Level& level) const {
  return level.lots == odd_lot ? odd_lots_.at(level.key) : grid.text(level.lots);
}

double BookSide::odd_value(std::int64_t key) const {
  const std::string& text = odd_lots_.at(key);
  Decimal number;
  read_whole_decimal({text.data(), text.size()}, number);
  return to_double(number);
}

}  // namespace tidewire
