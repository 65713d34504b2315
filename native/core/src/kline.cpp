#include "tidewire/kline.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "tidewire/cpu.hpp"
#include "tidewire/iso_time.hpp"
#include "tidewire/json.hpp"
#include "tidewire/kline_row.hpp"

namespace tidewire {
namespace {

constexpr int power_of(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::s: return 9;
    case TimeUnit::ms: return 6;
    case TimeUnit::us: return 3;
    default: return 0;
  }
}

constexpr bool is_optional(KlineField field) {
  return field == KlineField::quote_volume || field == KlineField::trades;
}

constexpr unsigned bit_of(KlineField field) { return 1U << static_cast<unsigned>(field); }

FastRows read_no_rows(const FastInput&) { return {}; }

using FastPath = FastRows (*)(const FastInput&);

FastPath choose(KlinePath path) {
  if (path == KlinePath::general) return read_no_rows;
#if defined(__x86_64__)
  if (path == KlinePath::best && cpu().avx2) return read_rows_avx2;
#endif
  return read_rows_portable;
}

// One decode: walks the envelope, reads rows generally, and hands stretches of equal rows to the fast path.
class Decoder {
 public:
  Decoder(Bytes body, const KlineLayout& layout, KlineColumns& out, FastPath fast)
      : body_(body), json_(body), layout_(layout), out_(out), fast_(fast), time_power_(power_of(layout.time_unit)) {
    for (std::size_t i = 0; i < kline_fields; ++i) {
      const auto field = static_cast<KlineField>(i);
      if (layout.has(field) && !is_optional(field)) required_ |= bit_of(field);
    }
  }

  Status run() {
    descend(0);
    json_.finish();
    return json_.status();
  }

 private:
  bool descend(std::size_t level) {
    if (level == layout_.envelope.size()) return read_rows();
    if (!json_.enter_object()) return false;
    bool found = false;
    JsonText key;
    while (json_.next_member(key)) {
      if (key == layout_.envelope[level]) {
        found = descend(level + 1);
      } else {
        json_.skip_value();
      }
    }
    return json_.ok() && (found || json_.fail(Code::missing_field));
  }

  bool read_rows() {
    out_.rows = out_.general_rows = 0;  // a key that comes twice: the last one counts, as in every JSON library
    shape_.forget();
    if (!json_.enter_array()) return false;
    bool more = json_.next_element();
    while (more) {
      json_.peek();
      const std::size_t begin = json_.offset();
      const bool learning = !shape_.ready() && lessons_ > 0;
      trace_.count = 0;
      if (!read_row(learning)) return false;
      const std::size_t end = json_.offset();
      more = json_.next_element();
      if (!more) break;
      json_.peek();
      if (learning) {
        --lessons_;
        shape_.learn(body_, trace_, begin, end, json_.offset());
      }
      if (shape_.ready() && read_alike_rows(end)) more = json_.next_element();
    }
    return json_.ok();
  }

  // Let the fast path read what follows the row that ends at `end`. True when it read rows and moved the reader past
  // them.
  bool read_alike_rows(std::size_t end) {
    const FastInput input{body_.data(), body_.data() + body_.size(), body_.data() + end, &shape_, &out_, time_power_};
    const FastRows done = fast_(input);
    if (done.count == 0) {
      if (++misses_ == max_misses) {
        misses_ = 0;
        shape_.forget();
      }
      return false;
    }
    copy_constants(done.count);
    out_.rows += done.count;
    json_.seek(static_cast<std::size_t>(done.end - body_.data()));
    return true;
  }

  void copy_constants(std::size_t count) {
    repeat(KlineField::quote_volume, out_.floats(KlineField::quote_volume), count);
    repeat(KlineField::trades, out_.integers(KlineField::trades), count);
    repeat(KlineField::closed, out_.flags(KlineField::closed), count);
  }

  template <class T>
  void repeat(KlineField field, T* column, std::size_t count) {
    if (shape_.is_constant(field)) std::fill_n(column + out_.rows, count, column[learnt_row_]);
  }

  bool read_row(bool learning) {
    if (out_.rows == out_.capacity) return json_.fail(Code::out_of_range);
    out_.floats(KlineField::quote_volume)[out_.rows] = std::numeric_limits<double>::quiet_NaN();
    out_.integers(KlineField::trades)[out_.rows] = -1;
    out_.flags(KlineField::closed)[out_.rows] = 0;
    seen_ = 0;
    if (!(layout_.rows_are_objects ? read_object(learning) : read_array(learning))) return false;
    if ((seen_ & required_) != required_) return json_.fail(Code::missing_field);
    if (learning) learnt_row_ = out_.rows;
    ++out_.rows;
    ++out_.general_rows;
    return true;
  }

  bool read_array(bool learning) {
    if (!json_.enter_array()) return false;
    for (int column = 0; json_.next_element(); ++column) {
      const auto found = std::find(layout_.columns.begin(), layout_.columns.end(), column);
      if (!read_value(static_cast<std::size_t>(found - layout_.columns.begin()), learning)) return false;
    }
    return json_.ok();
  }

  bool read_object(bool learning) {
    if (!json_.enter_object()) return false;
    JsonText key;
    while (json_.next_member(key)) {
      const auto is_key = [&key](const std::string& name) { return !name.empty() && key == name; };
      const auto found = std::find_if(layout_.keys.begin(), layout_.keys.end(), is_key);
      if (!read_value(static_cast<std::size_t>(found - layout_.keys.begin()), learning)) return false;
    }
    return json_.ok();
  }

