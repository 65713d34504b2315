// The kline decoder: every path against every other, on whole, truncated and damaged bodies.
#include <cmath>

#include "check.hpp"
#include "kline_cases.hpp"
#include "tidewire/iso_time.hpp"

using namespace kline_cases;

namespace {

Status refusal(const std::string& text, const KlineLayout& layout) {
  return Decoded(text, layout, KlinePath::best).status;
}

const Case& named(const std::vector<Case>& cases, const std::string& name) {
  for (const auto& c : cases)
    if (c.name == name) return c;
  std::abort();
}

void test_paths_agree() {
  for (const auto& [name, layout, body] : all()) {
    const Decoded general(body, layout, KlinePath::general);
    CHECK(general.status.ok());
    CHECK(general.columns.general_rows == general.columns.rows);
    CHECK(paths_agree(body, layout));
    if (!general.status.ok() || !paths_agree(body, layout)) std::printf("in %s at %zu\n", name, general.status.offset);
    for (std::size_t cut = 0; cut <= body.find_last_of("]}"); ++cut) {
      CHECK(!refusal(body.substr(0, cut), layout).ok());
      if (body.size() < 3000 || cut % 7 == 0) CHECK(paths_agree(body.substr(0, cut), layout));
    }
  }
}

// Every byte of a short body replaced by every byte that matters: the paths must agree on each.
void test_damage() {
  for (const auto& [name, layout, body] : all()) {
    const std::string bytes = "09.-+eE/\"[]{},: n\\";
    for (std::size_t at = 0; at < body.size(); at += body.size() < 1500 ? 1 : 13) {
      std::string damaged = body;
      for (const char c : bytes) {
        damaged[at] = c;
        const bool agree = paths_agree(damaged, layout);
        CHECK(agree);
        if (!agree) std::printf("in %s: %c at %zu\n", name, c, at);
      }
    }
  }
}

void test_fast_path_is_taken() {
  const auto cases = all();
  for (const char* name : {"binance", "okx", "htx", "coinbase", "coinbase spaced", "coinbase_advanced", "stream"}) {
    const Case& c = named(cases, name);
    for (const KlinePath path : {KlinePath::portable, KlinePath::best}) {
      const Decoded decoded(c.body, c.layout, path);
      CHECK(decoded.columns.rows >= 12 && decoded.columns.general_rows <= 2);
      if (decoded.columns.general_rows > 2) std::printf("in %s: %zu\n", name, decoded.columns.general_rows);
    }
  }
}

void test_values() {
  const auto cases = all();
  const Decoded okx(named(cases, "okx").body, named(cases, "okx").layout, KlinePath::best);
  const auto& c = okx.columns;
  CHECK(c.rows == 30 && c.order == KlineOrder::ascending);
  CHECK(c.integers(KlineField::open_time)[29] == 1'600'000'000'000'000'000);
  CHECK(c.integers(KlineField::open_time)[0] == 1'599'998'260'000'000'000);
  CHECK(c.floats(KlineField::high)[3] == 3.743 && c.floats(KlineField::volume)[3] == 8422410.0);
  CHECK(c.floats(KlineField::quote_volume)[3] == 12698348.04828491);
  CHECK(c.integers(KlineField::trades)[3] == -1 && c.flags(KlineField::closed)[3] == 0);
  const Decoded stream(named(cases, "stream").body, named(cases, "stream").layout, KlinePath::best);
  CHECK(stream.columns.flags(KlineField::closed)[11] == 1 && stream.columns.integers(KlineField::trades)[11] == -1);
  const Decoded htx(named(cases, "shapes that change").body, named(cases, "shapes that change").layout,
                    KlinePath::best);
  CHECK(std::isnan(htx.columns.floats(KlineField::quote_volume)[1]) &&
        htx.columns.integers(KlineField::trades)[1] == -1);
  CHECK(htx.columns.floats(KlineField::quote_volume)[2] == 6 && htx.columns.integers(KlineField::trades)[2] == 7);
}

void test_refusals() {
  const KlineLayout six = arrays({0, 1, 2, 3, 4, 5, -1, -1, -1}, TimeUnit::ms);
  const KlineLayout data = arrays({0, 1, 2, 3, 4, 5, -1, -1, -1}, TimeUnit::ms, {"data"});
  const auto code = [&](const std::string& text) { return refusal(text, six).code; };
  CHECK(code("[[1,2,3,4,5]]") == Code::missing_field);
  CHECK(code("[[1,2,3,4,5,null]]") == Code::wrong_type);
  CHECK(code("[[1,2,3,4,5,\"\"]]") == Code::bad_number);
  CHECK(code("[[1,2,3,4,5,\" 6\"]]") == Code::bad_number);
  CHECK(code("[[1,2,3,4,5,\"0x6\"]]") == Code::bad_number);
  CHECK(code("[[1,2,3,4,5,\"NaN\"]]") == Code::bad_number);
  CHECK(code("[[1,2,3,4,5,1e999]]") == Code::out_of_range);
  CHECK(code("[[1.5000001e0,2,3,4,5,6]]") == Code::bad_number);  // not a whole number of nanoseconds
  CHECK(code("[[99999999999999,2,3,4,5,6]]") == Code::out_of_range);
  CHECK(code("[[1,2,3,4,5,6],]") == Code::syntax);
  CHECK(code("[[1,2,3,4,5,6]] x") == Code::syntax);
  CHECK(code("{\"code\":-1121,\"msg\":\"Invalid symbol.\"}") == Code::wrong_type);
  CHECK(code("<html>") == Code::wrong_type);
  CHECK(refusal("{\"code\":1}", data).code == Code::missing_field);
  CHECK(refusal("{\"data\":null}", data).code == Code::wrong_type);
  CHECK(refusal("{\"data\":[[1,2,3,4,5,6]],\"data\":[[7,2,3,4,5,x]]}", data).offset == 43);
  const Decoded twice("{\"data\":[[1,2,3,4,5,6],[2,2,3,4,5,6],[3,2,3,4,5,6]],\"data\":[[7,2,3,4,5,6]]}", data,
                      KlinePath::best);
  CHECK(twice.status.ok() && twice.columns.rows == 1);
  const Decoded unordered("[[2,2,3,4,5,6],[3,2,3,4,5,6],[1,2,3,4,5,6]]", six, KlinePath::best);
  CHECK(unordered.status.ok() && unordered.columns.order == KlineOrder::unordered);
}

void test_iso_time() {
  const auto read = [](std::string_view text, std::int64_t& ns) {
    return read_iso_time({text.data(), text.size()}, ns);
  };
  std::int64_t ns = 0;
  CHECK(read("1970-01-01T00:00:00Z", ns) == Code::ok && ns == 0);
  CHECK(read("2024-02-29 23:59:59.123456789+00:00", ns) == Code::ok && ns == 1709251199123456789);
  CHECK(read("2024-02-29T08:00+0800", ns) == Code::ok && ns == 1709164800000000000);
  CHECK(read("1969-12-31T23:59:59.5Z", ns) == Code::ok && ns == -500'000'000);
  for (const char* bad :
       {"", "2024", "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-02-29T24:00:00Z",
        "2024-02-29T00:00:00", "2024-02-29T00:00:00.Z", "2024-02-29T00:00:00.1234567890Z", "2024-02-29T00:00:00Zx"})
    CHECK(read(bad, ns) == Code::wrong_type);
  CHECK(read("1500-01-01T00:00:00Z", ns) == Code::out_of_range);
}

}  // namespace

int main() {
  test_paths_agree();
  test_damage();
  test_fast_path_is_taken();
  test_values();
  test_refusals();
  test_iso_time();
  return check::report("kline");
}
