// Whatever a file of records holds, what is read of it rises in time and has its prices in order.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tidewire/dat.hpp"

using namespace tidewire;

namespace {

constexpr DatLayout intraday{36, 4, 12, 16, 8, 20, 24, 28};
constexpr DatLayout without_interest{28, 4, 12, 16, 8, 20, -1, -1};

std::string record(std::uint32_t time, float price) {
  const float values[] = {price, price, price + 1, price - 1, 7, 100, 0, 0};
  std::string out(36, '\0');
  std::memcpy(out.data(), &time, 4);
  std::memcpy(out.data() + 4, values, 32);
  return out;
}

void check(Bytes body, const DatLayout& layout) {
  const std::size_t rows = body.size() / layout.record;
  std::vector<std::int64_t> time(rows);
  std::vector<double> columns[7];
  for (auto& column : columns) column.resize(rows);
  const DatColumns out{time.data(),       columns[0].data(), columns[1].data(), columns[2].data(),
                       columns[3].data(), columns[4].data(), columns[5].data(), columns[6].data()};
  const std::size_t read = read_dat(body, layout, 2, 1, out);
  if (read > rows || count_sound(body, layout) < read) std::abort();
  for (std::size_t i = 0; i < read; ++i) {
    const bool rises = i == 0 || time[i] > time[i - 1];
    const bool in_order = columns[2][i] <= columns[0][i] && columns[0][i] <= columns[1][i] &&
                          columns[2][i] <= columns[3][i] && columns[3][i] <= columns[1][i];
    if (!rises || !in_order || !(columns[4][i] >= 0)) std::abort();
  }
}

}  // namespace

const std::vector<std::string>& fuzz_seeds() {
  static const std::vector<std::string> seeds = {
      record(1'700'000'000, 3000) + record(1'700'000'060, 3001),
      record(1'700'000'000, 3000) + record(1'699'999'999, 3001),
      record(0, 1) + "short",
  };
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes body(reinterpret_cast<const char*>(data), size);
  check(body, intraday);
  check(body, without_interest);
  return 0;
}
