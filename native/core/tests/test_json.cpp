// The pull reader. With TIDEWIRE_FIXTURES set, also every file of JSONTestSuite.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "check.hpp"
#include "tidewire/json.hpp"

using namespace tidewire;

namespace {

// The text in a block of exactly its size, so that AddressSanitizer sees any byte read past the end.
class Exact {
 public:
  explicit Exact(const std::string& text) : size_(text.size()), block_(new char[text.size()]) {
    std::copy(text.begin(), text.end(), block_.get());
  }
  operator Bytes() const { return {block_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> block_;
};

Status check_document(const std::string& text) {
  const Exact exact(text);
  JsonReader json(exact);
  json.skip_value();
  json.finish();
  return json.status();
}

void test_documents() {
  for (const char* good :
       {"[]", "{}", " [ 1 , -2.5e+3 , \"x\\u00e9\\n\" , { \"a\" : [ ] } , true , false , null ] \n", "0", "\"\""})
    CHECK(check_document(good).ok());
  for (const char* bad :
       {"[1,]",     "[,1]",  "{\"a\":1,}", "{a:1}",         "[1}",     "{\"a\"]",  "[1]]",         "[1] x",
        "\"\x01\"", "nul",   "nulls",      "[01]",          "\"\\x\"", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
        "{\"a\":}", "{1:2}", "[1 2]",      "\xef\xbb\xbf[]"})
    CHECK(!check_document(bad).ok());
  CHECK(check_document("[1, 2").code == Code::truncated);
  CHECK(check_document("").code == Code::truncated);
  CHECK(check_document("{\"key").code == Code::truncated);
  CHECK(check_document("[1 2]").offset == 3);
  CHECK(check_document(std::string(512, '[') + std::string(512, ']')).ok());
  CHECK(check_document(std::string(513, '[') + std::string(513, ']')).code == Code::too_deep);
  CHECK(!check_document(std::string("[1]\0", 4)).ok());
}

void test_truncations() {
  const std::string text = R"({"a\u0062":[1.5e-3,"\ud83d\ude00é",true,null,{"b":-0}],"c":{}})";
  CHECK(check_document(text).ok());
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    const Status status = check_document(text.substr(0, cut));
    CHECK(!status.ok() && status.offset <= cut);
  }
}

void test_reading() {
  const Exact exact(R"({"skip":{"x":[1,{"y":2}]},"d\u0061ta":[["1.5",2],[3,"4"]],"ok":true,"none":null})");
  JsonReader json(exact);
  JsonText key;
  Decimal number;
  double sum = 0;
  bool flag = false;
  CHECK(json.enter_object());
  while (json.next_member(key)) {
    if (key == "data") {
      CHECK(key.escaped);
      json.enter_array();
      while (json.next_element()) {
        json.enter_array();
        while (json.next_element()) {
          if (json.read_quoted_or_bare_number(number)) sum += to_double(number);
        }
      }
    } else if (key == "ok") {
      json.read_bool(flag);
    } else if (key == "none") {
      json.read_null();
    } else {
      json.skip_value();
    }
  }
  CHECK(json.finish());
  CHECK(sum == 10.5 && flag);
}

void test_errors_stick() {
  const Exact exact("[\"1.5x\", 2]");
  JsonReader json(exact);
  Decimal number;
  CHECK(json.enter_array() && json.next_element());
  CHECK(!json.read_quoted_or_bare_number(number));
  CHECK(json.status().code == Code::bad_number && json.status().offset == 5);
  CHECK(!json.next_element() && !json.skip_value() && !json.finish() && !json.enter_array());
  CHECK(json.status().code == Code::bad_number && json.status().offset == 5);
}

void test_keys() {
  const auto equal = [](const std::string& written, std::string_view value) {
    const Exact exact("\"" + written + "\"");
    JsonReader json(exact);
    JsonText text;
    return json.read_string(text) && text == value;
  };
  CHECK(equal("id", "id") && !equal("id", "ids") && !equal("ids", "id"));
  CHECK(equal("\\u0069\\u0064", "id") && !equal("\\u0069", "id") && !equal("\\u0069d", "i"));
  CHECK(equal("a\\/b\\\\\\\"\\n", "a/b\\\"\n"));
  CHECK(equal("\\ud83d\\ude00", "\xf0\x9f\x98\x80") && equal("\\u20ac\\u00e9", "\xe2\x82\xac\xc3\xa9"));
  CHECK(!equal("\\ud83d", "\xf0\x9f\x98\x80"));
}

void test_published_cases() {
  const char* root = std::getenv("TIDEWIRE_FIXTURES");
  if (root == nullptr) {
    std::puts("published cases skipped: TIDEWIRE_FIXTURES is not set");
    return;
  }
  int accepted = 0;
  int refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(root) + "/json_suite/test_parsing")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const bool ok = check_document(text).ok();
    const char kind = entry.path().filename().string()[0];
    if (kind == 'y' && !ok) std::printf("refused: %s\n", entry.path().c_str());
    if (kind == 'n' && ok) std::printf("accepted: %s\n", entry.path().c_str());
    accepted += kind == 'y' && ok;
    refused += kind == 'n' && !ok;
  }
  CHECK(accepted == 95);
  CHECK(refused == 188);
}

}  // namespace

int main() {
  test_documents();
  test_truncations();
  test_reading();
  test_errors_stick();
  test_keys();
  test_published_cases();
  return check::report("json");
}
