#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "proxy/base/address.h"
#include "proxy/base/timer.h"

namespace gatepost::probe {

enum class Mode : std::uint8_t {
  automatic,  ///< TLS at port 995; elsewhere plain text, and STLS if it is offered
  implicit,   ///< TLS from the first octet
  stls,       ///< plain text, then STLS, offered or not
  plain,      ///< never TLS
};

struct Options {
  Endpoint target;
  Mode mode = Mode::automatic;
  std::string ca_file;      ///< PEM; empty: the system's certificates
  std::string server_name;  ///< expected in the certificate; empty: the target's host
  /// For each step: a connection, a handshake, a reply. A whole probe takes ten of these at most.
  Duration timeout = std::chrono::seconds{10};
};

}  // namespace gatepost::probe
