#pragma once

// Internal to proxy/tls.

#include <cstddef>
#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/tls/openssl.h"

namespace gatepost::tls {

/// A certificate with its chain, leaf first, and the key of the leaf.
struct KeyedChain {
  std::vector<bssl::UniquePtr<X509>> certificates;
  bssl::UniquePtr<EVP_PKEY> key;
};

/// Larger files are neither certificates nor keys.
inline constexpr std::size_t kMaxPemFile = std::size_t{1024} * 1024;

/// The certificates of a PEM file, at least one, in their order. Fails with `config`, naming the
/// file.
[[nodiscard]] Result<std::vector<bssl::UniquePtr<X509>>> read_certificates(const std::string& path);

/// Reads both PEM files; an empty `key_file` means that the key is in the first one. Fails with
/// `config`, naming the file, when one cannot be read or parsed, the key is encrypted or belongs to
/// another certificate, or a certificate is not followed by the one that issued it.
[[nodiscard]] Result<KeyedChain> read_keyed_chain(const std::string& certificate_file,
                                                  const std::string& key_file);

/// The subject of a certificate in one line (RFC 2253), control characters and what is not ASCII
/// escaped.
[[nodiscard]] std::string subject_of(const X509& certificate);

}  // namespace gatepost::tls
