#include <fmt/format.h>

#include <cstddef>
#include <string>

#include "config/rules_parts.h"

namespace gatepost::config {

namespace {

void check_certificate(const Built& built, Findings& findings) {
  const Tls& tls = built.config.tls;
  if (!tls.certificates.empty() || !tls.certificate_folders.empty()) return;
  for (std::size_t i = 0; i < built.config.listeners.size(); ++i) {
    const Listener& listener = built.config.listeners[i];
    if (listener.tls == ListenerTls::none) continue;
    const std::string who =
        built.listener_has_address[i] ? quote(listener.name) : std::to_string(i + 1);
    const auto need = [&](const char* path, const char* flag) {
      findings.error(path,
                     fmt::format("missing (or the flag {}): listener {} speaks TLS", flag, who));
    };
    need("/tls/certificate", "--cert");
    need("/tls/key", "--key");
    return;
  }
}

}  // namespace

void check_tls(const Built& built, Findings& findings) {
  check_certificate(built, findings);
  const Tls& tls = built.config.tls;
  const bool asks = tls.client_certificates != ClientCertificates::off;
  if (asks && tls.client_ca_file.empty()) {
    findings.error("/tls/client_ca_file", "missing: who may have signed clients' certificates");
  }
  // Whoever names authorities believes that clients are checked.
  if (!asks && !tls.client_ca_file.empty()) {
    findings.error("/tls/client_ca_file",
                   "no client is asked for a certificate: client_certificates is \"off\"");
  }
  if (!tls.ticket_key_file.empty() && tls.ticket_rotation != Tls().ticket_rotation) {
    findings.warning("/tls/ticket_rotation",
                     "has no effect: the keys are those of ticket_key_file");
  }
}

}  // namespace gatepost::config
