#pragma once

#include <string>

namespace gatepost::tls {

/// The TLS library for `--version` and build info: "BoringSSL API 17".
[[nodiscard]] std::string library_name();

}  // namespace gatepost::tls
