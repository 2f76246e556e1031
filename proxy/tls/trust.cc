#include "proxy/tls/trust.h"

#include <fmt/format.h>

#include <array>

namespace gatepost::tls {

namespace {

// Where distributions keep the system's certificates: Debian and Alpine, Fedora, openSUSE, BSD.
constexpr std::array kSystemBundles = {"/etc/ssl/certs/ca-certificates.crt",
                                       "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                       "/etc/ssl/cert.pem"};
constexpr const char* kSystemDirectory = "/etc/ssl/certs";

Result<void> trust_system(SSL_CTX* ctx) {
  bool any = false;
  for (const char* bundle : kSystemBundles) {
    any = SSL_CTX_load_verify_locations(ctx, bundle, nullptr) == 1;
    if (any) break;
  }
  // Certificates that were added without a new bundle; looked up by hash when one is needed.
  any = SSL_CTX_load_verify_locations(ctx, nullptr, kSystemDirectory) == 1 || any;
  ERR_clear_error();
  if (any) return {};
  return fail(ErrorCode::config, "the system has no CA certificates; set a CA file for upstream");
}

}  // namespace

Result<void> trust(SSL_CTX* ctx, const std::string& ca_file) {
  ERR_clear_error();
  if (ca_file.empty()) return trust_system(ctx);
  if (SSL_CTX_load_verify_locations(ctx, ca_file.c_str(), nullptr) == 1) return {};
  return fail(ErrorCode::config,
              fmt::format("{}: cannot be used as CA file ({})", ca_file, newest_reason()));
}

}  // namespace gatepost::tls
