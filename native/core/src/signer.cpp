#include "tidewire/signer.hpp"

namespace tidewire {
namespace {

// std::visit would throw for a variant without value, which this one cannot become.
template <class Any, class Use>
auto use(const Any& any, Use with) noexcept {
  if (const auto* hmac = std::get_if<1>(&any)) return with(*hmac);
  if (const auto* hmac = std::get_if<2>(&any)) return with(*hmac);
  return with(*std::get_if<0>(&any));
}

}  // namespace

std::optional<Algorithm> parse_algorithm(std::string_view name) noexcept {
  if (name == "sha256") return Algorithm::sha256;
  if (name == "sha384") return Algorithm::sha384;
  if (name == "sha512") return Algorithm::sha512;
  return std::nullopt;
}

Signer::AnyHmac Signer::make(Algorithm algorithm, Octets key) noexcept {
  switch (algorithm) {
    case Algorithm::sha384: return AnyHmac(std::in_place_type<Hmac<Sha384>>, key);
    case Algorithm::sha512: return AnyHmac(std::in_place_type<Hmac<Sha512>>, key);
    case Algorithm::sha256: break;
  }
  return AnyHmac(std::in_place_type<Hmac<Sha256>>, key);
}

Status Signer::from_base64(Algorithm algorithm, Bytes key, std::optional<Signer>& signer) noexcept {
  if (key.size() > longest_base64_key) return {Code::out_of_range, longest_base64_key};
  std::array<std::uint8_t, longest_base64_key / 4 * 3> decoded;
  std::size_t size = 0;
  const Status status = base64_decode(key, decoded.data(), size);
  if (status.ok()) signer.emplace(algorithm, Octets(decoded.data(), size));
  wipe(decoded.data(), sizeof decoded);
  return status;
}

std::size_t Signer::tag_size() const noexcept {
  return use(hmac_, [](const auto& hmac) { return hmac.tag_size; });
}

void Signer::tag(Octets message, std::uint8_t* out) const noexcept {
  use(hmac_, [&](const auto& hmac) { hmac.tag(message, out); });
}

void Signer::hex(Octets message, char* text) const noexcept {
  std::array<std::uint8_t, largest_tag> bytes;
  tag(message, bytes.data());
  hex_encode(Octets(bytes.data(), tag_size()), text);
}

void Signer::base64(Octets message, char* text) const noexcept {
  std::array<std::uint8_t, largest_tag> bytes;
  tag(message, bytes.data());
  base64_encode(Octets(bytes.data(), tag_size()), text);
}

}  // namespace tidewire
