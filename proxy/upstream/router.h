#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/address.h"
#include "proxy/net/transport.h"

namespace gatepost::upstream {

enum class Security : std::uint8_t {
  none,      ///< plain text
  stls,      ///< STLS, required before any credential
  implicit,  ///< TLS from the first byte
};

/// A POP3 server that Gatepost relays to.
struct Server {
  Endpoint address;
  Security security = Security::none;
  std::shared_ptr<const net::TlsLayer> tls;  ///< set unless security is none
};

/// Decides which upstream serves a login. Immutable; shared by the sessions of one configuration.
class Router {
 public:
  explicit Router(Server server) : server_(std::move(server)) {}
  /// The server for `user`; valid as long as the router.
  [[nodiscard]] const Server& route(std::string_view user) const;

 private:
  Server server_;
};

}  // namespace gatepost::upstream
