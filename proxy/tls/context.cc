#include "proxy/tls/context.h"

namespace gatepost::tls {

namespace {

// TLS 1.2: forward secrecy and AEAD only. Suites in brackets are equal: there the client chooses by
// its hardware. The suites of TLS 1.3 are fixed in the library.
constexpr const char* kTls12Suites =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305|ECDHE-RSA-AES128-GCM-SHA256|"
    "ECDHE-RSA-CHACHA20-POLY1305]:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";

// P-256 must be there: TLS 1.2 needs it for certificates on that curve.
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr const char* kGroupsPostQuantum = "X25519MLKEM768:X25519:P-256:P-384";

}  // namespace

Result<bssl::UniquePtr<SSL_CTX>> make_context(Version min_version) {
  ERR_clear_error();
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  if (!context) return fail(ErrorCode::system, "no memory for a TLS context");
  SSL_CTX* ctx = context.get();
  const auto min =
      static_cast<std::uint16_t>(min_version == Version::tls1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  // An older library does not know the name of the hybrid group.
  const bool groups = SSL_CTX_set1_curves_list(ctx, kGroupsPostQuantum) == 1 ||
                      SSL_CTX_set1_curves_list(ctx, kGroups) == 1;
  if (!groups || SSL_CTX_set_min_proto_version(ctx, min) != 1 ||
      SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_strict_cipher_list(ctx, kTls12Suites) != 1) {
    return fail(ErrorCode::system, "the TLS library lacks what is needed: " + newest_reason());
  }
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  // Early data could be replayed, a DELE with it (RFC 9325 section 3.10).
  SSL_CTX_set_early_data_enabled(ctx, 0);
  ERR_clear_error();
  return context;
}

Result<bssl::UniquePtr<SSL>> make_connection(SSL_CTX* context) {
  ERR_clear_error();
  bssl::UniquePtr<SSL> ssl(SSL_new(context));
  if (!ssl) return fail(ErrorCode::system, "no memory for a TLS connection");
  // What only a handshake needs goes when it is over.
  SSL_set_shed_handshake_config(ssl.get(), 1);
  return ssl;
}

}  // namespace gatepost::tls
