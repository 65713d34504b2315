// Memory for an array of ticks, used again when NumPy has let it go: fresh pages cost more than filling them.
#pragma once
#include <mutex>
#include <utility>
#include <vector>

namespace tidewire::ctp {

class Block {
 public:
  explicit Block(std::size_t size) : bytes_(pool().take()) { bytes_.resize(size); }
  ~Block() { pool().give(std::move(bytes_)); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  char* data() { return bytes_.data(); }
  std::size_t size() const { return bytes_.size(); }

 private:
  class Pool {
   public:
    std::vector<char> take() {
      const std::lock_guard lock(mutex_);
      if (spare_.empty()) return {};
      std::vector<char> one = std::move(spare_.back());
      spare_.pop_back();
      return one;
    }
    void give(std::vector<char> one) {
      const std::lock_guard lock(mutex_);
      if (spare_.size() < most) spare_.push_back(std::move(one));
    }

   private:
    static constexpr std::size_t most = 8;
    std::mutex mutex_;
    std::vector<std::vector<char>> spare_;
  };
  static Pool& pool() {
    static auto* const one = new Pool;  // outlives the interpreter, which may hold blocks to its end
    return *one;
  }
  std::vector<char> bytes_;
};

}  // namespace tidewire::ctp
