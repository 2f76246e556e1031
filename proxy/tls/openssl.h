#pragma once

// Internal to proxy/tls: the one place that brings in BoringSSL's headers.

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#ifndef OPENSSL_IS_BORINGSSL
#error "these are OpenSSL's headers; Gatepost needs BoringSSL (cmake/FindBoringSSL.cmake)"
#endif

#include <string>

namespace gatepost::tls {

/// The reason of the newest entry in this thread's error queue, "unknown reason" when it is empty.
inline std::string newest_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason != nullptr ? reason : "unknown reason";
}

}  // namespace gatepost::tls
