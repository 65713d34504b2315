// Frames made by zlib at several levels, every truncation of them and every flipped bit; bombs; what is no gzip at all.
#include <string>
#include <string_view>

#include "check.hpp"
#include "inflate_cases.hpp"
#include "tidewire/crc32.hpp"
#include "tidewire/inflate.hpp"

using namespace tidewire;

namespace {

Status inflate(Inflater& inflater, std::string_view frame, std::string& text) {
  Bytes found;
  const Status status = inflater.inflate({frame.data(), frame.size()}, found);
  text.assign(found.data(), found.size());
  return status;
}

void known() {
  Inflater inflater(1 << 20);
  std::string text;
  for (const auto& [frame, wanted] : inflate_cases::all()) {
    CHECK(inflate(inflater, frame, text).ok() && text == wanted);
    CHECK(inflate(inflater, frame + frame, text).ok() && text == wanted + wanted);  // two members
  }
}

void damaged() {
  Inflater inflater(1 << 20);
  std::string text;
  for (const auto& [frame, wanted] : inflate_cases::all()) {
    for (std::size_t size = 0; size < frame.size(); ++size)
      CHECK(inflate(inflater, std::string_view(frame).substr(0, size), text).code == Code::truncated);
    for (std::size_t bit = 0; bit < 8 * frame.size(); ++bit) {
      std::string other = frame;
      other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
      // A flipped bit of the header's time or system changes nothing else.
      const Status status = inflate(inflater, other, text);
      CHECK(!status.ok() || text == wanted);
      CHECK(status.offset <= other.size());
    }
  }
}

void bounded() {
  std::string text;
  for (const auto& [frame, wanted] : inflate_cases::all()) {
    Inflater exact(wanted.size()), small(wanted.empty() ? 0 : wanted.size() - 1);
    CHECK(inflate(exact, frame, text).ok());
    CHECK(wanted.empty() || inflate(small, frame, text).code == Code::out_of_range);
  }
}

void foreign() {
  Inflater inflater(100);
  std::string text;
  CHECK(inflate(inflater, "{\"ping\":1700000000000}", text).code == Code::syntax);
  CHECK(inflate(inflater, "", text).code == Code::truncated);
}

void crc() {
  Crc32 whole, parts;
  const std::string_view text = "123456789, and some more than eight bytes";
  whole.add({text.data(), text.size()});
  for (const char c : text) parts.add(c);
  CHECK(whole.value() == parts.value());
  Crc32 nine;
  nine.add({text.data(), 9});
  CHECK(nine.value() == 0xCBF43926u);
}

}  // namespace

int main() {
  known();
  damaged();
  bounded();
  foreign();
  crc();
  return check::report("inflate");
}
