#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "proxy/net/tap.h"
#include "proxy/upstream/server.h"

namespace gatepost::trace {

/// What is asked of a trace.
struct Options {
  bool full = false;   ///< messages as they are; passwords are never in it all the same
  bool names = false;  ///< user names as they are
  std::string key;     ///< of the pseudonyms: the same for all that belongs together
};
/// A new key for pseudonyms.
[[nodiscard]] std::string make_key();

/// What a replay has to know of a server.
struct ServerFacts {
  upstream::Security security = upstream::Security::none;
  bool xclient = false;
  bool initial_response = true;
  config::Utf8 utf8 = config::Utf8::client;
  /// Announced to somebody before; nothing: it was never asked.
  std::optional<upstream::ServerState::Announcement> known = {};
};

/// Where a login goes.
struct RouteFacts {
  bool found = false;  ///< false: no server is for this user
  std::string form = "{user}";
  bool lower_case = false;
  std::string default_domain;
  std::string device_suffix;
  bool chain = false;          ///< messages go through one
  bool retention = false;      ///< a policy decides what the client sees
  std::uint32_t attempts = 1;  ///< servers that one login may ask
  std::vector<ServerFacts> servers;
};

/// How things stood when a session began.
struct Beginning {
  config::ListenerTls tls = config::ListenerTls::none;
  bool apop = false;
  bool xclient = false;
  bool trusted = false;          ///< the client may say XCLIENT
  bool cleartext_login = false;  ///< the client may log in without TLS
  std::string implementation;    ///< for CAPA
  std::string client;            ///< its address, masked; "unix"
  std::string local;             ///< where it connected to, masked
  bool secure = false;           ///< its TLS ended in front of us
  std::uint8_t hops = 7;
  /// Without a user; nothing: the user decides.
  std::optional<RouteFacts> route = {};
  config::Timeouts timeouts;
  std::uint32_t login_attempts = 3;
  std::uint32_t pipeline = 16;
  std::uint32_t bad_commands = 20;
};

/// One line of a trace: something that happened in a session.
struct Event {
  enum class Kind : std::uint8_t {
    // What comes from outside: a replay plays it.
    begin,      ///< `beginning` is set
    heard,      ///< `text` came
    connected,  ///< to upstream
    failed,     ///< the connection could not be made, or its TLS; `text` is the error's code
    secured,    ///< TLS stands; `text` is its version
    ended,      ///< the peer says nothing more; `text` is the error's code
    drained,
    cut,  ///< `text` is the reason
    // What the session does: a replay compares it.
    said,        ///< `text`
    connecting,  ///< to the server number `number` of the route
    closed,      ///< by the session; `text` is "flush" or "abort"
    over,        ///< `text` is the reason
    // What explains it.
    route,    ///< `route` is set
    login,    ///< succeeded
    dropped,  ///< `number` octets of this trace are missing here
    count_,
  };
  Kind kind = Kind::heard;
  std::uint64_t ms = 0;  ///< since the session began
  std::string session;   ///< its id
  net::Tap::Leg leg = 0;
  std::string text;
  std::uint64_t number = 0;
  std::shared_ptr<const Beginning> beginning = nullptr;
  std::shared_ptr<const RouteFacts> route = nullptr;
};

}  // namespace gatepost::trace
