// Layouts of seven kinds of book message, each with a snapshot and a delta that follows it; and what must hold for any
// bytes.
#pragma once
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "tidewire/book.hpp"

namespace book_cases {

using namespace tidewire;

struct Case {
  BookLayout layout;
  std::string snapshot;
  std::string delta;
  bool in_band;  // the snapshot is a message of the delta's form
};

inline void add_levels(Place& root, const std::string& path, Field side, const char* price = "[0]",
                       const char* quantity = "[1]", const char* which = nullptr) {
  root.add(path, side);
  root.add(path + "[*]", Field::level);
  root.add(path + "[*]" + price, Field::price);
  root.add(path + "[*]" + quantity, Field::quantity);
  if (which != nullptr) root.add(path + "[*]" + which, Field::side);
}

inline BookLayout empty() {
  BookLayout layout;
  layout.snapshot_words = {"snapshot"};
  layout.delta_words = {"update", "l2update"};
  layout.buy_words = {"buy", "bid"};
  layout.sell_words = {"sell", "offer"};
  return layout;
}

inline Case binance(bool futures) {
  BookLayout layout = empty();
  for (const std::string prefix : {"", "data."}) {
    layout.delta.add(prefix + "U", Field::first);
    layout.delta.add(prefix + "u", Field::last);
    if (futures) layout.delta.add(prefix + "pu", Field::previous);
    add_levels(layout.delta, prefix + "b", Field::bids);
    add_levels(layout.delta, prefix + "a", Field::asks);
  }
  layout.snapshot.add("lastUpdateId", Field::last);
  add_levels(layout.snapshot, "bids", Field::bids);
  add_levels(layout.snapshot, "asks", Field::asks);
  layout.rule = futures ? Rule::chain : Rule::range;
  const std::string snapshot =
      R"({"lastUpdateId":10,"bids":[["61737.63000000","1.54698000"],["61737.00000000","2.00000000"]],)"
      R"("asks":[["61737.64000000","0.01600000"],["61738.00000000","3.00000000"]]})";
  const std::string levels =
      R"("b":[["61737.63000000","0.00000000"],["56854.58000000","2.50000000"]],"a":[["61738.00000000","1.54698000"]]})";
  return {
      layout, snapshot,
      futures
          ? R"({"e":"depthUpdate","E":1571889248277,"T":1571889248276,"s":"BTCUSDT","U":9,"u":12,"pu":8,)" + levels
          : R"({"stream":"btcusdt@depth","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":11,"u":14,)" +
                levels + "}",
      false};
}

inline Case okx() {
  BookLayout layout = empty();
  layout.delta.add("action", Field::kind);
  layout.delta.add("data[0].seqId", Field::last);
  layout.delta.add("data[0].prevSeqId", Field::previous);
  layout.delta.add("data[0].checksum", Field::checksum);
  add_levels(layout.delta, "data[0].bids", Field::bids);
  add_levels(layout.delta, "data[0].asks", Field::asks);
  layout.snapshot = layout.delta;
  layout.rule = Rule::chain;
  layout.resets = true;
  layout.checksum_depth = 25;
  return {
      layout,
      R"({"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["3366.8","9","0","1"],)"
      R"(["3368","8","0","1"]],"bids":[["3366.1","7","0","1"],["3366","6","0","1"]],"ts":"1597026383085",)"
      R"("checksum":-1881014294,"prevSeqId":-1,"seqId":10}]})",
      R"({"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["3372","8","0","1"]],)"
      R"("bids":[["3366","0","0","0"]],"ts":"1597026383085","checksum":831078360,"prevSeqId":10,"seqId":15}]})",
      true};
}

inline Case htx_mbp() {
  BookLayout layout = empty();
  const auto add = [](Place& root, const std::string& at) {
    root.add(at + ".seqNum", Field::last);
    root.add(at + ".prevSeqNum", Field::previous);
    add_levels(root, at + ".bids", Field::bids);
    add_levels(root, at + ".asks", Field::asks);
  };
  add(layout.delta, "tick");
  add(layout.snapshot, "data");
  layout.rule = Rule::chain;
  layout.depth = 3;
  return {
      layout,
      R"({"id":"1","rep":"market.btcusdt.mbp.150","status":"ok","data":{"seqNum":10,"bids":[[38765.39,1.5],[38762.8,2]],)"
      R"("asks":[[38765.4,5.33E-4]]}})",
      R"({"ch":"market.btcusdt.mbp.150","ts":1622707662703,"tick":{"seqNum":12,"prevSeqNum":10,)"
      R"("bids":[[38765.39,0.0],[38762.87,0.009708],[3.87E4,5.66E7]]}})",
      false};
}

inline Case htx_swap() {
  BookLayout layout = empty();
  layout.delta.add("tick.event", Field::kind);
  layout.delta.add("tick.version", Field::last);
  add_levels(layout.delta, "tick.bids", Field::bids);
  add_levels(layout.delta, "tick.asks", Field::asks);
  layout.snapshot = layout.delta;
  layout.rule = Rule::increment;
  return {layout,
          R"({"ch":"market.DOT-USDT.depth.size_20.high_freq","tick":{"asks":[[9.9252,1569],[9.9301,1964]],"bids":null,)"
          R"("event":"snapshot","id":222100052218419,"ts":1653033431770,"version":10},"ts":1653033431770})",
          R"({"ch":"market.DOT-USDT.depth.size_20.high_freq","tick":{"asks":[[9.9252,0]],"bids":[[9.92,40],[9.91,7]],)"
          R"("event":"update","id":222100052218420,"ts":1653033431771,"version":11},"ts":1653033431771})",
          true};
}

