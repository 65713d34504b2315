#include "tidewire/book.hpp"

#include <algorithm>
#include <limits>

#include "tidewire/crc32.hpp"

namespace tidewire {
namespace {

// Calls write(side, price, level) for the best `count` levels of each side, bids first, and skip(n) for the n that
// lack.
template <class Write, class Skip>
void each_level(const Book& book, std::size_t count, Write&& write, Skip&& skip) {
  for (const bool bids : {true, false}) {
    const BookSide& side = bids ? book.bids() : book.asks();
    std::size_t done = 0;
    side.ladder().visit([&](const Level& level) {
      if (done == count) return false;
      write(side, bids ? level.key : -level.key, level);
      return ++done != count;
    });
    skip(count - done);
  }
}

}  // namespace

Status Book::apply(const BookLayout& layout, Bytes text) {
  const Status status = read(deltas_, layout, layout.delta, text);
  if (!status.ok()) return status;
  return message_.snapshot ? replace(layout, 0) : merge(layout);
}

Status Book::apply_snapshot(const BookLayout& layout, Bytes text, std::size_t limit) {
  const Status status = read(snapshots_, layout, layout.snapshot, text);
  return status.ok() ? replace(layout, limit) : status;
}

Status Book::splice(const BookLayout& layout, Bytes text) {
  const Status status = read(deltas_, layout, layout.delta, text);
  if (!status.ok()) return status;
  const bool numbered = layout.rule == Rule::range || layout.rule == Rule::chain;
  if (state_ != State::live || !numbered || !sequence_) return {Code::no_snapshot, 0};
  if (message_.snapshot) {
    if (message_.last > *sequence_) return {Code::sequence_gap, 0};
  } else if (const Verdict verdict = judge(layout, true); verdict.code == Code::ok) {
    return apply_changes(layout);
  } else if (verdict.code == Code::sequence_gap) {
    return {Code::sequence_gap, 0};
  }
  fresh_ = true;
  return {Code::stale, 0};
}

Status Book::read(MessageReader& reader, const BookLayout& layout, const Place& root, Bytes text) {
  use(layout);
  Status status = reader.read(layout, root, grid_, text, message_);
  while (message_.off_tick && refine_ticks(*message_.off_tick)) {
    status = reader.read(layout, root, grid_, text, message_);
  }
  return status;
}

// Makes the grid of prices fine enough for one; false when the levels would no longer fit.
bool Book::refine_ticks(const Decimal& price) {
  Grid finer;
  std::int64_t ratio = 1;
  if (grid_.price.refined(price, finer, ratio) != Code::ok) return false;
  if (!bids_.scalable(ratio) || !asks_.scalable(ratio)) return false;
  bids_.scale_ticks(ratio);
  asks_.scale_ticks(ratio);
  grid_.price = finer;
  return true;
}

Status Book::replace(const BookLayout& layout, std::size_t limit) {
  state_ = State::stale;  // until all of it is done
  has_texts_ = layout.checksum_depth != 0;
  bids_.load(message_.bids, limit);
  asks_.load(message_.asks, limit);
  trim(layout.depth);
  sequence_.reset();
  note_numbers(layout);
  fresh_ = true;
  state_ = State::live;
  ++counters_.snapshots;
  return verify(layout);
}

Status Book::merge(const BookLayout& layout) {
  if (state_ != State::live) return {Code::no_snapshot, 0};
  if (layout.rule != Rule::none) {
    if (!sequence_) return {Code::no_snapshot, 0};  // it came in another layout, without a number
    const Verdict verdict = judge(layout, fresh_);
    if (verdict.code == Code::stale) ++counters_.skipped;
    if (verdict.code == Code::sequence_gap) {
      state_ = State::stale;
      ++counters_.gaps;
      expected_ = verdict.expected;
      received_ = verdict.received;
    }
    if (verdict.code != Code::ok) return {verdict.code, 0};
  }
  return apply_changes(layout);
}

Status Book::apply_changes(const BookLayout& layout) {
  state_ = State::stale;  // until all of it is done
  bids_.merge(message_.bids);
  asks_.merge(message_.asks);
  if (layout.checksum_depth == 0) has_texts_ = false;
  trim(layout.depth);
  note_numbers(layout);
  fresh_ = false;
  state_ = State::live;
  ++counters_.updates;
  return verify(layout);
}

void Book::note_numbers(const BookLayout& layout) {
  if (message_.has(Field::last)) sequence_ = message_.last;
  if (!message_.has(Field::time)) return;
  const std::int64_t unit = std::max<std::int64_t>(layout.time_unit, 1);
  const std::int64_t most = std::numeric_limits<std::int64_t>::max() / unit;
  if (message_.time >= 0 && message_.time <= most) time_ns_ = message_.time * unit;
}

// Does the delta continue the book? `fresh`: the book may end within the delta.
Book::Verdict Book::judge(const BookLayout& layout, bool fresh) const {
  const BookMessage& m = message_;
  const std::int64_t last = sequence_.value_or(0);  // there is one wherever the venue numbers
  const Verdict contained{Code::stale};
  switch (layout.rule) {
    case Rule::none: break;
    case Rule::range:
      if (m.last <= last) return contained;
      if (m.first > last && m.first != last + 1) return {Code::sequence_gap, last + 1, m.first};
      break;
    case Rule::increment:
      if (m.last <= last) return contained;
      if (m.last != last + 1) return {Code::sequence_gap, last + 1, m.last};
      break;
    case Rule::chain: {
      if (m.previous == last) break;
      // A separate snapshot falls inside some delta (Binance USD-M): the first one is the one that spans it.
      if (fresh && m.has(Field::first) && m.first <= last && last <= m.last) break;
      // Where numbers may fall, an old number can be a new message; only what precedes a snapshot, or repeats the last,
      // is old.
      if (layout.resets ? (m.last == last || (fresh && m.last < last)) : m.last <= last) return contained;
      return {Code::sequence_gap, last, m.previous};
    }
  }
  return {};
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
  const auto best = [&](const BookSide& side) {
    std::vector<const std::string*> found;
    side.ladder().visit([&](const Level& level) {
      if (found.size() == layout.checksum_depth) return false;
      found.push_back(&side.text(level.key));
      return true;
    });
    return found;
  };
  const auto bids = best(bids_);
  const auto asks = best(asks_);
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

void Book::trim(std::size_t depth) {
  if (depth == 0) return;
  bids_.trim(depth);
  asks_.trim(depth);
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
  has_texts_ = false;
  grid_ = given_grid_;
  sequence_.reset();
  time_ns_.reset();
  state_ = State::syncing;
}

void Book::copy(const Book& other) {
  grid_ = other.grid_;
  bids_.copy(other.bids_);
  asks_.copy(other.asks_);
  state_ = other.state_;
  fresh_ = other.fresh_;
  sequence_ = other.sequence_;
  time_ns_ = other.time_ns_;
  has_texts_ = other.has_texts_;
}

void write_values(const Book& book, std::size_t count, double* out) {
  const auto write = [&](const BookSide& side, std::int64_t price, const Level& level) {
    *out++ = book.grid().price.value(price);
    *out++ = side.quantity_value(book.grid(), level);
  };
  each_level(book, count, write, [&](std::size_t lacking) {
    out = std::fill_n(out, 2 * lacking, std::numeric_limits<double>::quiet_NaN());
  });
}

bool write_ticks(const Book& book, std::size_t count, std::int64_t* out) {
  bool whole = true;
  const auto write = [&](const BookSide&, std::int64_t price, const Level& level) {
    *out++ = price;
    *out++ = level.lots;
    whole = whole && level.lots != odd_lot;
  };
  each_level(book, count, write, [&](std::size_t lacking) { out = std::fill_n(out, 2 * lacking, std::int64_t{0}); });
  return whole;
}

LevelTexts level_texts(const Book& book, bool bids, std::size_t count) {
  const BookSide& side = bids ? book.bids() : book.asks();
  LevelTexts texts;
  side.ladder().visit([&](const Level& level) {
    if (texts.size() == count) return false;
    texts.emplace_back(book.grid().price.text(bids ? level.key : -level.key),
                       side.quantity_text(book.grid().quantity, level));
    return true;
  });
  return texts;
}

}  // namespace tidewire
