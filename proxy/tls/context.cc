#include "proxy/tls/context.h"

namespace gatepost::tls {

namespace {

// TLS 1.2: forward secrecy and AEAD only. Suites in brackets are equal: there the client chooses by
// its hardware. The suites of TLS 1.3 are fixed in the library.
constexpr const char* kTls12Suites =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305|ECDHE-RSA-AES128-GCM-SHA256|"
    "ECDHE-RSA-CHACHA20-POLY1305]:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";

// What devices of twenty years ago know. Still no RC4; the last is for those that know nothing
// else.
constexpr const char* kLegacySuites =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305|ECDHE-RSA-AES128-GCM-SHA256|"
    "ECDHE-RSA-CHACHA20-POLY1305]:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:"
    "AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA:AES256-SHA:DES-CBC3-SHA";

// Newer ones first. SHA-1 is not for TLS 1.2 any more (RFC 9155), but for the legacy profile.
constexpr std::array<std::uint16_t, 12> kSignatures = {
    SSL_SIGN_ED25519,
    SSL_SIGN_ECDSA_SECP256R1_SHA256,
    SSL_SIGN_ECDSA_SECP384R1_SHA384,
    SSL_SIGN_ECDSA_SECP521R1_SHA512,
    SSL_SIGN_RSA_PSS_RSAE_SHA256,
    SSL_SIGN_RSA_PSS_RSAE_SHA384,
    SSL_SIGN_RSA_PSS_RSAE_SHA512,
    SSL_SIGN_RSA_PKCS1_SHA256,
    SSL_SIGN_RSA_PKCS1_SHA384,
    SSL_SIGN_RSA_PKCS1_SHA512,
    SSL_SIGN_ECDSA_SHA1,
    SSL_SIGN_RSA_PKCS1_SHA1,
};
constexpr std::size_t kSha1Signatures = 2;

// P-256 must be there: TLS 1.2 needs it for certificates on that curve.
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr const char* kGroupsPostQuantum = "X25519MLKEM768:X25519:P-256:P-384";

std::uint16_t lowest(Version min_version, Profile profile) {
  if (profile == Profile::legacy) return TLS1_VERSION;
  return min_version == Version::tls1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

bool set_suites(SSL_CTX* ctx, Profile profile) {
  if (profile == Profile::modern) return SSL_CTX_set_strict_cipher_list(ctx, kTls12Suites) == 1;
  // TLS 1.0 takes the last block of a record for the next one's IV: an attacker must not choose
  // what comes first in it.
  SSL_CTX_set_mode(ctx, SSL_MODE_CBC_RECORD_SPLITTING);
  // Not strict: the library may have dropped the oldest by now.
  return SSL_CTX_set_cipher_list(ctx, kLegacySuites) == 1;
}

}  // namespace

std::span<const std::uint16_t> signatures_of(Profile profile) {
  const std::span<const std::uint16_t> all = kSignatures;
  return profile == Profile::legacy ? all : all.first(all.size() - kSha1Signatures);
}

Result<bssl::UniquePtr<SSL_CTX>> make_context(Version min_version, Profile profile) {
  ERR_clear_error();
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  if (!context) return fail(ErrorCode::system, "no memory for a TLS context");
  SSL_CTX* ctx = context.get();
  // An older library does not know the name of the hybrid group.
  const bool groups = SSL_CTX_set1_curves_list(ctx, kGroupsPostQuantum) == 1 ||
                      SSL_CTX_set1_curves_list(ctx, kGroups) == 1;
  if (!groups || SSL_CTX_set_min_proto_version(ctx, lowest(min_version, profile)) != 1 ||
      SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 || !set_suites(ctx, profile)) {
    return fail(ErrorCode::system, "the TLS library lacks what is needed: " + newest_reason());
  }
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(ctx, kMaxPeerChain);
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
