#include "tidewire/book_message.hpp"

#include <algorithm>

#include "tidewire/iso_time.hpp"
#include "tidewire/json.hpp"

namespace tidewire {
namespace {

constexpr std::uint32_t any_levels =
    BookMessage::bit(Field::bids) | BookMessage::bit(Field::asks) | BookMessage::bit(Field::changes);

// What a message must hold. A numbered delta may lack levels: it then only moves the sequence on.
bool complete(const BookLayout& layout, bool snapshot, const BookMessage& message) {
  const bool levels = (message.found & any_levels) != 0;
  if (layout.rule == Rule::none) return levels;
  if (!message.has(Field::last)) return false;
  if (snapshot) return levels;
  if (layout.rule == Rule::range) return message.has(Field::first);
  return layout.rule != Rule::chain || message.has(Field::previous);
}

bool among(const JsonText& word, const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& known) { return word == known; });
}

// ASCII as it stands: what a shape can step over without checking escapes or UTF-8.
bool is_plain(const JsonText& text) {
  return !text.escaped && std::all_of(text.raw.begin(), text.raw.end(), [](char c) { return (c & 0x80) == 0; });
}

class Scan {
 public:
  Scan(const BookLayout& layout, const BookGrid& grid, Bytes text, BookMessage& out, Trace& trace)
      : layout_(layout), grid_(grid), text_(text), json_(text), out_(out), trace_(trace) {}

  Status run(const Place& root) {
    if (!value(root) || !json_.finish()) return json_.status();
    const bool snapshot = out_.snapshot || &root == &layout_.snapshot;
    if (!complete(layout_, snapshot, out_)) return {Code::missing_field, text_.size()};
    return {};
  }

 private:
  bool value(const Place& place) {
    (in_level_ ? parts_ : out_.found) |= BookMessage::bit(place.field);
    switch (place.field) {
      case Field::none: return container(place);
      case Field::bids:
      case Field::asks:
      case Field::changes: return levels(place);
      case Field::level: return level(place);
      case Field::price: return price();
      case Field::quantity: return quantity();
      case Field::side: return side();
      case Field::kind: return kind();
      case Field::first:
      case Field::last:
      case Field::previous:
      case Field::checksum: return integer(place.field);
      case Field::time: return time();
    }
    return false;
  }

  bool container(const Place& place) { return place.array ? elements(place) : members(place); }

  bool elements(const Place& place) {
    if (!json_.enter_array()) return false;
    for (std::int32_t index = 0; json_.next_element(); ++index) {
      const auto wanted = [&](const Place& child) { return child.index == index || child.index == Place::any; };
      const auto child = std::find_if(place.children.begin(), place.children.end(), wanted);
      if (!(child != place.children.end() ? value(*child) : skip())) return false;
    }
    return json_.ok();
  }

  bool members(const Place& place) {
    if (!json_.enter_object()) return false;
    std::uint64_t seen = 0;  // a member given twice would make the message mean two things
    JsonText key;
    while (json_.next_member(key)) {
      const auto wanted = [&](const Place& child) { return key == child.key; };
      const auto child = std::find_if(place.children.begin(), place.children.end(), wanted);
      if (child == place.children.end()) {
        if (!skip()) return false;
        continue;
      }
      const std::uint64_t bit = std::uint64_t{1} << ((child - place.children.begin()) & 63);
      if ((seen & bit) != 0) return json_.fail(Code::wrong_type);
      seen |= bit;
      if (!value(*child)) return false;
    }
    return json_.ok();
  }

  bool levels(const Place& place) {
    if (json_.peek() == 'n') return json_.read_null();
    array_ = place.field;
    count_ = 0;
    const std::size_t begin = json_.offset();
    if (!elements(place)) return false;
    hole(Hole::Kind::levels, place.field, begin, json_.offset());
    if (traced_ && count_ != 0) {
      trace_.array_begin = begin;
      trace_.array_end = json_.offset();
    }
    traced_ = traced_ && count_ == 0;
    return true;
  }

  bool level(const Place& place) {
    json_.peek();
    const std::size_t begin = json_.offset();
    draft_ = LevelDraft{};
    draft_.bid = array_ == Field::bids;
    parts_ = 0;
    in_level_ = true;
    if (!container(place)) return false;
    in_level_ = false;
    const std::uint32_t needed = BookMessage::bit(Field::price) | BookMessage::bit(Field::quantity) |
                                 (array_ == Field::changes ? BookMessage::bit(Field::side) : 0);
    if ((parts_ & needed) != needed) return json_.fail(Code::missing_field);
    draft_.add_to(out_, layout_.checksum_depth != 0);
    trace_level(begin);
    ++count_;
    return true;
  }

  void trace_level(std::size_t begin) {
    if (!traced_) return;
    if (count_ == 0) {
      trace_.level_begin = begin;
      trace_.level_end = json_.offset();
    } else if (count_ == 1) {
      trace_.second_begin = begin;
    }
    trace_.last_end = json_.offset();
  }

