#include "proxy/tls/identity.h"

#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/pool.h>

#include <fmt/format.h>

#include <utility>

#include "proxy/tls/describe.h"
#include "proxy/tls/file.h"
#include "proxy/tls/loaded_identity.h"
#include "proxy/tls/ocsp.h"

namespace gatepost::tls {

namespace {

// 0 for a curve that TLS 1.3 has no signature algorithm for.
std::uint16_t group_of(const EVP_PKEY& key) {
  const EC_KEY* ec = EVP_PKEY_get0_EC_KEY(&key);
  switch (ec != nullptr ? EC_GROUP_get_curve_name(EC_KEY_get0_group(ec)) : NID_undef) {
    case NID_X9_62_prime256v1:
      return SSL_CURVE_SECP256R1;
    case NID_secp384r1:
      return SSL_CURVE_SECP384R1;
    case NID_secp521r1:
      return SSL_CURVE_SECP521R1;
    default:
      return 0;
  }
}

Result<std::vector<bssl::UniquePtr<CRYPTO_BUFFER>>> encode(const KeyedChain& chain) {
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> encoded;
  for (const auto& certificate : chain.certificates) {
    std::uint8_t* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    const bssl::UniquePtr<std::uint8_t> owned(der);
    if (size > 0)
      encoded.emplace_back(CRYPTO_BUFFER_new(der, static_cast<std::size_t>(size), nullptr));
    if (size <= 0 || !encoded.back()) return fail(ErrorCode::system, "no memory for a certificate");
  }
  return encoded;
}

int choice_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

Result<std::string> read_staple(const std::string& path, const X509& leaf, CertificateInfo& info) {
  if (path.empty()) return std::string();
  const auto der = read_file(path, kMaxOcspResponse, "an OCSP response");
  if (!der) return std::unexpected(der.error());
  const auto until = check_ocsp(der->reveal(), leaf, std::chrono::system_clock::now());
  if (!until) {
    return fail(until.error().code, fmt::format("{}: {}", path, until.error().detail));
  }
  info.ocsp_until = *until;
  return std::string(der->reveal());
}

}  // namespace

LoadedIdentity::LoadedIdentity(IdentityFiles files, CertificateInfo info, KeyedChain chain,
                               std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> encoded,
                               std::string staple)
    : files_(std::move(files)),
      info_(std::move(info)),
      chain_(std::move(chain)),
      encoded_(std::move(encoded)),
      staple_(std::move(staple)),
      group_(group_of(*chain_.key)) {
  for (const auto& certificate : encoded_) views_.push_back(certificate.get());
}

bool LoadedIdentity::use(SSL* ssl) const {
  if (SSL_set_chain_and_key(ssl, views_.data(), views_.size(), chain_.key.get(), nullptr) != 1) {
    return false;
  }
  return staple(ssl);
}

bool LoadedIdentity::use_for_all(SSL_CTX* context) const {
  return SSL_CTX_set_chain_and_key(context, views_.data(), views_.size(), chain_.key.get(),
                                   nullptr) == 1;
}

bool LoadedIdentity::staple(SSL* ssl) const {
  if (!info_.ocsp_until || *info_.ocsp_until <= std::chrono::system_clock::now()) return true;
  return SSL_set_ocsp_response(ssl, reinterpret_cast<const std::uint8_t*>(staple_.data()),
                               staple_.size()) == 1;
}

bool LoadedIdentity::note_choice(SSL* ssl) const {
  return SSL_set_ex_data(ssl, choice_index(), const_cast<LoadedIdentity*>(this)) == 1;
}

const LoadedIdentity* LoadedIdentity::chosen(const SSL* ssl) {
  return static_cast<const LoadedIdentity*>(SSL_get_ex_data(ssl, choice_index()));
}

Result<std::shared_ptr<const Identity>> Identity::load(const IdentityFiles& files) {
  auto chain = read_keyed_chain(files.certificate, files.key);
  if (!chain) return std::unexpected(chain.error());
  const X509& leaf = *chain->certificates.front();
  auto info = describe(leaf);
  if (!info || (info->key == KeyKind::ecdsa && group_of(*chain->key) == 0)) {
    return fail(ErrorCode::config,
                fmt::format("{}: the certificate has a kind of key that TLS clients do not use",
                            files.certificate));
  }
  info->chain_length = chain->certificates.size();
  auto encoded = encode(*chain);
  if (!encoded) return std::unexpected(encoded.error());
  auto staple = read_staple(files.ocsp, leaf, *info);
  if (!staple) return std::unexpected(staple.error());
  return std::make_shared<LoadedIdentity>(files, std::move(*info), std::move(*chain),
                                          std::move(*encoded), std::move(*staple));
}

}  // namespace gatepost::tls
