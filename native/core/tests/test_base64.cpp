// RFC 4648 vectors, round trips of every short length, and texts that a lenient decoder would let through.
#include <cstring>
#include <string>
#include <string_view>

#include "check.hpp"
#include "tidewire/base64.hpp"

using namespace tidewire;

namespace {

std::string encode(std::string_view bytes) {
  std::string text(base64_size(bytes.size()), '?');
  base64_encode({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, text.data());
  return text;
}

Status decode(std::string_view text, std::string& bytes) {
  bytes.assign(text.size() / 4 * 3, '?');
  std::size_t size = 0;
  const Status status =
      base64_decode(Bytes(text.data(), text.size()), reinterpret_cast<std::uint8_t*>(bytes.data()), size);
  bytes.resize(size);
  return status;
}

void published() {
  const std::string_view vectors[][2] = {{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foob", "Zm9vYg=="},
                                         {"fooba", "Zm9vYmE="},
                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    std::string decoded;
    CHECK(encode(bytes) == text);
    CHECK(decode(text, decoded).ok() && decoded == bytes);
  }
}

void round_trips() {
  for (std::size_t length = 0; length <= 300; ++length) {
    std::string bytes(length, ' '), decoded;
    for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<char>(i * 89 + length);
    CHECK(decode(encode(bytes), decoded).ok() && decoded == bytes);
  }
}

void refusals() {
  struct Bad {
    std::string_view text;
    Code code;
    std::size_t offset;
  };
  const Bad all[] = {
      {"Zg", Code::truncated, 2},    {"Zg=", Code::truncated, 3}, {"Zm9vY", Code::truncated, 5},
      {"=", Code::truncated, 1},     {"====", Code::syntax, 0},   {"Z===", Code::syntax, 1},
      {"Zg==Zg==", Code::syntax, 2}, {"Zh==", Code::syntax, 1},   {"Zm9=", Code::syntax, 2},
      {"Zm 9", Code::syntax, 2},     {"Zm9\n", Code::syntax, 3},  {"Zm-_", Code::syntax, 2},
      {"=m9v", Code::syntax, 0},     {"Zm=v", Code::syntax, 2},   {std::string_view("Zm9\0", 4), Code::syntax, 3},
      {"Zm9\xff", Code::syntax, 3},
  };
  for (const Bad& bad : all) {
    std::string decoded;
    const Status status = decode(bad.text, decoded);
    CHECK(status.code == bad.code && status.offset == bad.offset);
  }
}

}  // namespace

int main() {
  published();
  round_trips();
  refusals();
  return check::report("base64");
}
