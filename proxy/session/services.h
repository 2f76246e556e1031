#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "filters/inspection.h"
#include "filters/retention/host.h"
#include "filters/retention/policy.h"
#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "proxy/base/journal.h"
#include "proxy/base/log.h"
#include "proxy/base/secret.h"
#include "proxy/base/timer.h"
#include "proxy/guard/guard.h"
#include "proxy/net/connector.h"
#include "proxy/net/transport.h"
#include "proxy/session/counters.h"
#include "proxy/session/tape.h"
#include "proxy/upstream/router.h"

namespace gatepost::session {

/// What the sessions of one worker share; all of it outlives them.
struct Services {
  TimerService& timers;
  net::Connector& connector;
  BlockPool& pool;
  Log& log;
  Counters& counters;
  guard::Guard& guard;                ///< shared with the other workers
  filters::Host& filters;             ///< what chains use
  filters::RetentionHost& retention;  ///< what policies use
  filters::InspectionMaker inspect;   ///< make_inspection() with `filters`; tests put in their own
  Journal& journal;                   ///< what is decided, for `gatepost explain`
  /// Takes the session down that has these services: they are for it alone then. Null: nobody does.
  Tape* tape = nullptr;
};

/// Who may open every mailbox of a server (config::Pool::master_user).
struct MasterLogin {
  std::string form;  ///< of the name, with {user}
  Secret password;
};

/// What a session is told by the configuration: immutable, kept until the session ends, whatever is
/// reloaded meanwhile.
struct Settings {
  std::string listener;  ///< its name
  std::string path;      ///< where it stands in the configuration: "/listeners/0"
  config::ListenerTls client_tls_mode = config::ListenerTls::none;
  std::shared_ptr<const net::TlsLayer> client_tls;  ///< set unless the mode is none
  /// For clients of legacy_tls_networks, set when there are any.
  std::shared_ptr<const net::TlsLayer> legacy_tls;
  std::vector<IpNetwork> legacy_tls_networks;
  std::vector<IpNetwork> cleartext_login_networks;
  bool xclient = false;  ///< offered to trusted_networks
  std::vector<IpNetwork> trusted_networks;
  bool apop = false;           ///< upstream is asked before the greeting
  std::string implementation;  ///< for CAPA
  std::shared_ptr<const upstream::Router> router;
  std::shared_ptr<const filters::Chain> chain;  ///< unless the route has its own; null: relayed
  /// Unless the route has its own; null: the client decides.
  std::shared_ptr<const filters::RetentionPolicy> retention;
  /// Logs in upstream in place of the user, whatever the client says: for sessions of our own,
  /// whose client is nobody (`gatepost retention sweep`). Null for all others.
  std::shared_ptr<const MasterLogin> master;
  config::Timeouts timeouts;
  config::Limits limits;
};

}  // namespace gatepost::session
