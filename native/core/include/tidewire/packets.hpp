// Sequences of packets of ascending cost: what an allocation takes from, cheapest first.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tidewire/wide.hpp"

namespace tidewire {

// What a packet leaves unfilled, which counts first, and what it costs.
struct Cost {
  std::int64_t unfilled = 0;
  Wide value = 0;

  bool operator<(const Cost& other) const {
    return unfilled == other.unfilled ? value < other.value : unfilled < other.unfilled;
  }
  Cost& operator+=(const Cost& other) {
    unfilled += other.unfilled;
    value += other.value;
    return *this;
  }
  Cost operator*(std::int64_t times) const { return {unfilled * times, value * times}; }
};

// So many packets, each of this cost. A sequence of them ascends.
struct Run {
  Cost cost;
  std::int64_t count;
};
using Runs = std::vector<Run>;

// The units from `low` to `high` of a sequence in packets of `size`; an incomplete last packet is left out.
inline Runs pack(const Runs& units, std::int64_t low, std::int64_t high, std::int64_t size) {
  Runs packets;
  Cost part;
  std::int64_t have = 0, skip = low, room = high - low;
  for (Run run : units) {
    if (room == 0) break;
    const std::int64_t skipped = std::min(skip, run.count);
    skip -= skipped;
    run.count = std::min(run.count - skipped, room);
    room -= run.count;
    if (have > 0) {
      const std::int64_t take = std::min(size - have, run.count);
      part += run.cost * take;
      have += take;
      run.count -= take;
      if (have < size) continue;
      packets.push_back({part, 1});
    }
    if (run.count >= size) packets.push_back({run.cost * size, run.count / size});
    have = run.count % size;
    part = run.cost * have;
  }
  return packets;
}

// A place in a sequence, and how many packets may still be taken from there on.
class Cursor {
 public:
  Cursor(const Runs& runs, std::int64_t skip, std::int64_t room)
      : at_(runs.data()), end_(at_ + runs.size()), room_(room) {
    for (; at_ != end_ && at_->count <= skip; ++at_) skip -= at_->count;
    enter(skip);
  }

  std::int64_t here() const { return here_; }  // packets at this cost; 0 at the end
  const Cost& cost() const { return at_->cost; }
  void take(std::int64_t packets) {
    here_ -= packets;
    room_ -= packets;
    if (here_ > 0) return;
    if (at_ != end_) ++at_;
    enter(0);
  }

 private:
  void enter(std::int64_t skip) { here_ = at_ == end_ ? 0 : std::min(at_->count - skip, room_); }

  const Run* at_;
  const Run* end_;
  std::int64_t room_;
  std::int64_t here_ = 0;
};

// Visits the cheapest packets of several sequences, which end before them only if there are no more.
template <class Visit>
void cheapest(std::vector<Cursor> from, std::int64_t packets, Visit&& visit) {
  while (packets > 0) {
    std::size_t best = from.size();
    for (std::size_t i = 0; i < from.size(); ++i)
      if (from[i].here() > 0 && (best == from.size() || from[i].cost() < from[best].cost())) best = i;
    if (best == from.size()) return;
    const std::int64_t count = std::min(packets, from[best].here());
    visit(best, from[best].cost(), count);
    from[best].take(count);
    packets -= count;
  }
}

}  // namespace tidewire
