#include "proxy/session/counters.h"

#include <utility>

namespace gatepost::session {

std::string_view to_string(LoginResult result) {
  switch (result) {
    case LoginResult::ok:
      return "ok";
    case LoginResult::refused:
      return "refused";
    case LoginResult::unavailable:
      return "unavailable";
    case LoginResult::client_gone:
      return "client_gone";
    case LoginResult::cancelled:
      return "cancelled";
    case LoginResult::throttled:
      return "throttled";
    case LoginResult::count_:
      break;
  }
  std::unreachable();
}

std::string_view to_string(EndReason reason) {
  switch (reason) {
    case EndReason::quit:
      return "quit";
    case EndReason::client_closed:
      return "client_closed";
    case EndReason::client_error:
      return "client_error";
    case EndReason::handshake_failed:
      return "handshake_failed";
    case EndReason::protocol_error:
      return "protocol_error";
    case EndReason::too_many_errors:
      return "too_many_errors";
    case EndReason::timeout:
      return "timeout";
    case EndReason::upstream_lost:
      return "upstream_lost";
    case EndReason::mailbox_unavailable:
      return "mailbox_unavailable";
    case EndReason::message_broken:
      return "message_broken";
    case EndReason::drained:
      return "drained";
    case EndReason::kicked:
      return "kicked";
    case EndReason::refused_full:
      return "refused_full";
    case EndReason::refused_network:
      return "refused_network";
    case EndReason::refused_rate:
      return "refused_rate";
    case EndReason::refused_proxy:
      return "refused_proxy";
    case EndReason::internal:
      return "internal";
    case EndReason::count_:
      break;
  }
  std::unreachable();
}

std::string_view to_string(TlsVersionLabel version) {
  switch (version) {
    case TlsVersionLabel::none:
      return "none";
    case TlsVersionLabel::tls1_0:
      return "1.0";
    case TlsVersionLabel::tls1_1:
      return "1.1";
    case TlsVersionLabel::tls1_2:
      return "1.2";
    case TlsVersionLabel::tls1_3:
      return "1.3";
    case TlsVersionLabel::other:
      return "other";
    case TlsVersionLabel::count_:
      break;
  }
  std::unreachable();
}

std::string_view to_string(CipherLabel cipher) {
  switch (cipher) {
    case CipherLabel::aes_128_gcm:
      return "aes_128_gcm";
    case CipherLabel::aes_256_gcm:
      return "aes_256_gcm";
    case CipherLabel::chacha20_poly1305:
      return "chacha20_poly1305";
    case CipherLabel::other:
      return "other";
    case CipherLabel::count_:
      break;
  }
  std::unreachable();
}

std::string_view to_string(HandshakeFailure failure) {
  switch (failure) {
    case HandshakeFailure::not_tls:
      return "not_tls";
    case HandshakeFailure::no_shared_version:
      return "no_shared_version";
    case HandshakeFailure::no_shared_cipher:
      return "no_shared_cipher";
    case HandshakeFailure::no_alpn:
      return "no_alpn";
    case HandshakeFailure::no_certificate:
      return "no_certificate";
    case HandshakeFailure::bad_certificate:
      return "bad_certificate";
    case HandshakeFailure::peer_alert:
      return "peer_alert";
    case HandshakeFailure::closed:
      return "closed";
    case HandshakeFailure::timeout:
      return "timeout";
    case HandshakeFailure::other:
      return "other";
    case HandshakeFailure::count_:
      break;
  }
  std::unreachable();
}

}  // namespace gatepost::session
