#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "proxy/base/error.h"

namespace gatepost::tls {

/// What an administrator wants to know about the certificate that clients get to see.
struct CertificateInfo {
  std::string subject;             ///< of the leaf, RFC 2253: "CN=mail.example.org"
  std::vector<std::string> names;  ///< DNS names and addresses that it is good for
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
  std::size_t chain_length = 0;  ///< certificates in the file, the leaf included
};

/// Reads certificate and key as ServerContext does, with the same failures (`config`, naming the
/// file). Whether the certificate is valid at this time is for the caller to say.
[[nodiscard]] Result<CertificateInfo> inspect(const std::string& certificate_file,
                                              const std::string& key_file);

}  // namespace gatepost::tls
