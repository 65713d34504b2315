#include "tidewire/consolidated.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace tidewire {

void Consolidated::add() {
  sources_.emplace_back();
  heads_.reserve(sources_.size());
  order_.reserve(sources_.size());
}

// Decimals of the finest grid among the books included.
int Consolidated::finest() const {
  int decimals = 0;
  for (std::size_t venue = 0; venue < sources_.size(); ++venue) {
    if (includes(venue)) decimals = std::max(decimals, sources_[venue].book->grid().price.decimals());
  }
  return decimals;
}

PriceScale Consolidated::scale(const Source& source, bool bids, int decimals) const {
  const Grid& grid = source.book->grid().price;
  PriceScale scale{grid.step(), PriceScale::fee_unit + (bids ? -source.fee : source.fee), 1};
  for (int at = grid.decimals(); at < decimals; ++at) scale.to_common *= 10;  // at most 18 times
  return scale;
}

void Consolidated::start(bool bids) {
  const int decimals = finest();
  heads_.clear();
  order_.clear();
  for (std::size_t venue = 0; venue < sources_.size(); ++venue) {
    if (!includes(venue)) continue;
    const Source& source = sources_[venue];
    const Ladder::Cursor at((bids ? source.book->bids() : source.book->asks()).ladder());
    if (at.done()) continue;
    const PriceScale scale = this->scale(source, bids, decimals);
    order_.push_back(heads_.size());
    heads_.push_back({venue, scale, at, scale(at.level().key)});
  }
  for (std::size_t at = order_.size(); at-- > 0;) sink(at);
}

void Consolidated::step() {
  Head& head = heads_[order_.front()];
  head.at.next();
  if (head.at.done()) {
    order_.erase(order_.begin());
    return;
  }
  head.key = head.scale(head.at.level().key);
  sink(0);
}

// Moves one of the order down to its place among those after it, which are in order.
void Consolidated::sink(std::size_t at) {
  const auto better = [&](std::size_t a, std::size_t b) {
    const auto order = heads_[a].key <=> heads_[b].key;
    return order > 0 || (order == 0 && a < b);  // heads are in the order of their venues
  };
  for (; at + 1 < order_.size() && better(order_[at + 1], order_[at]); ++at) std::swap(order_[at], order_[at + 1]);
}

bool Consolidated::crossed() {
  const int decimals = finest();
  ExactPrice bid, ask;
  bool has_bid = false, has_ask = false;
  for (std::size_t venue = 0; venue < sources_.size(); ++venue) {
    if (!includes(venue)) continue;
    const Source& source = sources_[venue];
    const Ladder &bids = source.book->bids().ladder(), &asks = source.book->asks().ladder();
    if (!bids.empty()) {
      const ExactPrice price = scale(source, true, decimals)(bids.best().key);
      bid = has_bid ? std::max(bid, price) : price;
      has_bid = true;
    }
    if (!asks.empty()) {
      const ExactPrice price = scale(source, false, decimals)(-asks.best().key);
      ask = has_ask ? std::min(ask, price) : price;
      has_ask = true;
    }
  }
  return has_bid && has_ask && bid >= ask;
}

double Consolidated::value(std::size_t venue, bool bids, std::int64_t key) const {
  const Source& source = sources_[venue];
  const Grid& grid = source.book->grid().price;
  const std::int64_t ticks = bids ? key : -key;
  if (source.fee == 0) return grid.value(ticks);
  // The product is exact; its double and the quotient are rounded once each.
  const __int128 net = static_cast<__int128>(ticks * grid.step()) * scale(source, bids, 0).kept;
  return static_cast<double>(net) / (static_cast<double>(PriceScale::fee_unit) * exact_powers[grid.decimals()]);
}

void write_values(Consolidated& consolidated, std::size_t count, double* out) {
  for (const bool bids : {true, false}) {
    std::size_t left = count;
    consolidated.visit(bids, [&](std::size_t venue, const Level& level) {
      if (left == 0) return false;
      const Book& book = consolidated.book(venue);
      *out++ = consolidated.value(venue, bids, level.key);
      *out++ = (bids ? book.bids() : book.asks()).quantity_value(book.grid(), level);
      *out++ = static_cast<double>(venue);
      return --left != 0;
    });
    out = std::fill_n(out, 3 * left, std::numeric_limits<double>::quiet_NaN());
  }
}

std::vector<ConsolidatedText> level_texts(Consolidated& consolidated, bool bids, std::size_t count) {
  std::vector<ConsolidatedText> texts;
  consolidated.visit(bids, [&](std::size_t venue, const Level& level) {
    if (texts.size() == count) return false;
    const Book& book = consolidated.book(venue);
    texts.push_back({venue, book.grid().price.text(bids ? level.key : -level.key),
                     (bids ? book.bids() : book.asks()).quantity_text(book.grid().quantity, level)});
    return true;
  });
  return texts;
}

}  // namespace tidewire