  // The value of the field with this index; of no field when the index is kline_fields.
  bool read_value(std::size_t index, bool learning) {
    json_.peek();
    const std::size_t begin = json_.offset();
    const bool used = index != kline_fields;
    if (!(used ? read_field(static_cast<KlineField>(index)) : json_.skip_value())) return false;
    if (learning) trace_.record(begin, json_.offset(), used ? static_cast<int>(index) : RowTrace::unused);
    return true;
  }

  bool read_field(KlineField field) {
    seen_ |= bit_of(field);
    switch (field) {
      case KlineField::open_time:
        return layout_.time_unit == TimeUnit::iso ? read_iso(field) : read_integer(field, time_power_);
      case KlineField::trades: return read_count(field);
      case KlineField::closed: return read_flag(field);
      default: return read_float(field);
    }
  }

  bool read_iso(KlineField field) {
    const std::size_t begin = json_.offset();
    JsonText text;
    if (!json_.read_string(text)) return false;
    const Code code = read_iso_time(text.raw, out_.integers(field)[out_.rows]);
    return code == Code::ok || json_.fail(code, begin);
  }

  bool read_integer(KlineField field, int power) {
    const std::size_t begin = json_.offset();
    Decimal number;
    if (!json_.read_quoted_or_bare_number(number)) return false;
    const Code code = to_int64(number, power, out_.integers(field)[out_.rows]);
    return code == Code::ok || json_.fail(code, begin);
  }

  bool read_count(KlineField field) {
    std::int64_t& count = out_.integers(field)[out_.rows];
    if (json_.peek() == 'n') {
      count = -1;
      return json_.read_null();
    }
    const std::size_t begin = json_.offset();
    return read_integer(field, 0) && (count >= 0 || json_.fail(Code::out_of_range, begin));
  }

  bool read_flag(KlineField field) {
    std::uint8_t& flag = out_.flags(field)[out_.rows];
    const char c = json_.peek();
    if (c == 't' || c == 'f') {
      bool value = false;
      if (!json_.read_bool(value)) return false;
      flag = value;
      return true;
    }
    const std::size_t begin = json_.offset();
    Decimal number;
    std::int64_t value = 0;
    if (!json_.read_quoted_or_bare_number(number)) return false;
    if (to_int64(number, 0, value) != Code::ok || value < 0 || value > 1) return json_.fail(Code::out_of_range, begin);
    flag = static_cast<std::uint8_t>(value);
    return true;
  }

  bool read_float(KlineField field) {
    double& value = out_.floats(field)[out_.rows];
    if (field == KlineField::quote_volume && json_.peek() == 'n') {
      value = std::numeric_limits<double>::quiet_NaN();
      return json_.read_null();
    }
    const std::size_t begin = json_.offset();
    Decimal number;
    if (!json_.read_quoted_or_bare_number(number)) return false;
    value = to_double(number);
    return std::isfinite(value) || json_.fail(Code::out_of_range, begin);
  }

  static constexpr int max_lessons =
      8;  // learning costs about a row: bodies that keep changing shape are read generally
  static constexpr int max_misses = 3;

  Bytes body_;
  JsonReader json_;
  const KlineLayout& layout_;
  KlineColumns& out_;
  FastPath fast_;
  int time_power_;
  unsigned required_ = 0;
  unsigned seen_ = 0;
  RowTrace trace_;
  RowTemplate shape_;
  std::size_t learnt_row_ = 0;
  int lessons_ = max_lessons;
  int misses_ = 0;
};

template <class T>
void reverse(T* column, std::size_t rows) {
  std::reverse(column, column + rows);
}

void put_in_order(KlineColumns& out) {
  const std::int64_t* const time = out.integers(KlineField::open_time);
  out.order = KlineOrder::ascending;
  if (std::is_sorted(time, time + out.rows)) return;
  if (!std::is_sorted(time, time + out.rows, std::greater<>())) {
    out.order = KlineOrder::unordered;
    return;
  }
  for (std::size_t i = 0; i + 1 < kline_fields; ++i) reverse(out.integers(static_cast<KlineField>(i)), out.rows);
  reverse(out.flags(KlineField::closed), out.rows);
}

// How often `wanted` occurs. Counting 128 bytes at a time in a byte lets the compiler use vectors: 10 times std::count.
std::size_t count_bytes(Bytes text, char wanted) {
  std::size_t total = 0;
  std::size_t at = 0;
  for (; text.size() - at >= 128; at += 128) {
    std::uint8_t found = 0;
    for (std::size_t i = 0; i < 128; ++i) found = static_cast<std::uint8_t>(found + (text[at + i] == wanted));
    total += found;
  }
  for (; at < text.size(); ++at) total += text[at] == wanted;
  return total;
}

}  // namespace

std::size_t kline_row_bound(Bytes body, const KlineLayout& layout) {
  const char bracket = layout.rows_are_objects ? '{' : '[';
  const std::size_t brackets = count_bytes(body, bracket);
  // [1,1,1,1,1,1], and {"a":1,"b":1,"c":1,"d":1,"e":1,"f":1}, are the shortest rows.
  const std::size_t shortest = layout.rows_are_objects ? 38 : 14;
  return std::min(brackets, body.size() / shortest + 1);
}

Status decode_klines(Bytes body, const KlineLayout& layout, KlineColumns& out, KlinePath path) {
  const Status status = Decoder(body, layout, out, choose(path)).run();
  if (status.ok()) put_in_order(out);
  return status;
}

}  // namespace tidewire
