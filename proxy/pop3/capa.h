#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::pop3 {

/// The capabilities an upstream announced (RFC 2449), read from the unstuffed body of CAPA.
class Capabilities {
 public:
  Capabilities() = default;
  /// Tolerates anything: what is not understood is not a capability. The caller bounds `body`.
  [[nodiscard]] static Capabilities parse(std::string_view body);

  /// Nothing announced: an upstream without CAPA, of which nothing is known.
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  /// Names and arguments are compared case-blind.
  [[nodiscard]] bool has(std::string_view name) const;
  /// Whether a line of that name has `argument` among its arguments.
  [[nodiscard]] bool has(std::string_view name, std::string_view argument) const;
  /// Whether SASL lists `mechanism`.
  [[nodiscard]] bool has_sasl(std::string_view mechanism) const { return has("SASL", mechanism); }
  /// All arguments of all lines of that name, upper case, as they came.
  [[nodiscard]] std::vector<std::string> arguments(std::string_view name) const;

  /// What both announce: lines of the same name, with the arguments that stand in both.
  [[nodiscard]] Capabilities common_with(const Capabilities& other) const;

 private:
  std::vector<std::vector<std::string>> lines_;  // upper case, split at blanks
};

/// What decides which capabilities we announce ourselves.
struct CapaContext {
  /// Octets of the arguments of one line that are taken over from upstream; a longer line is left
  /// out.
  static constexpr std::size_t kMaxArguments = 64;

  bool logged_in = false;
  bool stls_possible = false;  ///< listener offers STLS, not done yet, not logged in
  bool login_allowed = false;  ///< credentials are accepted on this connection as it is now
  /// What upstream is known to offer; null before login when that is not known.
  const Capabilities* upstream = nullptr;
  std::vector<std::string> mechanisms = {"PLAIN", "LOGIN"};  ///< see offered_mechanisms()
  std::string implementation = std::string();  ///< our own, printable; "" says nothing
  /// After login, what EXPIRE says ("NEVER", "30") if upstream does not announce less.
  std::optional<std::string> expire = std::nullopt;
};

/// Our reply to CAPA, status line to final dot (RFC 2449 section 5): PIPELINING and RESP-CODES
/// always; TOP and UIDL before login, and after it if upstream has them or knows no CAPA; USER and
/// SASL only where login is allowed now, which it is not twice; STLS where it is possible. UTF8
/// (RFC 6856) if upstream has it, after login LANG, EXPIRE and LOGIN-DELAY too, these with
/// upstream's arguments; see `expire`. AUTH-RESP-CODE is not announced: it would
/// promise [AUTH] on every refused login, which only upstream could keep.
[[nodiscard]] std::string capa_reply(const CapaContext& context);

}  // namespace gatepost::pop3
