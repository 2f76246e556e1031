#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/base/error.h"
#include "proxy/base/secret.h"

namespace gatepost::pop3 {

[[nodiscard]] std::string base64_encode(std::string_view bytes);
/// Strict (RFC 4648 section 4): right length, padding only at the end, nothing else in it.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

/// Octets of a user name, from USER or SASL.
inline constexpr std::size_t kMaxUserName = 512;
/// Octets of a password: tokens used as passwords reach this.
inline constexpr std::size_t kMaxPassword = 8 * 1024;

/// Who wants in.
struct Credentials {
  std::string user;
  Secret password;
};

/// "AUTH PLAIN" arguments towards upstream: base64 of NUL user NUL password (RFC 4616), to be
/// wiped by the caller.
[[nodiscard]] std::string sasl_plain_message(std::string_view user, std::string_view password);

/// Whether `text` may become an argument of PASS: no NUL, CR or LF, not empty, at most kMaxPassword
/// octets.
[[nodiscard]] bool is_safe_argument(std::string_view text);
/// Whether `text` may become an argument of USER: also no other control character but TAB, not
/// blanks alone, at most kMaxUserName octets.
[[nodiscard]] bool is_safe_user(std::string_view text);

/// The server's side of one AUTH PLAIN or AUTH LOGIN (RFC 5034, RFC 4616), without I/O. What is
/// decoded is binary until it was checked: control characters in it, and an authorization identity
/// that is not the user, end the dialog.
class SaslDialog {
 public:
  enum class Step : std::uint8_t {
    challenge,  ///< send challenge(), then feed the client's next line to respond()
    done,       ///< credentials() is complete
    failed,     ///< send error() as -ERR; the dialog is over
  };

  /// Null for mechanisms that are not PLAIN or LOGIN (`mechanism` is upper case).
  [[nodiscard]] static std::optional<SaslDialog> start(std::string_view mechanism);

  /// The first step; `initial_response` as in the command, "=" for an empty one.
  [[nodiscard]] Step begin(const std::optional<std::string>& initial_response);
  /// A line of the client, without CRLF; "*" cancels.
  [[nodiscard]] Step respond(std::string_view line);

  /// "+ …\r\n"
  [[nodiscard]] const std::string& challenge() const { return challenge_; }
  /// Text for -ERR, without the prefix.
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] Credentials take_credentials() { return std::move(credentials_); }

 private:
  enum class State : std::uint8_t { plain, login_user, login_password, over };
  explicit SaslDialog(State state) : state_(state) {}
  [[nodiscard]] Step decode(std::string_view text);
  [[nodiscard]] Step accept(std::string_view decoded);
  [[nodiscard]] Step accept_plain(std::string_view message);
  [[nodiscard]] Step ask(std::string_view challenge);
  [[nodiscard]] Step fail(std::string_view text);
  State state_;
  std::string challenge_;
  std::string error_;
  Credentials credentials_;
};

}  // namespace gatepost::pop3
