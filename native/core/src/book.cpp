#include "tidewire/book.hpp"

#include <algorithm>
#include <limits>

#include "tidewire/crc32.hpp"

namespace tidewire {
namespace {

std::optional<std::int64_t> worst_of(const Ladder& ladder, std::int64_t sign) {
  if (ladder.empty()) return std::nullopt;
  return sign * ladder.worst();
}

// Calls write(price, lots) for up to `count` levels, best first. Returns how many there were.
template <class Write>
std::size_t each_level(const Ladder& ladder, std::int64_t sign, std::size_t count, Write&& write) {
  std::size_t done = 0;
  if (count != 0) {
    ladder.visit([&](Level level) {
      write(sign * level.key, level.lots);
      return ++done != count;
    });
  }
  return done;
}

// Fills 2 * count pairs, bids first; `absent` where there is no level.
template <class T, class Convert>
void write_pairs(const Book& book, std::size_t count, T* out, T absent, Convert&& convert) {
  for (const bool bids : {true, false}) {
    const std::size_t done =
        each_level(bids ? book.bids() : book.asks(), bids ? 1 : -1, count, [&](auto price, auto lots) {
          *out++ = convert(book.grid().price, price);
          *out++ = convert(book.grid().quantity, lots);
        });
    out = std::fill_n(out, 2 * (count - done), absent);
  }
}

}  // namespace

Status Book::apply(const BookLayout& layout, Bytes text) {
  const Status status = read(deltas_, layout, layout.delta, text);
  if (!status.ok()) return status;
  return message_.snapshot ? replace(layout) : merge(layout);
}

Status Book::apply_snapshot(const BookLayout& layout, Bytes text) {
  const Status status = read(snapshots_, layout, layout.snapshot, text);
  return status.ok() ? replace(layout) : status;
}

Status Book::read(MessageReader& reader, const BookLayout& layout, const Place& root, Bytes text) {
  use(layout);
  Status status = reader.read(layout, root, grid_, text, message_);
  while (refine()) status = reader.read(layout, root, grid_, text, message_);
  return status;
}

// Makes a grid fine enough for what the message could not put on it; false when there is no such thing, or no way.
bool Book::refine() {
  return (message_.off_tick && refine_ticks(*message_.off_tick)) ||
         (message_.off_lot && refine_lots(*message_.off_lot));
}

bool Book::refine_ticks(const Decimal& price) {
  Grid finer;
  std::int64_t ratio = 1;
  if (grid_.price.refined(price, finer, ratio) != Code::ok) return false;
  if (std::max(bids_.most_ticks(), asks_.most_ticks()) > Grid::limit / ratio) return false;
  bids_.scale_ticks(ratio);
  asks_.scale_ticks(ratio);
  const auto scale = [&](std::optional<std::int64_t>& known) {
    if (known && __builtin_mul_overflow(*known, ratio, &*known)) known.reset();
  };
  scale(known_bid_);
  scale(known_ask_);
  const auto rekey = [&](Texts& texts) {
    Texts moved;
    for (auto& [key, text] : texts) moved.emplace(key * ratio, std::move(text));
    texts = std::move(moved);
  };
  rekey(bid_texts_);
  rekey(ask_texts_);
  grid_.price = finer;
  return true;
}

bool Book::refine_lots(const Decimal& quantity) {
  Grid finer;
  std::int64_t ratio = 1;
  if (grid_.quantity.refined(quantity, finer, ratio) != Code::ok) return false;
  if (std::max(bids_.most_lots(), asks_.most_lots()) > Grid::limit / ratio) return false;
  bids_.scale_lots(ratio);
  asks_.scale_lots(ratio);
  grid_.quantity = finer;
  return true;
}

Status Book::replace(const BookLayout& layout) {
  state_ = State::stale;  // until all of it is done
  has_texts_ = layout.checksum_depth != 0;
  bid_texts_.clear();
  ask_texts_.clear();
  if (has_texts_) {
    keep_texts(message_.bids, message_.bid_texts, bid_texts_);
    keep_texts(message_.asks, message_.ask_texts, ask_texts_);
  }
  bids_.load(message_.bids);
  asks_.load(message_.asks);
  known_bid_ = worst_of(bids_, 1);
  known_ask_ = worst_of(asks_, -1);
  trim(layout.depth);
  sequence_.reset();
  if (message_.has(Field::last)) sequence_ = message_.last;
  fresh_ = true;
  state_ = State::live;
  ++counters_.snapshots;
  return verify(layout);
}

Status Book::merge(const BookLayout& layout) {
  if (state_ != State::live) return {Code::no_snapshot, 0};
  if (const Code code = judge(layout); code != Code::ok) return {code, 0};
  state_ = State::stale;  // until all of it is done
  for (const Level& level : message_.bids) bids_.set(level.key, level.lots);
  for (const Level& level : message_.asks) asks_.set(level.key, level.lots);
  has_texts_ = has_texts_ && layout.checksum_depth != 0;
  if (has_texts_) {
    keep_texts(message_.bids, message_.bid_texts, bid_texts_);
    keep_texts(message_.asks, message_.ask_texts, ask_texts_);
  }
  trim(layout.depth);
  if (message_.has(Field::last)) sequence_ = message_.last;
  fresh_ = false;
  state_ = State::live;
  ++counters_.updates;
  return verify(layout);
}

// Does the delta continue the book? Documented by the venues; collected per rule in BookLayout.rule of the Python
// package.
Code Book::judge(const BookLayout& layout) {
  if (layout.rule == Rule::none) return Code::ok;
  if (!sequence_) return Code::no_snapshot;  // it came in another layout, without a number
  const BookMessage& m = message_;
  const std::int64_t last = *sequence_;
  const auto contained = [&] {
    ++counters_.skipped;
    return Code::stale;
  };
  switch (layout.rule) {
    case Rule::none: break;
    case Rule::range:
      if (m.last <= last) return contained();
      if (m.first > last && m.first != last + 1) return gap(last + 1, m.first);
      break;
    case Rule::increment:
      if (m.last <= last) return contained();
      if (m.last != last + 1) return gap(last + 1, m.last);
      break;
    case Rule::chain: {
      if (m.previous == last) break;
      // A separate snapshot falls inside some delta (Binance USD-M): the first one is the one that spans it.
      if (fresh_ && m.has(Field::first) && m.first <= last && last <= m.last) break;
      // Where numbers may fall, an old number can be a new message; only what precedes a snapshot, or repeats the last,
      // is old.
      if (layout.resets ? (m.last == last || (fresh_ && m.last < last)) : m.last <= last) return contained();
      return gap(last, m.previous);
    }
  }
  return Code::ok;
}

Code Book::gap(std::int64_t expected, std::int64_t received) {
  state_ = State::stale;
  ++counters_.gaps;
  expected_ = expected;
  received_ = received;
  return Code::sequence_gap;
}

Status Book::verify(const BookLayout& layout) {
  if (!has_texts_ || !message_.has(Field::checksum) || message_.checksum == 0) return {};
  const std::optional<std::int32_t> own = checksum(layout);
  if (!own || *own == message_.checksum) return {};
  state_ = State::stale;
  expected_ = message_.checksum;
  received_ = *own;
  return {Code::checksum, 0};
}

std::optional<std::int32_t> Book::checksum(const BookLayout& layout) const {
  if (!has_texts_ || layout.checksum_depth == 0) return std::nullopt;
  const auto best = [&](const Ladder& ladder, const Texts& texts) {
    std::vector<const std::string*> found;
    ladder.visit([&](Level level) {
      if (found.size() == layout.checksum_depth) return false;
      found.push_back(&texts.at(level.key));
      return true;
    });
    return found;
  };
  const auto bids = best(bids_, bid_texts_);
  const auto asks = best(asks_, ask_texts_);
  Crc32 crc;
  bool first = true;
  const auto add = [&](const std::string& text) {
    if (!first) crc.add(':');
    first = false;
    crc.add(text);
  };
  for (std::size_t i = 0; i < std::max(bids.size(), asks.size()); ++i) {
    if (i < bids.size()) add(*bids[i]);
    if (i < asks.size()) add(*asks[i]);
  }
  return static_cast<std::int32_t>(crc.value());
}

void Book::keep_texts(const std::vector<Level>& levels, const std::vector<LevelText>& pieces, Texts& texts) {
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (levels[i].lots == 0) {
      texts.erase(levels[i].key);
      continue;
    }
    std::string& text = texts[levels[i].key];
    text.assign(pieces[i].price.data(), pieces[i].price.size());
    text += ':';
    text.append(pieces[i].quantity.data(), pieces[i].quantity.size());
  }
}

