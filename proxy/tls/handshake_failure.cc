#include "proxy/tls/handshake_failure.h"

#include <fmt/format.h>

#include "proxy/tls/failure_reason.h"
#include "proxy/tls/server_context.h"
#include "proxy/tls/transport.h"

namespace gatepost::tls {

namespace {

// The alerts of the peer are reasons of the library from here on.
bool is_alert(int reason) { return reason >= SSL_AD_REASON_OFFSET; }

std::string alert_text(int reason) {
  return fmt::format("the peer refused with the TLS alert \"{}\"",
                     SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
}

HandshakeFailure categorize(int reason, std::optional<std::uint8_t> first_byte) {
  switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_INAPPROPRIATE_FALLBACK:
      return HandshakeFailure::no_shared_version;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUP:
    case SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS:
      return HandshakeFailure::no_shared_cipher;
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return HandshakeFailure::no_alpn;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return HandshakeFailure::no_certificate;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return HandshakeFailure::bad_certificate;
    case SSL_R_HANDSHAKE_FAILURE_ON_CLIENT_HELLO:
      return HandshakeFailure::peer_alert;
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
      return HandshakeFailure::not_tls;
    default:
      break;
  }
  if (is_alert(reason)) return HandshakeFailure::peer_alert;
  // RFC 8446 section 5.1: the content types of records are 20 to 23.
  if (first_byte && (*first_byte < 20 || *first_byte > 23)) return HandshakeFailure::not_tls;
  return HandshakeFailure::other;
}

std::string certificate_text(const SSL& ssl, const std::string& expected_name) {
  const long result = SSL_get_verify_result(&ssl);
  if (result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    return fmt::format("certificate refused: hostname mismatch: expected {}", expected_name);
  }
  if (result == X509_V_ERR_APPLICATION_VERIFICATION) {
    return SSL_is_server(&ssl) == 1
               ? fmt::format("certificate refused: its subject has more than {} octets",
                             kMaxSubject)
               : "certificate refused: no certificate of the chain has an expected public key pin";
  }
  return fmt::format("certificate refused: {}", X509_verify_cert_error_string(result));
}

std::string explain(const SSL& ssl, HandshakeFailure category, int reason,
                    const std::string& expected_name) {
  switch (category) {
    case HandshakeFailure::not_tls:
      return "the peer does not speak TLS here";
    case HandshakeFailure::no_shared_version:
      return "no TLS version in common";
    case HandshakeFailure::no_shared_cipher:
      return "no cipher suite, group or signature algorithm in common";
    case HandshakeFailure::no_alpn:
      return "the client offers other protocols than pop3 (ALPN)";
    case HandshakeFailure::no_certificate:
      return "the client has no certificate";
    case HandshakeFailure::bad_certificate:
      return certificate_text(ssl, expected_name);
    case HandshakeFailure::peer_alert:
      return is_alert(reason) ? alert_text(reason)
                              : "the peer refused with the TLS alert \"handshake failure\"";
    case HandshakeFailure::closed:
    case HandshakeFailure::other:
      break;
  }
  return newest_reason();
}

// The queue may hold a cause below the failure of the call: the first entry of libssl counts.
int ssl_reason() {
  const std::uint32_t error = ERR_peek_error();
  return ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
}

}  // namespace

Failure explain_handshake(const SSL& ssl, std::optional<std::uint8_t> first_byte,
                          const std::string& expected_name) {
  const int reason = ssl_reason();
  const HandshakeFailure category = categorize(reason, first_byte);
  return {category,
          fmt::format("TLS handshake failed: {}", explain(ssl, category, reason, expected_name))};
}

std::string explain_record() {
  const int reason = ssl_reason();
  if (is_alert(reason)) return alert_text(reason);
  return fmt::format("the peer broke the TLS protocol: {}", newest_reason());
}

std::optional<HandshakeFailure> handshake_failure(const net::Transport& transport) {
  const auto* ours = dynamic_cast<const TlsTransport*>(&transport);
  return ours != nullptr ? ours->failure() : std::nullopt;
}

}  // namespace gatepost::tls