inline Case coinbase() {
  BookLayout layout = empty();
  layout.delta.add("type", Field::kind);
  add_levels(layout.delta, "bids", Field::bids);
  add_levels(layout.delta, "asks", Field::asks);
  add_levels(layout.delta, "changes", Field::changes, "[1]", "[2]", "[0]");
  layout.snapshot = layout.delta;
  return {
      layout,
      R"({"type":"snapshot","product_id":"BAND-GBP","asks":[["14.8024","12.77"],["14.8069","12.49"]],"bids":[["14.75","1"]]})",
      R"({"type":"l2update","product_id":"BAND-GBP","changes":[["sell","14.8024","0"],["buy","14.7601","660.5"]],)"
      R"("time":"2021-04-17T16:43:37.075687Z"})",
      true};
}

inline Case coinbase_advanced() {
  BookLayout layout = empty();
  layout.delta.add("events[*].type", Field::kind);
  layout.delta.add("sequence_num", Field::last);
  add_levels(layout.delta, "events[*].updates", Field::changes, ".price_level", ".new_quantity", ".side");
  layout.snapshot = layout.delta;
  const std::string head =
      R"({"channel":"l2_data","client_id":"","timestamp":"2023-02-09T20:32:50.714964855Z","sequence_num":)";
  const std::string event = R"(,"events":[{"type":"%","product_id":"BTC-USD","updates":[)";
  const auto of = [&](const char* number, const char* kind, const char* updates) {
    return head + number + std::string(event).replace(event.find('%'), 1, kind) + updates + "]}]}";
  };
  return {
      layout,
      of("0", "snapshot",
         R"({"side":"bid","event_time":"1970-01-01T00:00:00Z","price_level":"21921.73","new_quantity":"0.06317902"},)"
         R"({"side":"offer","event_time":"1970-01-01T00:00:00Z","price_level":"21921.8","new_quantity":"0.4"})"),
      of("1", "update",
         R"({"side":"bid","event_time":"2023-02-09T20:32:50.7Z","price_level":"21921.3","new_quantity":"0.024"},)"
         R"({"side":"offer","event_time":"2023-02-09T20:32:50.7Z","price_level":"21921.8","new_quantity":"0"})"),
      true};
}

inline const std::vector<Case>& all() {
  static const std::vector<Case> cases = {binance(false), binance(true),      okx(), htx_mbp(), htx_swap(),
                                          coinbase(),     coinbase_advanced()};
  return cases;
}

inline Book make(const char* tick = "0.0001", const char* lot = "0.000001") {
  BookGrid grid;
  Grid::make({tick, std::strlen(tick)}, grid.price);
  Grid::make({lot, std::strlen(lot)}, grid.quantity);
  return Book(grid);
}

inline Status start(Book& book, const Case& c) {
  const Bytes text(c.snapshot.data(), c.snapshot.size());
  return c.in_band ? book.apply(c.layout, text) : book.apply_snapshot(c.layout, text);
}

// Levels as the shortest text, so that a refined grid shows the same.
inline std::string show(const Book& book) {
  const auto shortest = [](std::string text) {
    if (text.find('.') == std::string::npos) return text;
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
  };
  std::string out;
  for (const bool bids : {true, false}) {
    for (const auto& [price, quantity] : level_texts(book, bids, 10'000)) {
      out += shortest(price) + "x" + shortest(quantity) + " ";
    }
    out += bids ? "| " : "";
  }
  return out;
}

// The same message read by a scan and by the shapes of earlier messages gives the same outcome, and one that is not
// applied leaves every level as it was.
inline bool holds(const Case& c, Bytes text) {
  Book scanning = make();
  Book recognising = make();
  if (!start(recognising, c).ok() || !recognising.apply(c.layout, {c.delta.data(), c.delta.size()}).ok()) return false;
  if (!start(recognising, c).ok() || !start(scanning, c).ok()) return false;
  scanning.forget();
  const std::string before = show(scanning);

  const Status scanned = scanning.apply(c.layout, text);
  const Status recognised = recognising.apply(c.layout, text);
  if (scanned.code != recognised.code || scanned.offset != recognised.offset || scanned.offset > text.size())
    return false;
  if (show(scanning) != show(recognising) || scanning.sequence() != recognising.sequence()) return false;
  if (scanning.state() != recognising.state() || scanning.checksum(c.layout) != recognising.checksum(c.layout))
    return false;
  const bool applied = scanned.ok() || scanned.code == Code::checksum;
  if (!applied && show(scanning) != before) return false;
  return scanned.ok() ||
         scanning.state() == (scanned.code == Code::sequence_gap || applied ? Book::State::stale : Book::State::live);
}

}  // namespace book_cases
