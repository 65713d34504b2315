#include "tidewire/book_layout.hpp"

#include <charconv>

namespace tidewire {
namespace {

struct Step {
  std::string_view key;
  std::int32_t index = 0;
  bool array = false;
};

// Takes the next step off the front of a path. False when it is malformed.
bool take_step(std::string_view& path, bool first, Step& step) {
  if (path.front() == '[') {
    const std::size_t close = path.find(']');
    if (close == std::string_view::npos) return false;
    const std::string_view inside = path.substr(1, close - 1);
    path.remove_prefix(close + 1);
    step.array = true;
    if (inside == "*") {
      step.index = Place::any;
      return true;
    }
    const auto [end, error] = std::from_chars(inside.data(), inside.data() + inside.size(), step.index);
    return error == std::errc() && end == inside.data() + inside.size() && step.index >= 0;
  }
  if (!first) {
    if (path.front() != '.') return false;
    path.remove_prefix(1);
  }
  step.key = path.substr(0, path.find_first_of(".[]"));
  path.remove_prefix(step.key.size());
  return !step.key.empty();
}

}  // namespace

bool Place::add(std::string_view path, Field what) {
  Place* place = this;
  for (bool first = true; !path.empty(); first = false) {
    Step step;
    if (!take_step(path, first, step)) return false;
    if (!place->children.empty() && place->array != step.array) return false;
    place->array = step.array;
    Place* found = nullptr;
    for (Place& child : place->children) {
      if (child.key == step.key && child.index == step.index) found = &child;
    }
    if (found == nullptr) {
      place->children.push_back({std::string(step.key), step.index, Field::none, false, {}});
      found = &place->children.back();
    }
    place = found;
  }
  if (place == this || place->field != Field::none) return false;
  place->field = what;
  return true;
}

}  // namespace tidewire
