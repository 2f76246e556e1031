#pragma once

// Internal to proxy/tls.

#include <string>

#include "proxy/base/error.h"
#include "proxy/tls/openssl.h"

namespace gatepost::tls {

/// Makes `ctx` trust the authorities of a PEM file, or those of the system if `ca_file` is empty.
/// Fails with `config`.
[[nodiscard]] Result<void> trust(SSL_CTX* ctx, const std::string& ca_file);

}  // namespace gatepost::tls
