#include <cstddef>
#include <string>
#include <utility>

#include "config/build_parts.h"

namespace gatepost::config {

namespace {

Certificate build_certificate(const Reader& in) {
  Certificate certificate;
  in.read("certificate", certificate.certificate);
  in.read("key", certificate.key);
  in.read("ocsp", certificate.ocsp);
  return certificate;
}

}  // namespace

void build_tls(const Reader& in, Tls& tls, Findings& findings) {
  Certificate first = build_certificate(in);
  if (!first.certificate.empty()) {
    tls.certificates.push_back(std::move(first));
  } else if (!first.key.empty() || !first.ocsp.empty()) {
    in.error("certificate",
             "missing (or the flag --cert): without it there is no use for its key "
             "or its OCSP response");
  }
  constexpr std::size_t kMaxCertificates = 1000;
  in.for_each("certificates", kMaxCertificates, [&](const Json& item, const std::string& path) {
    tls.certificates.push_back(build_certificate({item, path, findings}));
  });
  in.read("certificate_folders", tls.certificate_folders);
  in.read("min_version", tls.min_version, kVersions);
  in.read("ticket_rotation", tls.ticket_rotation);
  in.read("ticket_key_file", tls.ticket_key_file);
  in.read<ClientCertificates>("client_certificates", tls.client_certificates,
                              {{"off", ClientCertificates::off},
                               {"optional", ClientCertificates::optional},
                               {"required", ClientCertificates::required}});
  in.read("client_ca_file", tls.client_ca_file);
  in.read("watch_every", tls.watch_every);
}

}  // namespace gatepost::config
