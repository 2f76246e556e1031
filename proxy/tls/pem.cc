#include "proxy/tls/pem.h"

#include <fmt/format.h>

#include <utility>

#include "proxy/base/secret.h"
#include "proxy/tls/file.h"

namespace gatepost::tls {

namespace {

bssl::UniquePtr<BIO> reader(const Secret& text) {
  return bssl::UniquePtr<BIO>(
      BIO_new_mem_buf(text.reveal().data(), static_cast<int>(text.reveal().size())));
}

bool at_end_of_pem() {
  const std::uint32_t error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

// Called when a key is encrypted: gives no passphrase, notes that it was asked for one.
int no_passphrase(char* /*out*/, int /*room*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Result<bssl::UniquePtr<EVP_PKEY>> read_key(const std::string& path) {
  const Result<Secret> text = read_file(path, kMaxPemFile, "a PEM file");
  if (!text) return std::unexpected(text.error());
  const bssl::UniquePtr<BIO> bio = reader(*text);
  bool encrypted = false;
  ERR_clear_error();
  bssl::UniquePtr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &encrypted));
  const bool missing = at_end_of_pem();
  const std::string reason = newest_reason();
  ERR_clear_error();
  if (key) return key;
  if (encrypted) {
    return fail(ErrorCode::config,
                fmt::format("{}: the key is encrypted; it is needed without a passphrase", path));
  }
  if (missing) return fail(ErrorCode::config, fmt::format("{}: no private key in PEM form", path));
  return fail(ErrorCode::config, fmt::format("{}: the key cannot be parsed ({})", path, reason));
}

bool fits(const X509& certificate, const EVP_PKEY& key) {
  const bool same =
      X509_check_private_key(const_cast<X509*>(&certificate), const_cast<EVP_PKEY*>(&key)) == 1;
  ERR_clear_error();
  return same;
}

Result<void> check_key(const KeyedChain& chain, const std::string& certificate_file,
                       const std::string& key_file) {
  if (fits(*chain.certificates.front(), *chain.key)) return {};
  for (const auto& other : chain.certificates) {
    if (fits(*other, *chain.key)) {
      return fail(
          ErrorCode::config,
          fmt::format("{}: the certificate of the key must be the first one", certificate_file));
    }
  }
  return fail(ErrorCode::config, fmt::format("{}: the key does not belong to the certificate in {}",
                                             key_file, certificate_file));
}

Result<void> check_order(const KeyedChain& chain, const std::string& certificate_file) {
  for (std::size_t i = 1; i < chain.certificates.size(); ++i) {
    X509* issuer = chain.certificates[i].get();
    if (X509_check_issued(issuer, chain.certificates[i - 1].get()) != X509_V_OK) {
      return fail(ErrorCode::config,
                  fmt::format("{}: certificate {} ({}) did not issue the one before it",
                              certificate_file, i + 1, subject_of(*issuer)));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<bssl::UniquePtr<X509>>> read_certificates(const std::string& path) {
  const Result<Secret> text = read_file(path, kMaxPemFile, "a PEM file");
  if (!text) return std::unexpected(text.error());
  std::vector<bssl::UniquePtr<X509>> chain;
  const bssl::UniquePtr<BIO> bio = reader(*text);
  ERR_clear_error();
  while (bssl::UniquePtr<X509> next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    chain.push_back(std::move(next));
  }
  const bool complete = at_end_of_pem();
  const std::string reason = newest_reason();
  ERR_clear_error();
  if (!complete) {
    return fail(ErrorCode::config, fmt::format("{}: certificate {} cannot be parsed ({})", path,
                                               chain.size() + 1, reason));
  }
  if (chain.empty()) {
    return fail(ErrorCode::config, fmt::format("{}: no certificate in PEM form", path));
  }
  return chain;
}

Result<KeyedChain> read_keyed_chain(const std::string& certificate_file,
                                    const std::string& key_file) {
  const std::string& key_path = key_file.empty() ? certificate_file : key_file;
  KeyedChain chain;
  auto certificates = read_certificates(certificate_file);
  if (!certificates) return std::unexpected(certificates.error());
  chain.certificates = std::move(*certificates);
  auto key = read_key(key_path);
  if (!key) return std::unexpected(key.error());
  chain.key = std::move(*key);
  if (auto checked = check_key(chain, certificate_file, key_path); !checked) {
    return std::unexpected(checked.error());
  }
  if (auto checked = check_order(chain, certificate_file); !checked) {
    return std::unexpected(checked.error());
  }
  return chain;
}

std::string subject_of(const X509& certificate) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253);
  const std::uint8_t* text = nullptr;
  std::size_t size = 0;
  if (BIO_mem_contents(out.get(), &text, &size) != 1) return {};
  return {reinterpret_cast<const char*>(text), size};
}

}  // namespace gatepost::tls
