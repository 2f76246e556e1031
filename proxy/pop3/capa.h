#pragma once

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
  [[nodiscard]] bool has(std::string_view name) const;
  /// Whether SASL lists `mechanism`; both case-blind.
  [[nodiscard]] bool has_sasl(std::string_view mechanism) const;

 private:
  std::vector<std::vector<std::string>> lines_;  // upper case, split at blanks
};

/// What decides which capabilities we announce ourselves.
struct CapaContext {
  bool logged_in = false;
  bool stls_possible = false;  ///< listener offers STLS, not done yet, not logged in
  bool login_allowed = false;  ///< credentials are accepted on this connection as it is now
  bool top = true;             ///< after login: upstream has it (or announces no CAPA at all)
  bool uidl = true;
};

/// Our reply to CAPA, status line to final dot (RFC 2449 section 5): PIPELINING and RESP-CODES
/// always; TOP and UIDL before login, and after it if upstream has them; USER and SASL PLAIN LOGIN
/// only where login is allowed now, which it is not twice; STLS where it is possible.
/// AUTH-RESP-CODE is not announced: it would promise [AUTH] on every refused login, which only
/// upstream could keep.
[[nodiscard]] std::string capa_reply(const CapaContext& context);

}  // namespace gatepost::pop3
