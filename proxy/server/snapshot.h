#pragma once

#include <memory>
#include <vector>

#include "config/config.h"
#include "proxy/base/error.h"
#include "proxy/session/services.h"
#include "proxy/tls/certificate.h"
#include "proxy/tls/ticket_keys.h"

namespace gatepost::server {

/// One configuration made ready for use: files read, TLS contexts built. Immutable; swapped whole
/// by a reload, while each session keeps the one that it began with.
struct Snapshot {
  struct Listener {
    config::Listener config;
    std::shared_ptr<const session::Settings> settings;
  };
  struct Certificate {
    std::string file;
    tls::CertificateInfo info;
  };

  config::Config config;
  std::vector<Listener> listeners;
  std::vector<Certificate> certificates;
};

/// Reads what `config` names. Fails with `config` and the file's name, changing nothing.
[[nodiscard]] Result<std::shared_ptr<const Snapshot>> make_snapshot(
    const config::Config& config, const std::shared_ptr<const tls::TicketKeys>& tickets);

}  // namespace gatepost::server
