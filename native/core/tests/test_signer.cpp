// RFC 4231 and the venues' published signatures; text forms; keys of every length; keys given as base64.
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "check.hpp"
#include "tidewire/signer.hpp"

using namespace tidewire;

namespace {

Octets octets(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

std::string hex(const Signer& signer, std::string_view message) {
  std::string text(signer.hex_size(), '?');
  signer.hex(octets(message), text.data());
  return text;
}

std::string base64(const Signer& signer, std::string_view message) {
  std::string text(signer.base64_size(), '?');
  signer.base64(octets(message), text.data());
  return text;
}

struct Case {
  std::string key, data;
  const char *sha256, *sha384, *sha512;
};

// RFC 4231, section 4: test cases 1, 2, 6 and 7 (the last two have keys longer than any block).
const std::vector<Case> rfc4231 = {
    {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
     "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
     "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4"
     "be9d914eeb61f1702e696c203a126854"},
    {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
     "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
     "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
     "caeab1a34d4a6b4b636e070a38bce737"},
    {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
     "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
     "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e52"
     "95e64f73f63f0aec8b915a985d786598"},
    {std::string(131, '\xaa'),
     "This is a test using a larger than block-size key and a larger than block-size data. The k"
     "ey needs to be hashed before being used by the HMAC algorithm.",
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
     "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e",
     "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15"
     "134676fb6de0446065c97440fa8c6a58"},
};

void published_tags() {
  for (const Case& c : rfc4231) {
    CHECK(hex(Signer(Algorithm::sha256, octets(c.key)), c.data) == c.sha256);
    CHECK(hex(Signer(Algorithm::sha384, octets(c.key)), c.data) == c.sha384);
    CHECK(hex(Signer(Algorithm::sha512, octets(c.key)), c.data) == c.sha512);
  }
}

// Binance rest-api.md, "SIGNED Endpoint Examples"; OKX v5 documentation's own body with a made-up key.
void venue_signatures() {
  const Signer binance(Algorithm::sha256, octets("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"));
  CHECK(hex(binance,
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
            "&timestamp=1499827319559") == "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
  const Signer okx(Algorithm::sha256, octets("22582BD0CFF14C41EDBF1AB98506286D"));
  CHECK(base64(okx, "2020-12-08T09:08:57.715ZGET/api/v5/account/balance?ccy=BTC") ==
        "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY=");
}

// RFC 2104 written out: hash((key ^ opad) + hash((key ^ ipad) + message)), with the key hashed first where it is too
// long.
template <class Hash>
std::string by_definition(std::string key, const std::string& message) {
  const auto hash = [](const std::string& text) {
    const auto bytes = digest<Hash>(octets(text));
    return std::string(bytes.begin(), bytes.end());
  };
  if (key.size() > Hash::block_size) key = hash(key);
  key.resize(Hash::block_size, '\0');
  std::string inner = key, outer = key;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  return hash(outer + hash(inner + message));
}

template <class Hash>
void every_length(Algorithm algorithm) {
  for (std::size_t n = 0; n <= 300; ++n) {
    const std::string text(n, 'x'), other(300 - n, 'y');
    const Signer signer(algorithm, octets(text));
    std::string tag(signer.tag_size(), '?');
    signer.tag(octets(other), reinterpret_cast<std::uint8_t*>(tag.data()));
    CHECK(tag == by_definition<Hash>(text, other));
  }
}

void keys_in_base64() {
  std::optional<Signer> signer;
  const std::string_view key = "Y29pbmJhc2UtZXhjaGFuZ2UtZXhhbXBsZS1zZWNyZXQtMzJieXRlcyE=";
  CHECK(Signer::from_base64(Algorithm::sha256, Bytes(key.data(), key.size()), signer).ok());
  CHECK(signer && base64(*signer, "1700000000GET/accounts") == "PUqaJmex9wBjD4pY3Xn+Fe4JFPWMjZuyYIhlGy0x1DU=");

  signer.reset();
  const Status bad = Signer::from_base64(Algorithm::sha256, Bytes("Y2!=", 4), signer);
  CHECK(bad.code == Code::syntax && bad.offset == 2 && !signer);
  const std::string longest(Signer::longest_base64_key, 'A'), longer(Signer::longest_base64_key + 4, 'A');
  CHECK(Signer::from_base64(Algorithm::sha256, longer, signer).code == Code::out_of_range && !signer);
  CHECK(Signer::from_base64(Algorithm::sha256, longest, signer).ok() && signer);
}

void algorithm_names() {
  CHECK(parse_algorithm("sha256") == Algorithm::sha256);
  CHECK(parse_algorithm("sha384") == Algorithm::sha384);
  CHECK(parse_algorithm("sha512") == Algorithm::sha512);
  for (const std::string_view name : {"", "SHA256", "md5", "sha256 "}) CHECK(!parse_algorithm(name));
}

void many_threads_share_one() {
  const Signer signer(Algorithm::sha256, octets("key"));
  const std::string expected = hex(signer, "message");
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) count += hex(signer, "message") != expected;
    });
  for (auto& thread : threads) thread.join();
  for (const int count : wrong) CHECK(count == 0);
}

void states_are_wiped() {
  alignas(Hmac<Sha256>) unsigned char place[sizeof(Hmac<Sha256>)];
  auto* hmac = new (place) Hmac<Sha256>(octets("key"));
  bool any = false;
  for (const unsigned char byte : place) any |= byte != 0;
  CHECK(any);
  hmac->~Hmac();
  for (const unsigned char byte : place) CHECK(byte == 0);
}

}  // namespace

int main() {
  published_tags();
  venue_signatures();
  every_length<Sha256>(Algorithm::sha256);
  every_length<Sha384>(Algorithm::sha384);
  every_length<Sha512>(Algorithm::sha512);
  keys_in_base64();
  algorithm_names();
  many_threads_share_one();
  states_are_wiped();
  return check::report("signer");
}
