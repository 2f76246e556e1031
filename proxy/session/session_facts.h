#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/timer.h"

namespace gatepost::session {

/// What can be told of a session while it goes on. Texts from peers are as they came: whoever shows
/// them makes them harmless.
struct SessionFacts {
  std::string id;
  std::string listener;
  std::string client;       ///< address and port, or "unix"
  std::string via;          ///< the peer in front; "" without one
  std::string user;         ///< "" before the first login; then the last one tried
  std::string device;       ///< what the route cut off the user name
  std::string mechanism;    ///< how the user came in; "" before the login
  std::string route;        ///< "" before the login
  std::string pool;         ///< the same
  std::string upstream;     ///< the server's address; the same
  std::string tls;          ///< "TLSv1.3", "none", "other"
  std::string cipher;       ///< "" without TLS
  std::string server_name;  ///< SNI
  std::string certificate;  ///< subject of the client's verified certificate
  std::string state;        ///< a word of to_string(SessionState)
  std::string doing;        ///< the command whose reply is under way, "RETR 5"; "" if none
  std::string waits_for;    ///< "client", "upstream", "verdict", …: blanks between several
  std::string chain;        ///< "" without one
  std::string policy;       ///< "" where the client decides
  Duration age{};
  Duration idle{};  ///< since the client said or took something
  std::uint64_t commands = 0;
  std::uint64_t messages = 0;
  std::uint64_t octets_in = 0;
  std::uint64_t octets_out = 0;
  std::uint32_t failed_logins = 0;
  bool logged_in = false;
};

}  // namespace gatepost::session
