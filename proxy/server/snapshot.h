#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "proxy/base/digest.h"
#include "proxy/base/error.h"
#include "proxy/server/chains.h"
#include "proxy/server/identities.h"
#include "proxy/server/policies.h"
#include "proxy/server/pools.h"
#include "proxy/session/services.h"
#include "proxy/tls/identity.h"
#include "proxy/tls/ticket_keys.h"

namespace gatepost::server {

/// One configuration made ready for use: files read, TLS contexts built. Immutable; swapped whole
/// by a reload, while each session keeps the one that it began with.
struct Snapshot {
  struct Listener {
    config::Listener config;
    std::shared_ptr<const session::Settings> settings;
  };

  config::Config config;
  std::vector<Listener> listeners;
  std::vector<std::shared_ptr<const tls::Identity>> identities;
  std::vector<std::shared_ptr<const upstream::Pool>> pools;
  Chains chains;
  Policies policies;
  std::vector<tls::TicketKey> ticket_keys;  ///< of the shared file; empty: random ones are used
  std::optional<Digest> admin_token;        ///< of the status page; null: it has no actions
  std::vector<FileProblem> problems;        ///< files whose last good version is used
};

/// TLS towards clients, as each listener takes it.
struct ClientTls {
  std::shared_ptr<const net::TlsLayer> modern;
  std::shared_ptr<const net::TlsLayer> legacy;  ///< null where nobody wants it
};

/// What outlives a snapshot and goes into the next.
struct Holdings {
  std::shared_ptr<tls::TicketKeys> tickets = std::make_shared<tls::TicketKeys>();
  IdentityStore identities;
  ClientTls client_tls;  ///< as made last
  PoolMaker pools;
  ChainMaker chains;
  PolicyMaker policies;
  std::optional<Digest> admin_token;  ///< as read last
  Discovered discovered;
};

/// Reads what `config` names. Fails with `config`, the JSON path and the file's name; then nothing
/// that is in force has changed. With OnBroken::keep only what no older version is known of makes
/// it fail.
[[nodiscard]] Result<std::shared_ptr<const Snapshot>> make_snapshot(
    const config::Config& config, Holdings& holdings, OnBroken on_broken = OnBroken::refuse);

/// The files and folders that `config` names and that may change while it is in force.
[[nodiscard]] std::vector<std::string> watched_files(const config::Config& config);

/// The same with the certificates that were found in folders.
[[nodiscard]] std::vector<std::string> files_read_again(const Snapshot& snapshot);

}  // namespace gatepost::server
