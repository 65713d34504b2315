// The exact text shape of a message that was scanned before. A venue's messages differ in their numbers, not in the
// text between them: reading the next one is then a matter of comparing that text and converting what stands in its
// holes.
//
// Reading succeeds only for a message that a scan would read alike: the same text between holes makes the same tokens,
// and every hole is checked to hold one token of its kind. Anything else is refused, and the caller scans.
#pragma once
#include <string>
#include <vector>

#include "tidewire/book_message.hpp"

namespace tidewire {

struct LevelWidths {
  Widths price;
  Widths quantity;
};

class MessageShape {
 public:
  // Learns the shape of a message that has just been scanned with success.
  void learn(Bytes text, const BookMessage& message, const Trace& trace);

  // True when the message has this shape; `out` then holds what a scan would have found. False leaves nothing of use in
  // it.
  bool read(const BookLayout& layout, const BookGrid& grid, Bytes text, BookMessage& out, LevelWidths& widths) const;

 private:
  // Text to compare with, the first eight bytes at once.
  struct Literal {
    std::uint64_t head = 0;
    std::uint64_t mask = 0;
    std::string text;

    Literal() = default;
    explicit Literal(std::string value);
    const char* match(const char* p, const char* end) const;  // the byte after it, or nullptr
  };
  struct Part {
    Literal before;
    Hole::Kind kind;
    Field field;
  };
  struct Reading;

  static const char* read_price(const char* p, Reading& reading, LevelDraft& draft);
  static const char* read_quantity(const char* p, Reading& reading, LevelDraft& draft);
  static const char* read_odd_quantity(const char* p, Reading& reading, LevelDraft& draft);
  const char* read_level(const char* p, Reading& reading, LevelDraft& draft) const;
  const char* read_pair(const char* p, Reading& reading, LevelDraft& draft) const;
  template <bool pairs>
  const char* read_levels(const char* p, Reading& reading, Field array) const;

  std::vector<Part> parts_;
  Literal tail_;
  std::vector<Part> level_parts_;  // `before` of the first is not used: `open_` and `next_` hold it
  Literal open_;                   // from the array's bracket to the first hole of the first level
  Literal next_;                   // from the last hole of a level to the first hole of the next
  Literal close_;                  // from the last hole of the last level to the array's bracket
  std::uint32_t found_ = 0;
  bool snapshot_ = false;
  bool pairs_ = false;
};

// Reads the messages of one book: by a shape when one fits, by a scan, which teaches a shape, when none does.
// A few shapes are kept because venues alternate, for instance between messages about one side and about both.
class MessageReader {
 public:
  // The layout and root must be the same in every call.
  Status read(const BookLayout& layout, const Place& root, const BookGrid& grid, Bytes text, BookMessage& out);

  void forget() { shapes_.clear(); }

 private:
  static constexpr std::size_t max_shapes = 4;

  std::vector<MessageShape> shapes_;
  std::size_t latest_ = 0;  // the one that fitted last
  std::size_t oldest_ = 0;  // the one that was learned last; the next takes the place after it
  LevelWidths widths_;
  Trace trace_;
};

}  // namespace tidewire
