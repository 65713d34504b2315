// Decimal text to float64 and int64. With TIDEWIRE_FIXTURES set, also every line of the published conversion cases.
#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include "check.hpp"
#include "tidewire/number.hpp"

using namespace tidewire;

namespace {

Bytes bytes(const std::string& text) { return {text.data(), text.size()}; }

std::uint64_t bits(const std::string& text, Grammar grammar = Grammar::json) {
  Decimal number;
  const Status status = read_whole_decimal(bytes(text), number, grammar);
  return status.ok() ? std::bit_cast<std::uint64_t>(to_double(number)) : ~std::uint64_t{0};
}

Status refusal(const std::string& text) {
  Decimal number;
  return read_whole_decimal(bytes(text), number);
}

Code integer(const std::string& text, int power, std::int64_t& out) {
  Decimal number;
  const Status status = read_whole_decimal(bytes(text), number);
  return status.ok() ? to_int64(number, power, out) : status.code;
}

void test_grammar() {
  for (const char* bad :
       {"", "-", "+1", ".5", "01", "-01", "1e", "1e+", "0x1", "1 ", " 1", "1,", "NaN", "Infinity", "--1", "1.2.3"})
    CHECK(!refusal(bad).ok());
  CHECK(refusal("-").code == Code::truncated);
  CHECK(refusal("1.").code == Code::truncated && refusal("1.").offset == 2);
  CHECK(refusal("12x").code == Code::bad_number && refusal("12x").offset == 2);
  CHECK(refusal("1.e3").code == Code::bad_number);
  for (const char* good : {".5", "5.", "007", "5.e3"}) CHECK(bits(good, Grammar::relaxed) != ~std::uint64_t{0});
  for (const char* bad : {".", "-.", "e1", ""}) CHECK(bits(bad, Grammar::relaxed) == ~std::uint64_t{0});
  const std::string prefix = "42.5,17";
  const char* at = prefix.data();
  Decimal number;
  CHECK(read_decimal(at, prefix.data() + prefix.size(), number) == Code::ok);
  CHECK(at == prefix.data() + 4 && number.digits == 425 && number.exponent == -1);
}

void test_known_doubles() {
  CHECK(bits("0") == 0);
  CHECK(bits("-0") == std::uint64_t{1} << 63);
  CHECK(bits("-0.0e7") == std::uint64_t{1} << 63);
  CHECK(bits("6733.55000000") == std::bit_cast<std::uint64_t>(6733.55));
  CHECK(bits("30.72223099519689") == std::bit_cast<std::uint64_t>(30.72223099519689));
  CHECK(bits("9007199254740993") == std::bit_cast<std::uint64_t>(9007199254740992.0));
  CHECK(bits("9007199254740993.0000000000000000000000000000000001") ==
        std::bit_cast<std::uint64_t>(9007199254740994.0));
  CHECK(bits("5.33E-4") == std::bit_cast<std::uint64_t>(5.33e-4));
  CHECK(bits("1e309") == std::bit_cast<std::uint64_t>(HUGE_VAL));
  CHECK(bits("-1e99999999999999999999999") == std::bit_cast<std::uint64_t>(-HUGE_VAL));
  CHECK(bits("1e-99999999999999999999999") == 0);
  CHECK(bits("4.9e-324") == 1);
  const std::string many_zeros = "0." + std::string(400, '0') + "1e401";
  CHECK(bits(many_zeros) == std::bit_cast<std::uint64_t>(1.0));
}

// Every shape a venue writes, against strtod: up to 19 digits with the dot anywhere, which the integer shortcuts cover.
void test_against_strtod() {
  std::mt19937_64 random(20261123);
  for (int i = 0; i < 200'000; ++i) {
    std::string text = std::to_string(random() >> random() % 64);
    if (text != "0" && random() % 8 == 0) text += std::to_string(random());
    const std::size_t dot = random() % (text.size() + 1);
    if (dot > 0 && dot < text.size()) text.insert(dot, ".");
    if (random() % 8 == 0) text = "0." + std::string(random() % 20, '0') + std::to_string(random() >> random() % 64);
    if (random() % 8 == 0) text += "e" + std::to_string(static_cast<int>(random() % 80) - 40);
    CHECK(bits(text) == std::bit_cast<std::uint64_t>(std::strtod(text.c_str(), nullptr)));
  }
}

void test_integers() {
  std::int64_t value = 0;
  CHECK(integer("1785000000123", 6, value) == Code::ok && value == 1785000000123'000'000);
  CHECK(integer("0.01", 2, value) == Code::ok && value == 1);
  CHECK(integer("1.5e3", 0, value) == Code::ok && value == 1500);
  CHECK(integer("1.50000000", 1, value) == Code::ok && value == 15);
  CHECK(integer("-9223372036854775808", 0, value) == Code::ok && value == INT64_MIN);
  CHECK(integer("9223372036854775807", 0, value) == Code::ok && value == INT64_MAX);
  CHECK(integer("0.000000001234567890123456789", 27, value) == Code::ok && value == 1234567890123456789);
  CHECK(integer("9223372036854775808", 0, value) == Code::out_of_range);
  CHECK(integer("-9223372036854775809", 0, value) == Code::out_of_range);
  CHECK(integer("10123456789012345678901", 0, value) == Code::out_of_range);  // HTX has ids of 23 digits
  CHECK(integer("1e30", 0, value) == Code::out_of_range);
  CHECK(integer("0e30", 0, value) == Code::ok && value == 0);
  CHECK(integer("0.015", 2, value) == Code::bad_number);
  CHECK(integer("1.00000000000000000000001", 2, value) == Code::bad_number);
  CHECK(integer("1e-400", 0, value) == Code::bad_number);
}

void test_published_cases() {
  const char* root = std::getenv("TIDEWIRE_FIXTURES");
  if (root == nullptr) {
    std::puts("published cases skipped: TIDEWIRE_FIXTURES is not set");
    return;
  }
  int lines = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(root) + "/numbers")) {
    if (entry.path().extension() != ".txt") continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line); ++lines) {
      std::istringstream fields(line);
      std::string f16, f32, f64, text;
      fields >> f16 >> f32 >> f64 >> text;
      CHECK(bits(text, Grammar::relaxed) == std::stoull(f64, nullptr, 16));
    }
  }
  CHECK(lines == 21232);
}

}  // namespace

int main() {
  test_grammar();
  test_known_doubles();
  test_against_strtod();
  test_integers();
  test_published_cases();
  return check::report("number");
}
