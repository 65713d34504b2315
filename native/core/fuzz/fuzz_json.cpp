// Skipping a value and walking it member by member agree on any bytes, and errors stay inside the text.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tidewire/json.hpp"

using namespace tidewire;

const std::vector<std::string>& fuzz_seeds() {
  static const std::vector<std::string> seeds = {
      R"({"a":[1,-2.5e+3,"x\u00e9\n",{"b":[]},true,false,null],"é":"\ud83d\ude00"})",
      R"( [ [ 1 , "1.50000000" ] , [ 0 , "0" ] ] )",
      "\"\xe2\x82\xac \xf0\x9f\x98\x80\"",
      "[[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]]",
  };
  return seeds;
}

namespace {
void walk(JsonReader& json) {
  JsonText text;
  Decimal number;
  bool flag = false;
  switch (json.peek()) {
    case '{':
      if (!json.enter_object()) return;
      while (json.next_member(text)) walk(json);
      return;
    case '[':
      if (!json.enter_array()) return;
      while (json.next_element()) walk(json);
      return;
    case '"':
      if (json.read_string(text)) (void)(text == "key");
      return;
    case 't':
    case 'f': json.read_bool(flag); return;
    case 'n': json.read_null(); return;
    default: json.read_number(number); return;
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes text(reinterpret_cast<const char*>(data), size);
  JsonReader skipped(text);
  JsonReader walked(text);
  skipped.skip_value();
  walk(walked);
  const bool same = skipped.finish() == walked.finish();
  const bool inside = skipped.status().offset <= size && walked.status().offset <= size;
  if (!same || !inside || skipped.status().offset != walked.status().offset) std::abort();
  return 0;
}
