#include "proxy/tls/pins.h"

#include <openssl/base64.h>
#include <openssl/sha.h>

#include <fmt/format.h>

#include <algorithm>

namespace gatepost::tls {

namespace {

constexpr std::size_t kDigits = 44;  // of 32 octets in base64

bool signed_by(X509* certificate, X509* issuer) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(issuer));
  const bool is = key && X509_check_ca(issuer) != 0 &&
                  X509_check_issued(issuer, certificate) == X509_V_OK &&
                  X509_verify(certificate, key.get()) == 1;
  ERR_clear_error();
  return is;
}

}  // namespace

Result<Pins> Pins::parse(const std::vector<std::string>& texts) {
  Pins pins;
  for (const std::string& text : texts) {
    std::array<std::uint8_t, kDigits / 4 * 3> decoded{};
    std::size_t size = 0;
    const bool good =
        text.size() == kDigits &&
        EVP_DecodeBase64(decoded.data(), &size, decoded.size(),
                         reinterpret_cast<const std::uint8_t*>(text.data()), text.size()) == 1;
    Digest digest{};
    if (!good || size != digest.size()) {
      return fail(ErrorCode::config,
                  fmt::format("\"{}\" is no public key pin (base64 of 32 octets)", text));
    }
    std::copy_n(decoded.begin(), digest.size(), digest.begin());
    pins.digests_.push_back(digest);
  }
  return pins;
}

bool Pins::match(const X509& certificate) const {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &der);
  const bssl::UniquePtr<std::uint8_t> owned(der);
  if (size <= 0) return false;
  Digest digest{};
  SHA256(der, static_cast<std::size_t>(size), digest.data());
  return std::ranges::find(digests_, digest) != digests_.end();
}

bool Pins::match_verified(const STACK_OF(X509) * chain) const {
  for (std::size_t i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
    if (match(*sk_X509_value(chain, i))) return true;
  }
  return false;
}

bool Pins::match_presented(X509* leaf, const STACK_OF(X509) * presented) const {
  const std::size_t size = presented != nullptr ? sk_X509_num(presented) : 0;
  X509* last = leaf;
  for (std::size_t i = 0; i < size && !match(*last); ++i) {
    X509* next = sk_X509_value(presented, i);
    if (X509_cmp(next, last) == 0) continue;  // the leaf stands there, too
    if (!signed_by(last, next)) return false;
    last = next;
  }
  return match(*last);
}

}  // namespace gatepost::tls
