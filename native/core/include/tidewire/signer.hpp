// One key and one algorithm; each call turns a message into signature text.
#pragma once
#include <optional>
#include <string_view>
#include <variant>

#include "tidewire/base64.hpp"
#include "tidewire/hex.hpp"
#include "tidewire/hmac.hpp"
#include "tidewire/status.hpp"

namespace tidewire {

enum class Algorithm : std::uint8_t { sha256, sha384, sha512 };

std::optional<Algorithm> parse_algorithm(std::string_view name) noexcept;  // "sha256", "sha384" or "sha512"

// Immutable once made: any number of threads may sign at once. The states made from the key are wiped when it dies.
class Signer {
 public:
  static constexpr std::size_t largest_tag = Sha512::digest_size;
  static constexpr std::size_t longest_base64_key = 4096;

  Signer(Algorithm algorithm, Octets key) noexcept : hmac_(make(algorithm, key)) {}

  // The key as strict base64 text of at most longest_base64_key characters. Leaves `signer` empty on failure.
  static Status from_base64(Algorithm algorithm, Bytes key, std::optional<Signer>& signer) noexcept;

  std::size_t tag_size() const noexcept;
  std::size_t hex_size() const noexcept { return tidewire::hex_size(tag_size()); }
  std::size_t base64_size() const noexcept { return tidewire::base64_size(tag_size()); }

  // Each writes exactly the number of bytes or characters that its size function names.
  void tag(Octets message, std::uint8_t* out) const noexcept;
  void hex(Octets message, char* text) const noexcept;
  void base64(Octets message, char* text) const noexcept;

 private:
  using AnyHmac = std::variant<Hmac<Sha256>, Hmac<Sha384>, Hmac<Sha512>>;
  static AnyHmac make(Algorithm algorithm, Octets key) noexcept;

  AnyHmac hmac_;
};

}  // namespace tidewire
