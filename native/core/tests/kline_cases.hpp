// Layouts and bodies in the shapes of five venues, and a comparison of every path through the kline decoder.
#pragma once
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "tidewire/kline.hpp"

namespace kline_cases {

using namespace tidewire;

inline KlineLayout arrays(std::array<int, kline_fields> columns, TimeUnit unit,
                          std::vector<std::string> envelope = {}) {
  KlineLayout layout;
  layout.columns = columns;
  layout.time_unit = unit;
  layout.envelope = std::move(envelope);
  return layout;
}

inline KlineLayout objects(std::array<std::string, kline_fields> keys, TimeUnit unit,
                           std::vector<std::string> envelope) {
  KlineLayout layout;
  layout.rows_are_objects = true;
  layout.columns.fill(-1);
  layout.keys = std::move(keys);
  layout.time_unit = unit;
  layout.envelope = std::move(envelope);
  return layout;
}

struct Case {
  const char* name;
  KlineLayout layout;
  std::string body;
};

// `count` copies of a row, with the time (given in steps of one) and the last digits of the prices changing.
inline std::string rows(const std::string& before, const std::string& row, const std::string& after, int count,
                        int step = 1) {
  std::string body = before;
  for (int i = 0; i < count; ++i) {
    std::string text = row;
    const std::string number = std::to_string(1'600'000'000 + 60 * i * step);
    for (std::size_t at; (at = text.find('T')) != std::string::npos;) text.replace(at, 1, number);
    for (std::size_t at; (at = text.find('P')) != std::string::npos;)
      text.replace(at, 1, std::to_string(i * 7919 % 90001));
    body += (i == 0 ? "" : ",") + text;
  }
  return body + after;
}

inline std::vector<Case> all() {
  const auto ms = TimeUnit::ms;
  const auto s = TimeUnit::s;
  const KlineLayout binance = arrays({0, 1, 2, 3, 4, 5, 7, 8, -1}, ms);
  const KlineLayout okx = arrays({0, 1, 2, 3, 4, 5, 7, -1, 8}, ms, {"data"});
  const KlineLayout htx = objects({"id", "open", "high", "low", "close", "amount", "vol", "count", ""}, s, {"data"});
  const KlineLayout coinbase = arrays({0, 3, 2, 1, 4, 5, -1, -1, -1}, s);
  const KlineLayout advanced = objects({"start", "open", "high", "low", "close", "volume", "", "", ""}, s, {"candles"});
  const KlineLayout stream = objects({"t", "o", "h", "l", "c", "v", "q", "n", "x"}, ms, {"data", "k"});
  const KlineLayout iso = arrays({0, 1, 2, 3, 4, 5, -1, -1, -1}, TimeUnit::iso);
  return {
      {"binance", binance,
       rows(
           "[",
           R"([T000,"67P.55000000","6737.P","0.0P26","6727.14000000","121.20139100",T999,"815879.494P","22P","56.19067400","3.1","0"])",
           "]", 40)},
      {"binance with long numbers", binance,
       rows(
           "[",
           R"([T000,"67P.55000000","6737.P","100.P26","27.14000000","121.20139100",T999,"9928047313.488P6655",22,"56.1","3.1","0"])",
           "]", 9)},
      {"okx", okx,
       rows(R"({"code":"0","msg":"","data":[)",
            R"(["T000","3.P","3.743","3.677","3.708","8422410","22698348.04828491","12698348.04828491","0"])", "]}", 30,
            -1)},
      {"htx", htx,
       rows(
           R"({"ch":"market.btcusdt.kline.5min","status":"ok","ts":1629769247172,"data":[)",
           R"({"id":T,"open":4P.37,"close":49025.51,"low":49022.86,"high":49056.38,"amount":3.94628191795P,"vol":193489.67275732,"count":196})",
           "]}", 30, -1)},
      {"htx with exponents", htx,
       rows(R"({"status":"ok","data":[)",
            R"({"id":T,"open":4.37,"close":4.5E+1,"low":5.33E-4,"high":1P,"amount":3e2,"vol":1e-7,"count":0})", "]}",
            9)},
      {"coinbase", coinbase, rows("[", "[T,140.P,140.5,99.25,140.21,5643.7345]", "]", 50, -1)},
      {"coinbase spaced", coinbase, rows("[\n  ", "[T, 140.P, 140.5, 99.25, 140.21, 5643.7345]", "\n]\n", 20, -1)},
      {"coinbase_advanced", advanced,
       rows(
           R"({"candles": [)",
           R"({"start": "T", "low": "140.P", "high": "140.21", "open": "140.21", "close": "140.21", "volume": "56437345"})",
           "]}", 20, -1)},
      {"stream", stream,
       rows(R"({"stream":"a","data":{"E":1,"k":[)",
            R"({"t":T000,"o":"1.P","c":"1","h":"2","l":"0.5","v":"10","n":null,"x":true,"q":"9"})", "]}}", 12)},
      {"iso", iso,
       R"([["2021-08-24T00:00:00Z","1","2","0.5","1.5","10"],["2021-08-24T00:01:00.5+08:00","1","2","0.5","1.5","10"]])"},
      {"no rows", okx, R"({"code":"0","data":[]})"},
      {"shapes that change", htx, R"({"data":[{"id":3,"open":1,"high":2,"low":1,"close":2,"amount":5,"vol":6,"count":7},
        {"close":2,"id":2,"open":1,"high":2,"low":1,"amount":5},{"id":1,"open":1,"high":2,"low":1,"close":2,"amount":5,"vol":null,"count":null}]})"},
  };
}

// A decoded body; input and output lie in blocks of exactly their size, so that a sanitizer sees any access outside.
struct Decoded {
  Decoded(const std::string& text, const KlineLayout& layout, KlinePath path)
      : body(new char[text.size()]),
        capacity(bound(text, layout)),
        block(new std::byte[kline_block_size(capacity)]),
        columns(block.get(), capacity) {
    std::memcpy(body.get(), text.data(), text.size());
    status = decode_klines({body.get(), text.size()}, layout, columns, path);
  }

  static std::size_t bound(const std::string& text, const KlineLayout& layout) {
    return kline_row_bound({text.data(), text.size()}, layout);
  }

  bool operator==(const Decoded& other) const {
    if (status.code != other.status.code || status.offset != other.status.offset) return false;
    if (!status.ok()) return true;
    if (columns.rows != other.columns.rows || columns.order != other.columns.order) return false;
    for (std::size_t i = 0; i < kline_fields; ++i) {
      const auto field = static_cast<KlineField>(i);
      const std::size_t width = field == KlineField::closed ? 1 : 8;
      if (std::memcmp(columns.column(field), other.columns.column(field), columns.rows * width) != 0) return false;
    }
    return true;
  }

  std::unique_ptr<char[]> body;
  std::size_t capacity;
  std::unique_ptr<std::byte[]> block;
  KlineColumns columns;
  Status status;
};

inline bool paths_agree(const std::string& text, const KlineLayout& layout) {
  const Decoded general(text, layout, KlinePath::general);
  return Decoded(text, layout, KlinePath::portable) == general && Decoded(text, layout, KlinePath::best) == general;
}

}  // namespace kline_cases
