#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "check.hpp"
#include "tidewire/grid.hpp"

using namespace tidewire;

namespace {

Grid grid(const char* step) {
  Grid made;
  CHECK(Grid::make({step, std::strlen(step)}, made).ok());
  return made;
}

Code make_code(const char* step) {
  Grid made;
  return Grid::make({step, std::strlen(step)}, made).code;
}

struct Reading {
  Code code;
  std::int64_t ticks;
};

// Text in a heap block of its own size, so that AddressSanitizer sees any byte read beyond it.
Reading read(const Grid& grid, const std::string& text) {
  std::unique_ptr<char[]> block(new char[text.size()]);
  std::memcpy(block.get(), text.data(), text.size());
  std::int64_t ticks = 0;
  const Status status = grid.ticks({block.get(), text.size()}, ticks);
  std::int64_t streamed = 0;
  Widths widths;
  const char* after = grid.read(block.get(), block.get() + text.size(), streamed, widths);
  CHECK((after == block.get() + text.size()) == status.ok());
  CHECK(!status.ok() || streamed == ticks);
  return {status.code, ticks};
}

void steps() {
  CHECK(grid("0.01").decimals() == 2 && grid("0.01").step() == 1);
  CHECK(grid("0.01000000").decimals() == 2 && grid("0.01000000").step() == 1);
  CHECK(grid("0.05").decimals() == 2 && grid("0.05").step() == 5);
  CHECK(grid("5").decimals() == 0 && grid("5").step() == 5);
  CHECK(grid("1e-8").decimals() == 8 && grid("1e-8").step() == 1);
  CHECK(grid("2.5E3").decimals() == 0 && grid("2.5E3").step() == 2500);
  CHECK(grid("1e-18").decimals() == 18);
  CHECK(grid("1e18").step() == 1'000'000'000'000'000'000);
  for (const char* bad : {"", "x", "1x", ".1", "1.", "01", "+1", "1e", " 1", "0x1", "nan"})
    CHECK(make_code(bad) != Code::ok);
  for (const char* bad :
       {"0", "0.0", "-1", "1e-19", "1e19", "1e999999999999999999999", "1.0000000000000000000000000000000000000001"}) {
    CHECK(make_code(bad) == Code::out_of_range);
  }
}

void readings() {
  struct Case {
    const char* step;
    const char* text;
    Code code;
    std::int64_t ticks;
  };
  const Case cases[] = {
      {"0.01", "61737.63000000", Code::ok, 6173763},
      {"0.01", "61737.63", Code::ok, 6173763},
      {"0.01", "61737", Code::ok, 6173700},
      {"0.01", "0", Code::ok, 0},
      {"0.01", "-0.00", Code::ok, 0},
      {"0.01", "-12.34", Code::ok, -1234},
      {"0.01", "61737.631", Code::off_grid, 0},
      {"0.01", "1e-3", Code::off_grid, 0},
      {"0.01", "10e-3", Code::ok, 1},
      {"0.05", "0.15", Code::ok, 3},
      {"0.05", "0.12", Code::off_grid, 0},
      {"5", "65", Code::ok, 13},
      {"5", "66", Code::off_grid, 0},
      {"0.000001", "5.33E-4", Code::ok, 533},
      {"1", "5.66E7", Code::ok, 56600000},
      {"1e-8", "0.05426064", Code::ok, 5426064},
      {"1e-8", "0.054260641", Code::off_grid, 0},
      {"1e-10", "1.2345E-6", Code::ok, 12345},
      {"1", "4611686018427387903", Code::ok, Grid::limit},
      {"1", "4611686018427387904", Code::out_of_range, 0},
      {"1", "1e999999999999999999999999", Code::out_of_range, 0},
      {"1", "1e-999999999999999999999999", Code::off_grid, 0},
      {"1", "0e999999999999999999999999", Code::ok, 0},
      {"1e18", "4e18", Code::ok, 4},
      {"1e18", "5e18", Code::out_of_range, 0},
      {"1e-18", "0.000000000000000001", Code::ok, 1},
      {"1", "1000000000000000000000000000000000000000000000001e-48", Code::off_grid, 0},
      {"0.01", "00.5", Code::bad_number, 0},
      {"0.01", "1.", Code::truncated, 0},
      {"0.01", ".5", Code::bad_number, 0},
      {"0.01", "+1", Code::bad_number, 0},
      {"0.01", "1e", Code::truncated, 0},
      {"0.01", "1 ", Code::bad_number, 0},
      {"0.01", "", Code::truncated, 0},
      {"0.01", "-", Code::truncated, 0},
      {"0.01", "12.5x", Code::bad_number, 0},
  };
  for (const Case& c : cases) {
    const Reading got = read(grid(c.step), c.text);
    CHECK(got.code == c.code);
    CHECK(c.code != Code::ok || got.ticks == c.ticks);
  }
}

// Sixteen digits at once and one by one.
void sixteen_digits() {
  std::mt19937_64 random(5);
  for (int round = 0; round < 100'000; ++round) {
    char text[17] = {};
    for (int i = 0; i < 16; ++i) text[i] = static_cast<char>('0' + random() % 10);
    if (random() % 2 == 0) text[random() % 16] = static_cast<char>(random());
    const std::uint64_t first_mask = ~std::uint64_t{0} << (8 * (random() % 8));
    const std::uint64_t second_mask = digits::first_bytes(static_cast<int>(random() % 9));
    bool sound = true;
    std::uint64_t expected = 0;
    for (int i = 0; i < 16; ++i) {
      const bool counts = ((i < 8 ? first_mask >> (8 * i) : second_mask >> (8 * (i - 8))) & 1) != 0;
      sound = sound && (!counts || (text[i] >= '0' && text[i] <= '9'));
      expected = expected * 10 + (counts ? static_cast<std::uint64_t>(text[i] - '0') : 0);
    }
    for (const auto read : {digits::sixteen, digits::sixteen_portable}) {
      std::uint64_t value = 0;
      CHECK(read(digits::load8(text), digits::load8(text + 8), first_mask, second_mask, value) == sound);
      CHECK(!sound || value == expected);
    }
  }
}

// What stands inside a frame is read like the text alone, whatever widths were expected, and texts round-trip.
void shapes() {
  std::mt19937_64 random(7);
  Widths widths;
  const Grid grids[] = {grid("0.01"), grid("0.05"), grid("1e-8"), grid("25"), grid("0.00001"), grid("3e-7")};
  for (int round = 0; round < 200'000; ++round) {
    const Grid& g = grids[random() % std::size(grids)];
    std::string text;
    const bool steady = round % 1000 < 500;  // widths that repeat, so that they come to be expected
    for (std::size_t i = steady ? 3 : 1 + random() % 9; i > 0; --i) text += static_cast<char>('0' + random() % 10);
    if (steady || random() % 4 != 0) {
      text += '.';
      for (std::size_t i = random() % 10; i > 0; --i)
        text += random() % 2 != 0 ? '0' : static_cast<char>('0' + random() % 10);
    }
    if (random() % 8 == 0) text += "e1";
    if (random() % 8 == 0) text[random() % text.size()] = static_cast<char>(random());
    // Followed by more of a frame, so that the usual shape is taken; the same text alone goes to the general reader.
    const std::string frame = text + "\",\"0.40163000\"]]}";
    std::int64_t inside = 0;
    const char* after = g.read(frame.data(), frame.data() + frame.size(), inside, widths);
    const Reading alone = read(g, text);
    if (alone.code == Code::ok) {
      CHECK(after == frame.data() + text.size() && inside == alone.ticks);
    } else {
      CHECK(after == nullptr || after < frame.data() + text.size());
    }

    const std::int64_t ticks = static_cast<std::int64_t>(random() >> (2 + random() % 60)) / g.step();
    CHECK(read(g, g.text(ticks)).ticks == ticks);
    CHECK(read(g, g.text(-ticks)).ticks == -ticks);
  }
  CHECK(grid("0.05").text(3) == "0.15" && grid("0.05").text(-1) == "-0.05" && grid("5").text(0) == "0");
  CHECK(grid("0.01").text(6173760) == "61737.60");
  CHECK(grid("0.01").value(6173763) == 61737.63);
  CHECK(grid("1e-18").value(Grid::limit) == 4.611686018427387903);
}

}  // namespace

int main() {
  steps();
  readings();
  sixteen_digits();
  shapes();
  return check::report("grid");
}
