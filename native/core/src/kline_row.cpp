#include "tidewire/kline_row.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace tidewire {
namespace {

SlotKind kind_of(int field, bool quoted) {
  if (field == RowTrace::unused) return quoted ? SlotKind::unused_quoted : SlotKind::unused_bare;
  switch (static_cast<KlineField>(field)) {
    case KlineField::open_time: return SlotKind::time;
    case KlineField::trades: return SlotKind::count;
    case KlineField::closed: return SlotKind::flag;
    default: return SlotKind::number;
  }
}

const char* skip_number_bytes(const char* at, const char* end) { return std::find_if_not(at, end, is_number_byte); }

bool matches(const FixedText& fixed, const char* at, const char* end) {
  return static_cast<std::size_t>(end - at) >= fixed.length && std::memcmp(at, fixed.text.data(), fixed.length) == 0;
}

}  // namespace

bool FixedText::append(const char* begin, const char* end) {
  const auto size = static_cast<std::size_t>(end - begin);
  if (size > max_length - length) return false;
  std::memcpy(text.data() + length, begin, size);
  std::memset(mask.data() + length, 0xFF, size);
  length += size;
  return true;
}

bool RowTemplate::add_numbers(Bytes body, const RowTrace& trace) {
  if (trace.count > RowTrace::max_values) return false;
  unsigned seen = 0;
  for (std::size_t i = 0; i < trace.count; ++i) {
    const auto& value = trace.values[i];
    if (value.field != RowTrace::unused) {
      const unsigned bit = 1U << static_cast<unsigned>(value.field);
      if (seen & bit) return false;  // a key twice in one row: leave it to the general scanner
      seen |= bit;
    }
    const char* begin = body.data() + value.begin;
    const char* end = body.data() + value.end;
    const bool quoted = *begin == '"' && end - begin >= 2;  // 2: even if another thread scribbles on the body
    if (quoted) ++begin, --end;
    if (begin == end || skip_number_bytes(begin, end) != end) continue;  // part of the fixed text
    Slot& slot = slots_[count_];
    slot = Slot{};
    slot.kind = kind_of(value.field, quoted);
    if (value.field != RowTrace::unused) {
      slot.field = static_cast<KlineField>(value.field);
      numbers_ |= 1U << static_cast<unsigned>(value.field);
    }
    spans_[count_++] = {begin, end};
  }
  return count_ != 0;
}

bool RowTemplate::learn(Bytes body, const RowTrace& trace, std::size_t begin, std::size_t end, std::size_t next) {
  *this = RowTemplate{};
  const char* const row = body.data() + begin;
  const char* const row_end = body.data() + end;
  const char* const next_row = body.data() + next;
  bool sound = add_numbers(body, trace);
  const char* at = row;  // everything that is not a number must be free of number bytes
  for (std::size_t i = 0; sound && i < count_; ++i) {
    sound = std::none_of(at, spans_[i].begin, is_number_byte) &&
            skip_number_bytes(spans_[i].begin, row_end) == spans_[i].end;
    if (i != 0) sound = sound && slots_[i - 1].gap.append(at, spans_[i].begin);
    at = spans_[i].end;
  }
  sound = sound && std::none_of(at, next_row, is_number_byte);
  if (sound) {
    tail_length_ = static_cast<std::size_t>(row_end - at);
    FixedText& last = slots_[count_ - 1].gap;
    sound = last.append(at, next_row) && last.append(row, spans_[0].begin);
    sound = sound && lead_.append(row_end, next_row) && lead_.append(row, spans_[0].begin);
  }
  if (!sound) forget();
  return sound;
}

bool store_number(const Slot& slot, const Decimal& number, int time_power, const KlineColumns& out, std::size_t row) {
  std::int64_t integer = 0;
  switch (slot.kind) {
    case SlotKind::number: {
      const double value = to_double(number);
      out.floats(slot.field)[row] = value;
      return std::isfinite(value);
    }
    case SlotKind::time: return to_int64(number, time_power, out.integers(slot.field)[row]) == Code::ok;
    case SlotKind::count:
      if (to_int64(number, 0, integer) != Code::ok || integer < 0) return false;
      out.integers(slot.field)[row] = integer;
      return true;
    case SlotKind::flag:
      if (to_int64(number, 0, integer) != Code::ok || integer < 0 || integer > 1) return false;
      out.flags(slot.field)[row] = static_cast<std::uint8_t>(integer);
      return true;
    default: return true;
  }
}

FastRows read_rows_portable(const FastInput& input) {
  FastRows done;
  const RowTemplate& shape = *input.shape;
  const char* at = input.at;
  if (!matches(shape.lead(), at, input.end)) return done;
  at += shape.lead().length;
  for (std::size_t row = input.out->rows; row < input.out->capacity; ++row) {
    const char* last_number_end = at;
    for (std::size_t i = 0; i < shape.count(); ++i) {
      const Slot& slot = shape.slots()[i];
      if (slot.kind == SlotKind::unused_quoted) {
        at = skip_number_bytes(at, input.end);
      } else {
        Decimal number;
        if (read_decimal(at, input.end, number) != Code::ok) return done;
        if (!store_number(slot, number, input.time_power, *input.out, row)) return done;
      }
      last_number_end = at;
      if (!matches(slot.gap, at, input.end)) return done;
      at += slot.gap.length;
    }
    ++done.count;
    done.end = last_number_end + shape.tail_length();
  }
  return done;
}

}  // namespace tidewire
