#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "book_cases.hpp"
#include "check.hpp"
#include "tidewire/book.hpp"

using namespace tidewire;

namespace {

// Paths of one array of levels with price and quantity first.
void add_levels(Place& root, const std::string& path, Field side) {
  CHECK(root.add(path, side));
  CHECK(root.add(path + "[*]", Field::level));
  CHECK(root.add(path + "[*][0]", Field::price));
  CHECK(root.add(path + "[*][1]", Field::quantity));
}

BookLayout spot() {
  BookLayout layout;
  layout.delta.add("U", Field::first);
  layout.delta.add("u", Field::last);
  add_levels(layout.delta, "b", Field::bids);
  add_levels(layout.delta, "a", Field::asks);
  layout.snapshot.add("lastUpdateId", Field::last);
  add_levels(layout.snapshot, "bids", Field::bids);
  add_levels(layout.snapshot, "asks", Field::asks);
  layout.rule = Rule::range;
  return layout;
}

BookLayout okx() {
  BookLayout layout;
  layout.delta.add("action", Field::kind);
  layout.delta.add("data[0].seqId", Field::last);
  layout.delta.add("data[0].prevSeqId", Field::previous);
  layout.delta.add("data[0].checksum", Field::checksum);
  add_levels(layout.delta, "data[0].bids", Field::bids);
  add_levels(layout.delta, "data[0].asks", Field::asks);
  layout.rule = Rule::chain;
  layout.resets = true;
  layout.checksum_depth = 25;
  layout.snapshot_words = {"snapshot"};
  layout.delta_words = {"update"};
  return layout;
}

Book make(const char* tick, const char* lot) {
  BookGrid grid;
  CHECK(Grid::make({tick, std::strlen(tick)}, grid.price).ok());
  CHECK(Grid::make({lot, std::strlen(lot)}, grid.quantity).ok());
  return Book(grid);
}

// A heap block of the text's own size: AddressSanitizer sees any byte read beyond it.
Status apply(Book& book, const BookLayout& layout, std::string_view text, bool snapshot = false) {
  std::unique_ptr<char[]> block(new char[text.size()]);
  std::memcpy(block.get(), text.data(), text.size());
  const Bytes bytes(block.get(), text.size());
  return snapshot ? book.apply_snapshot(layout, bytes) : book.apply(layout, bytes);
}

std::string show(const Book& book) {
  std::string out;
  for (const bool bids : {true, false}) {
    for (const auto& [price, quantity] : level_texts(book, bids, 1000)) out += price + "x" + quantity + " ";
    out += bids ? "| " : "";
  }
  return out;
}

const char* const base = R"({"lastUpdateId":10,"bids":[["0.99","3"],["0.98","4"]],"asks":[["1.01","5"],["1.02","6"]]})";

void paths() {
  Place root;
  CHECK(root.add("data[0].bids[*][1]", Field::price));
  CHECK(root.add("data[0].asks", Field::asks));
  for (const char* bad :
       {"", ".a", "a.", "a..b", "a[", "a[x]", "a[-1]", "a]", "data.bids", "data[0].asks", "[0]", "a[1]b"}) {
    CHECK(!Place(root).add(bad, Field::bids));
  }
}

void spot_rule() {
  const BookLayout layout = spot();
  Book book = make("0.01", "1");
  CHECK(apply(book, layout, R"({"U":1,"u":2,"b":[],"a":[]})").code == Code::no_snapshot);
  CHECK(apply(book, layout, base, true).ok());
  CHECK(book.state() == Book::State::live && book.sequence() == 10);
  CHECK(book.bids().known() == 98 && book.asks().known() == -102);
  CHECK(apply(book, layout, R"({"U":8,"u":10,"b":[["0.97","1"]],"a":[]})").code == Code::stale);
  CHECK(apply(book, layout, R"({"U":8,"u":11,"b":[["0.99","0"],["0.50","0"]],"a":[["1.00","7"]]})").ok());
  CHECK(show(book) == "0.98x4 | 1.00x7 1.01x5 1.02x6 ");
  CHECK(apply(book, layout, R"({"U":12,"u":12,"b":[["1.00","2"]],"a":[]})").ok());
  CHECK(book.crossed());
  const std::string before = show(book);
  CHECK(apply(book, layout, R"({"U":14,"u":15,"b":[["0.98","0"]],"a":[]})").code == Code::sequence_gap);
  CHECK(book.expected() == 13 && book.received() == 14 && book.state() == Book::State::stale && show(book) == before);
  CHECK(apply(book, layout, R"({"U":13,"u":15,"b":[],"a":[]})").code == Code::no_snapshot);
  CHECK(apply(book, layout, base, true).ok());
  CHECK(!book.crossed());
  book.mark_stale();
  CHECK(book.state() == Book::State::stale);
  book.reset();
  CHECK(book.state() == Book::State::syncing && show(book) == "| ");
  const Book::Counters& counters = book.counters();
  CHECK(counters.updates == 2 && counters.skipped == 1 && counters.gaps == 1 && counters.snapshots == 2);
}

// Whatever is wrong with a message, the levels stay, and the offset is where the fault is.
void malformed() {
  const BookLayout layout = spot();
  Book book = make("0.01", "1");
  CHECK(apply(book, layout, base, true).ok());
  const std::string before = show(book);
  const std::string good = R"({"e":"depthUpdate","U":11,"u":12,"b":[["0.99","0"],["0.97","2"]],"a":[["1.00","7"]]})";
  for (int shapes = 0; shapes < 2; ++shapes) {  // the first time by a scan, then with a shape learned
    for (std::size_t size = 0; size < good.size(); ++size) {
      const Status status = apply(book, layout, std::string_view(good).substr(0, size));
      CHECK(status.code == Code::truncated && show(book) == before);
    }
    const std::pair<const char*, Code> cases[] = {
        {R"({"U":11,"u":12,"b":[["1e-19","0"]],"a":[]})", Code::off_grid},
        {R"({"U":11,"u":12,"b":[["0.99","x"]],"a":[]})", Code::bad_number},
        {R"({"U":11,"u":12,"b":[["0.99","-1"]],"a":[]})", Code::out_of_range},
        {R"({"U":11,"u":12,"b":[["1e99","1"]],"a":[]})", Code::out_of_range},
        {R"({"U":11,"u":12,"b":[["0.99"]],"a":[]})", Code::missing_field},
        {R"({"U":11,"u":12,"b":[{"0":"0.99"}],"a":[]})", Code::wrong_type},
        {R"({"U":11,"u":12,"b":{},"a":[]})", Code::wrong_type},
        {R"({"U":11,"u":12,"b":[],"b":[],"a":[]})", Code::wrong_type},
        {R"({"U":11,"u":1.5,"b":[],"a":[]})", Code::bad_number},
        {R"({"U":11,"u":"x","b":[],"a":[]})", Code::bad_number},
        {R"({"u":12,"b":[["0.99","0"]],"a":[]})", Code::missing_field},
        {R"({"U":11,"u":12,"b":[["0.99","0"]],"a":[]}x)", Code::syntax},
        {R"({"U":11,"u":12,"b":[["0.99","0"],],"a":[]})", Code::syntax},
        {R"([])", Code::wrong_type},
    };
    for (const auto& [text, code] : cases) {
      CHECK(apply(book, layout, text).code == code);
      CHECK(show(book) == before && book.state() == Book::State::live);
    }
    CHECK(apply(book, layout, R"({"U":9,"u":10,"b":[["0.99","0"],["0.97","2"]],"a":[["1.00","7"]]})").code ==
          Code::stale);
  }
}

// White space, order, unknown members, null sides, exponents and bare numbers mean the same.
void spellings() {
  const char* const spellings[] = {
      R"({"U":11,"u":12,"b":[["0.99","0"],["0.97","20"]],"a":[]})",
      R"({"a":null,"b":[["0.99","0"],["0.97","20"]],"u":12,"U":11})",
      R"( { "U" : "11" , "x":{"b":[1,{"a":[]}]},"u":12,"b":[ [ 0.99 , 0, "more", [1] ] , [9.7e-1, 2E1] ] } )",
      R"({"U":11,"u":12,"\u0062":[["0.99","0.0"],["0.970","20.000"]],"a":[]})",
  };
  for (const char* text : spellings) {
    const BookLayout layout = spot();
    Book book = make("0.01", "1");
    CHECK(apply(book, layout, base, true).ok());
    CHECK(apply(book, layout, text).ok());
    CHECK(show(book) == "0.98x4 0.97x20 | 1.01x5 1.02x6 ");
  }
}

void chains() {
  const BookLayout layout = okx();
  Book book = make("0.1", "1");
  const auto update = [&](const char* numbers) {
    return apply(
        book, layout,
        std::string(R"({"arg":{"channel":"books"},"action":"update","data":[{"asks":[],"bids":[],)") + numbers + "}]}");
  };
  // Vectors of the venue's documents, recomputed with zlib.
  CHECK(
      apply(
          book, layout,
          R"({"action":"snapshot","data":[{"asks":[["3366.8","9","0","1"],["3368","8","0","1"]],)"
          R"("bids":[["3366.1","7","0","1"],["3366","6","0","1"]],"checksum":-1881014294,"seqId":10,"prevSeqId":-1}]})")
          .ok());
  CHECK(book.checksum(layout) == -1881014294);
  CHECK(apply(book, layout,
              R"({"action":"update","data":[{"asks":[["3372","8","0","1"]],"bids":[["3366","0","0","0"]],)"
              R"("checksum":831078360,"seqId":15,"prevSeqId":10}]})")
            .ok());
  CHECK(update(R"("checksum":0,"seqId":15,"prevSeqId":15)").ok());                 // keep-alive
  CHECK(update(R"("checksum":0,"seqId":15,"prevSeqId":10)").code == Code::stale);  // the same again
  CHECK(update(R"("checksum":0,"seqId":3,"prevSeqId":15)").ok());                  // maintenance reset
  CHECK(update(R"("checksum":0,"seqId":5,"prevSeqId":3)").ok());
  CHECK(update(R"("checksum":1,"seqId":6,"prevSeqId":5)").code == Code::checksum);
  CHECK(book.state() == Book::State::stale && book.expected() == 1 && book.received() == 831078360);
  book.reset();
  CHECK(update(R"("seqId":7,"prevSeqId":6)").code == Code::no_snapshot);
  CHECK(!book.checksum(layout));
}

void refined_ticks() {
  const BookLayout layout = spot();
  Book book = make("0.05", "1");
  CHECK(apply(book, layout, R"({"lastUpdateId":1,"bids":[["0.95","2"]],"asks":[["900.00","1"]]})", true).ok());
  CHECK(apply(book, layout, R"({"U":2,"u":2,"b":[["0.985","1"]],"a":[["1.005","0.5"]]})").ok());
  CHECK(show(book) == "0.985x1 0.950x2 | 1.005x0.5 900.000x1 ");
  CHECK(book.bids().known() == 950 && book.asks().known() == -900'000);
  CHECK(apply(book, layout, R"({"U":3,"u":3,"b":[["1e-18","1"]],"a":[]})").code ==
        Code::off_grid);  // 900 would not fit
  CHECK(show(book) == "0.985x1 0.950x2 | 1.005x0.5 900.000x1 ");
  book.reset();
  CHECK(book.grid().price.text(1) == "0.05");
}

void odd_lots() {
  const BookLayout layout = spot();
  Book book = make("0.01", "0.5");
  const auto update = [&](const std::string& levels) {
    const std::string next = std::to_string(*book.sequence() + 1);
    return apply(book, layout, R"({"U":)" + next + R"(,"u":)" + next + levels);
  };
  CHECK(
      apply(book, layout, R"({"lastUpdateId":1,"bids":[["0.99","2.5"],["0.98","0.575610404535042"]],"asks":[]})", true)
          .ok());
  CHECK(show(book) == "0.99x2.5 0.98x0.575610404535042 | ");
  for (int shapes = 0; shapes < 2; ++shapes) {  // the first time by a scan, then with a shape learned
    CHECK(update(R"(,"b":[["0.97","4000000000000000.0"]],"a":[["1.00","0.1234567890123456789012"]]})").ok());
    CHECK(show(book) == "0.99x2.5 0.98x0.575610404535042 0.97x4000000000000000.0 | 1.00x0.1234567890123456789012 ");
    CHECK(update(R"(,"b":[["0.97","0"]],"a":[["1.00","0.5"]]})").ok());
    CHECK(show(book) == "0.99x2.5 0.98x0.575610404535042 | 1.00x0.5 ");
    CHECK(update(R"(,"b":[["0.97","1"]],"a":[["1.00","1E-3"],["1.01","1E-3"],["1.00","0"]]})").ok());
    CHECK(show(book) == "0.99x2.5 0.98x0.575610404535042 0.97x1.0 | 1.01x1E-3 ");
    for (const char* bad : {"-0.5", "-0.1", "-1e-30", "9e30", "0x1"}) {
      CHECK(!update(R"(,"b":[["0.97",")" + std::string(bad) + R"("]],"a":[]})").ok());
    }
    CHECK(book.apply(layout, {}).code != Code::ok);
    CHECK(apply(book, layout, R"({"lastUpdateId":1,"bids":[["0.99","2.5"],["0.98","0.575610404535042"]],"asks":[]})",
                true)
              .ok());
  }
  double values[4];
  std::int64_t ticks[8];
  write_values(book, 1, values);
  CHECK(values[0] == 0.99 && values[1] == 2.5 && values[2] != values[2]);
  CHECK(write_ticks(book, 1, ticks) && ticks[0] == 99 && ticks[1] == 5 && ticks[3] == 0);
  CHECK(!write_ticks(book, 2, ticks));
  CHECK(book.bids().quantity_value(book.grid(), {98, odd_lot}) == 0.575610404535042);
}

void depth() {
  BookLayout layout = spot();
  layout.depth = 2;
  Book book = make("0.01", "1");
  CHECK(apply(book, layout, base, true).ok());
  CHECK(apply(book, layout, R"({"U":11,"u":11,"b":[["1.00","1"]],"a":[["9.00","1"]]})").ok());
  CHECK(show(book) == "1.00x1 0.99x3 | 1.01x5 1.02x6 ");
}

// Every venue's form, whole and cut at every byte.
void venues() {
  for (const book_cases::Case& c : book_cases::all()) {
    Book book = book_cases::make();
    CHECK(book_cases::start(book, c).ok());
    const std::string before = book_cases::show(book);
    CHECK(book.apply(c.layout, {c.delta.data(), c.delta.size()}).ok());
    CHECK(book_cases::show(book) != before);
    for (std::size_t size = 0; size <= c.delta.size(); ++size) {
      const std::unique_ptr<char[]> block(new char[size]);
      std::memcpy(block.get(), c.delta.data(), size);
      CHECK(book_cases::holds(c, {block.get(), size}));
    }
  }
  const book_cases::Case advanced = book_cases::coinbase_advanced();
  Book book = book_cases::make();
  CHECK(book_cases::start(book, advanced).ok());
  CHECK(apply(book, advanced.layout, advanced.delta).ok());
  CHECK(book_cases::show(book) == "21921.73x0.06317902 21921.3x0.024 | ");
}

}  // namespace

int main() {
  venues();
  paths();
  spot_rule();
  malformed();
  spellings();
  chains();
  refined_ticks();
  odd_lots();
  depth();
  return check::report("book");
}
