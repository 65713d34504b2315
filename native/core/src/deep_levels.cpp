#include "tidewire/deep_levels.hpp"

namespace tidewire {
namespace {

// Index of the first level at or above key. Halves without a branch: where a far level lands is not predictable.
std::size_t lower_bound(const std::vector<Level>& block, std::int64_t key) {
  std::size_t first = 0;
  for (std::size_t count = block.size(); count > 0; count -= (count + 1) / 2) {
    const std::size_t half = (count + 1) / 2;
    first += block[first + half - 1].key < key ? half : 0;
  }
  return first;
}

}  // namespace

std::int64_t DeepLevels::lots_at(std::int64_t key) const {
  if (empty()) return 0;
  const Block& block = blocks_[block_of(key)];
  const std::size_t at = lower_bound(block, key);
  return at < block.size() && block[at].key == key ? block[at].lots : 0;
}

void DeepLevels::set(std::int64_t key, std::int64_t lots) {
  if (empty()) {
    if (lots != 0) append({key, lots});
    return;
  }
  const std::size_t index = block_of(key);
  Block& block = blocks_[index];
  const auto at = block.begin() + static_cast<std::ptrdiff_t>(lower_bound(block, key));
  const bool held = at != block.end() && at->key == key;
  if (held && lots != 0) {
    at->lots = lots;
  } else if (held) {
    block.erase(at);
    --size_;
    if (block.empty()) {
      remove_block(index);
    } else {
      firsts_[index] = block.front().key;
    }
  } else if (lots != 0) {
    block.insert(at, {key, lots});
    ++size_;
    firsts_[index] = block.front().key;
    if (block.size() > block_size) split(index);
  }
}

void DeepLevels::append(Level level) {
  if (blocks_.empty() || blocks_.back().size() == block_size) {
    blocks_.emplace_back().reserve(block_size + 1);
    firsts_.push_back(level.key);
  }
  blocks_.back().push_back(level);
  ++size_;
}

void DeepLevels::pop_highest() {
  blocks_.back().pop_back();
  --size_;
  if (blocks_.back().empty()) remove_block(blocks_.size() - 1);
}

void DeepLevels::drop_lowest(std::size_t count) {
  size_ -= count;
  std::size_t whole = 0;
  while (count > 0 && blocks_[whole].size() <= count) count -= blocks_[whole++].size();
  blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(whole));
  firsts_.erase(firsts_.begin(), firsts_.begin() + static_cast<std::ptrdiff_t>(whole));
  if (count > 0) {
    Block& block = blocks_.front();
    block.erase(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(count));
    firsts_.front() = block.front().key;
  }
}

void DeepLevels::clear() {
  blocks_.clear();
  firsts_.clear();
  size_ = 0;
}

std::size_t DeepLevels::block_of(std::int64_t key) const {
  const auto after = std::upper_bound(firsts_.begin(), firsts_.end(), key);
  return after == firsts_.begin() ? 0 : static_cast<std::size_t>(after - firsts_.begin()) - 1;
}

void DeepLevels::split(std::size_t at) {
  Block upper(blocks_[at].begin() + static_cast<std::ptrdiff_t>(block_size / 2), blocks_[at].end());
  upper.reserve(block_size + 1);
  blocks_[at].resize(block_size / 2);
  const auto next = static_cast<std::ptrdiff_t>(at) + 1;
  firsts_.insert(firsts_.begin() + next, upper.front().key);
  blocks_.insert(blocks_.begin() + next, std::move(upper));
}

void DeepLevels::remove_block(std::size_t at) {
  blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(at));
  firsts_.erase(firsts_.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace tidewire