void Book::trim(std::size_t depth) {
  if (depth == 0) return;
  const auto cut = [&](Ladder& ladder, Texts& texts) {
    if (ladder.size() <= depth) return;
    ladder.trim(depth);
    std::erase_if(texts, [&](const auto& entry) { return entry.first < ladder.worst(); });
  };
  cut(bids_, bid_texts_);
  cut(asks_, ask_texts_);
}

void Book::use(const BookLayout& layout) {
  if (layout_ == &layout) return;
  forget();
  layout_ = &layout;
}

void Book::forget() {
  deltas_.forget();
  snapshots_.forget();
  layout_ = nullptr;
}

void Book::reset() {
  bids_.clear();
  asks_.clear();
  bid_texts_.clear();
  ask_texts_.clear();
  has_texts_ = false;
  grid_ = given_grid_;
  sequence_.reset();
  known_bid_.reset();
  known_ask_.reset();
  state_ = State::syncing;
}

void write_values(const Book& book, std::size_t count, double* out) {
  constexpr double absent = std::numeric_limits<double>::quiet_NaN();
  write_pairs(book, count, out, absent, [](const Grid& grid, std::int64_t ticks) { return grid.value(ticks); });
}

void write_ticks(const Book& book, std::size_t count, std::int64_t* out) {
  write_pairs(book, count, out, std::int64_t{0}, [](const Grid&, std::int64_t ticks) { return ticks; });
}

std::vector<std::pair<std::string, std::string>> level_texts(const Book& book, bool bids, std::size_t count) {
  std::vector<std::pair<std::string, std::string>> texts;
  each_level(bids ? book.bids() : book.asks(), bids ? 1 : -1, count, [&](auto price, auto lots) {
    texts.emplace_back(book.grid().price.text(price), book.grid().quantity.text(lots));
  });
  return texts;
}

}  // namespace tidewire