  bool price() {
    Decimal number;
    if (!json_.read_quoted_or_bare_number(number)) return false;
    const Code code = grid_.price.ticks(number, draft_.ticks);
    if (code == Code::off_grid) out_.off_tick = number;
    draft_.texts.price = number.text;
    return finish_number(code, Hole::Kind::price, number.text);
  }

  bool quantity() {
    Decimal number;
    if (!json_.read_quoted_or_bare_number(number)) return false;
    draft_.texts.quantity = number.text;
    return finish_number(take_quantity(grid_.quantity, number, draft_), Hole::Kind::quantity, number.text);
  }

  bool finish_number(Code code, Hole::Kind what, Bytes text) {
    if (code != Code::ok) return json_.fail(code, at(text));
    hole(what, Field::none, at(text), at(text) + text.size());
    return true;
  }

  bool integer(Field field) {
    Decimal number;
    if (!json_.read_quoted_or_bare_number(number)) return false;
    const std::size_t begin = at(number.text);
    if (const Code code = to_int64(number, 0, out_.number(field)); code != Code::ok) return json_.fail(code, begin);
    hole(Hole::Kind::integer, field, begin, begin + number.text.size());
    return true;
  }

  bool time() {
    if (layout_.time_unit != 0) return integer(Field::time);
    JsonText word;
    if (!json_.read_string(word)) return false;
    if (const Code code = read_iso_time(word.raw, out_.time); code != Code::ok) return json_.fail(code, at(word.raw));
    hole(Hole::Kind::iso_time, Field::time, at(word.raw), at(word.raw) + word.raw.size());
    return true;
  }

  bool side() {
    JsonText word;
    if (!json_.read_string(word)) return false;
    draft_.bid = among(word, layout_.buy_words);
    if (!draft_.bid && !among(word, layout_.sell_words)) return json_.fail(Code::wrong_type, at(word.raw));
    hole(Hole::Kind::side, Field::none, at(word.raw), at(word.raw) + word.raw.size());
    return true;
  }

  // Not a hole: messages of different kinds have different shapes.
  bool kind() {
    JsonText word;
    if (!json_.read_string(word)) return false;
    const bool snapshot = among(word, layout_.snapshot_words);
    if (!snapshot && !among(word, layout_.delta_words)) return json_.fail(Code::wrong_type, at(word.raw));
    if (kind_known_ && out_.snapshot != snapshot) return json_.fail(Code::wrong_type, at(word.raw));
    kind_known_ = true;
    out_.snapshot = snapshot;
    return true;
  }

  bool skip() {
    const char c = json_.peek();
    JsonText text;
    Decimal number;
    if (c == '"') {
      if (!json_.read_string(text)) return false;
      if (is_plain(text)) hole(Hole::Kind::text, Field::none, at(text.raw), at(text.raw) + text.raw.size());
      return true;
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
      if (!json_.read_number(number)) return false;
      hole(Hole::Kind::integer, Field::none, at(number.text), at(number.text) + number.text.size());
      return true;
    }
    return json_.skip_value();
  }

  void hole(Hole::Kind what, Field field, std::size_t begin, std::size_t end) {
    if (!in_level_) {
      trace_.holes.push_back({what, field, begin, end});
    } else if (traced_ && count_ == 0) {
      trace_.level_holes.push_back({what, field, begin, end});
    }
  }

  std::size_t at(Bytes part) const { return static_cast<std::size_t>(part.data() - text_.data()); }

  const BookLayout& layout_;
  const BookGrid& grid_;
  const Bytes text_;
  JsonReader json_;
  BookMessage& out_;
  Trace& trace_;
  Field array_ = Field::none;  // the array of levels being read
  std::size_t count_ = 0;      // levels read from it
  LevelDraft draft_;
  std::uint32_t parts_ = 0;  // of the level, found so far: bit per Field
  bool in_level_ = false;
  bool traced_ = true;  // no array has had levels yet
  bool kind_known_ = false;
};

}  // namespace

Code take_quantity(const Grid& grid, const Decimal& number, LevelDraft& draft) {
  const Code code = grid.ticks(number, draft.lots);
  if (code == Code::out_of_range || (number.negative && (code != Code::ok || draft.lots != 0)))
    return Code::out_of_range;
  if (code == Code::ok) return code;
  draft.lots = odd_lot;
  draft.odd_quantity = number.text;
  return Code::ok;
}

void Trace::clear() {
  holes.clear();
  level_holes.clear();
  array_begin = array_end = level_begin = level_end = second_begin = last_end = 0;
}

Status scan_message(const BookLayout& layout, const Place& root, const BookGrid& grid, Bytes text, BookMessage& out,
                    Trace& trace) {
  out.clear();
  trace.clear();
  return Scan(layout, grid, text, out, trace).run(root);
}

}  // namespace tidewire
