#include "tidewire/message_shape.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "tidewire/iso_time.hpp"

namespace tidewire {
namespace {

// An integer of at most 18 digits that no fraction or exponent follows. nullptr: anything else.
const char* read_integer(const char* p, const char* end, std::int64_t& value) {
  const bool negative = p != end && *p == '-';
  p += negative;
  const char* const begin = p;
  std::uint64_t sum = 0;
  if (digits::words_read_forwards && end - p >= 8 && digits::count(digits::load8(p)) == 8) {
    sum = digits::eight(digits::load8(p) & digits::nibbles);
    p += 8;
  }
  for (; p != end && static_cast<unsigned char>(*p - '0') < 10; ++p) {
    if (p - begin == 18) return nullptr;
    sum = sum * 10 + static_cast<std::uint64_t>(*p - '0');
  }
  if (p == begin || (*begin == '0' && p - begin > 1)) return nullptr;
  if (p != end && digits::go_on(*p)) return nullptr;
  value = static_cast<std::int64_t>(negative ? 0 - sum : sum);
  return p;
}

// Unescaped ASCII up to the closing quote. nullptr: anything else comes first.
const char* skip_plain(const char* p, const char* end) {
  if constexpr (digits::words_read_forwards) {
    constexpr std::uint64_t ones = 0x0101010101010101u;
    constexpr std::uint64_t high = ones << 7;
    for (; end - p >= 8; p += 8) {
      // The high bit of the first byte that is a control, a quote, a backslash or no ASCII; later ones may be wrong.
      const std::uint64_t v = digits::load8(p);
      const std::uint64_t quote = (v ^ ones * '"') - ones;
      const std::uint64_t backslash = (v ^ ones * '\\') - ones;
      const std::uint64_t control = v - ones * ' ';
      if (const std::uint64_t stops = (quote | backslash | control | v) & high; stops != 0) {
        p += std::countr_zero(stops) >> 3;
        return *p == '"' ? p : nullptr;
      }
    }
  }
  while (p != end && *p >= ' ' && (*p & 0x80) == 0 && *p != '"' && *p != '\\') ++p;
  return p != end && *p == '"' ? p : nullptr;
}

// An ISO-8601 time up to the closing quote. nullptr: anything else.
const char* read_time(const char* p, const char* end, std::int64_t& time_ns) {
  const char* const after = skip_plain(p, end);
  return after != nullptr && read_iso_time({p, after}, time_ns) == Code::ok ? after : nullptr;
}

bool among(const char* p, const char* end, const std::vector<std::string>& words) {
  const std::string_view word(p, static_cast<std::size_t>(end - p));
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

MessageShape::Literal::Literal(std::string value) : text(std::move(value)) {
  const std::size_t first = std::min<std::size_t>(text.size(), 8);
  std::memcpy(&head, text.data(), first);
  std::memset(&mask, 0xFF, first);
}

inline const char* MessageShape::Literal::match(const char* p, const char* end) const {
  const std::size_t size = text.size();
  if (end - p >= 8) [[likely]] {
    if (((digits::load8(p) ^ head) & mask) != 0) return nullptr;
    if (size <= 8) return p + size;
  }
  if (static_cast<std::size_t>(end - p) < size || std::memcmp(p, text.data(), size) != 0) return nullptr;
  return p + size;
}

struct MessageShape::Reading {
  const BookLayout& layout;
  const BookGrid& grid;
  const char* end;
  BookMessage& out;
  LevelWidths& widths;
};

void MessageShape::learn(Bytes text, const BookMessage& message, const Trace& trace) {
  const auto literal = [&](std::size_t begin, std::size_t end) {
    return std::string(text.data() + begin, end - begin);
  };
  const auto split = [&](const std::vector<Hole>& holes, std::size_t begin, std::vector<Part>& parts) {
    parts.clear();
    for (const Hole& hole : holes) {
      parts.push_back({Literal(literal(begin, hole.begin)), hole.kind, hole.field});
      begin = hole.end;
    }
    return begin;
  };
  tail_ = Literal(literal(split(trace.holes, 0, parts_), text.size()));
  found_ = message.found;
  snapshot_ = message.snapshot;

  const std::size_t rest = split(trace.level_holes, trace.level_begin, level_parts_);
  if (level_parts_.empty()) return;
  const std::string before = literal(trace.level_begin, trace.level_holes.front().begin);
  const std::string after = literal(rest, trace.level_end);
  const std::string between = trace.second_begin == 0 ? "," : literal(trace.level_end, trace.second_begin);
  open_ = Literal(literal(trace.array_begin, trace.level_begin) + before);
  next_ = Literal(after + between + before);
  close_ = Literal(after + literal(trace.last_end, trace.array_end));
  pairs_ = level_parts_.size() == 2 && level_parts_[0].kind == Hole::Kind::price &&
           level_parts_[1].kind == Hole::Kind::quantity;
}

bool MessageShape::read(const BookLayout& layout, const BookGrid& grid, Bytes text, BookMessage& out,
                        LevelWidths& widths) const {
  out.clear();
  const char* p = text.data();
  Reading reading{layout, grid, p + text.size(), out, widths};
  const bool pairs = pairs_ && layout.checksum_depth == 0;
  for (const Part& part : parts_) {
    p = part.before.match(p, reading.end);
    if (p == nullptr) return false;
    std::int64_t ignored;
    switch (part.kind) {
      case Hole::Kind::text: p = skip_plain(p, reading.end); break;
      case Hole::Kind::iso_time: p = read_time(p, reading.end, out.time); break;
      case Hole::Kind::levels:
        p = pairs ? read_levels<true>(p, reading, part.field) : read_levels<false>(p, reading, part.field);
        break;
      default: p = read_integer(p, reading.end, part.field == Field::none ? ignored : out.number(part.field));
    }
    if (p == nullptr) return false;
  }
  if (tail_.match(p, reading.end) != reading.end) return false;
  out.found = found_;
  out.snapshot = snapshot_;
  return true;
}

// A quantity that the grid does not take at once: an odd lot, perhaps.
const char* MessageShape::read_odd_quantity(const char* p, Reading& reading, LevelDraft& draft) {
  Decimal number;
  if (read_decimal(p, reading.end, number) != Code::ok) return nullptr;
  return take_quantity(reading.grid.quantity, number, draft) == Code::ok ? p : nullptr;
}

inline const char* MessageShape::read_price(const char* p, Reading& reading, LevelDraft& draft) {
  return reading.grid.price.read(p, reading.end, draft.ticks, reading.widths.price);
}

inline const char* MessageShape::read_quantity(const char* p, Reading& reading, LevelDraft& draft) {
  const char* after = reading.grid.quantity.read(p, reading.end, draft.lots, reading.widths.quantity);
  return after != nullptr && draft.lots >= 0 ? after : read_odd_quantity(p, reading, draft);
}

const char* MessageShape::read_level(const char* p, Reading& reading, LevelDraft& draft) const {
  const char* const end = reading.end;
  for (const Part& part : level_parts_) {
    if (&part != &level_parts_.front()) p = part.before.match(p, end);
    if (p == nullptr) return nullptr;
    const char* const begin = p;
    std::int64_t ignored;
    switch (part.kind) {
      case Hole::Kind::price:
        p = read_price(p, reading, draft);
        if (p != nullptr) draft.texts.price = {begin, p};
        break;
      case Hole::Kind::quantity:
        p = read_quantity(p, reading, draft);
        if (p != nullptr) draft.texts.quantity = {begin, p};
        break;
      case Hole::Kind::side:
        p = skip_plain(p, end);
        if (p == nullptr) return nullptr;
        draft.bid = among(begin, p, reading.layout.buy_words);
        if (!draft.bid && !among(begin, p, reading.layout.sell_words)) return nullptr;
        break;
      case Hole::Kind::text: p = skip_plain(p, end); break;
      default: p = read_integer(p, end, ignored);
    }
    if (p == nullptr) return nullptr;
  }
  return p;
}

// A level that is a price and a quantity and nothing else.
inline const char* MessageShape::read_pair(const char* p, Reading& reading, LevelDraft& draft) const {
  p = read_price(p, reading, draft);
  if (p == nullptr) return nullptr;
  p = level_parts_[1].before.match(p, reading.end);
  return p == nullptr ? nullptr : read_quantity(p, reading, draft);
}

template <bool pairs>
const char* MessageShape::read_levels(const char* p, Reading& reading, Field array) const {
  const char* const end = reading.end;
  if (end - p >= 2 && p[0] == '[' && p[1] == ']') return p + 2;
  if (level_parts_.empty()) return nullptr;
  p = open_.match(p, end);
  while (p != nullptr) {
    LevelDraft draft;
    draft.bid = array == Field::bids;
    p = pairs ? read_pair(p, reading, draft) : read_level(p, reading, draft);
    if (p == nullptr) return nullptr;
    draft.add_to(reading.out, !pairs && reading.layout.checksum_depth != 0);
    const char* const after = next_.match(p, end);
    if (after == nullptr) return close_.match(p, end);
    p = after;
  }
  return nullptr;
}

Status MessageReader::read(const BookLayout& layout, const Place& root, const BookGrid& grid, Bytes text,
                           BookMessage& out) {
  const std::size_t count = shapes_.size();
  for (std::size_t i = 0; i < count; ++i, latest_ = latest_ + 1 < count ? latest_ + 1 : 0) {
    if (shapes_[latest_].read(layout, grid, text, out, widths_)) return {};
  }
  const Status status = scan_message(layout, root, grid, text, out, trace_);
  if (!status.ok()) return status;
  if (count < max_shapes) shapes_.emplace_back();
  oldest_ = (oldest_ + 1) % shapes_.size();
  shapes_[oldest_].learn(text, out, trace_);
  latest_ = oldest_;
  return status;
}

}  // namespace tidewire
