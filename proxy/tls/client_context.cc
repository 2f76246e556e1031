#include "proxy/tls/client_context.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "proxy/base/address.h"
#include "proxy/tls/context.h"
#include "proxy/tls/transport.h"

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

Result<void> trust(SSL_CTX* ctx, const std::string& ca_file) {
  ERR_clear_error();
  if (ca_file.empty()) return trust_system(ctx);
  if (SSL_CTX_load_verify_locations(ctx, ca_file.c_str(), nullptr) == 1) return {};
  return fail(ErrorCode::config,
              fmt::format("{}: cannot be used as CA file ({})", ca_file, newest_reason()));
}

bool is_address(const std::string& name) { return IpAddress::parse(name).has_value(); }

bool expect(X509_VERIFY_PARAM* parameters, const std::string& name) {
  X509_VERIFY_PARAM_set_hostflags(
      parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER) != 1) return false;
  if (is_address(name)) return X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1;
  return X509_VERIFY_PARAM_set1_host(parameters, name.data(), name.size()) == 1;
}

class Client final : public ClientContext {
 public:
  Client(bssl::UniquePtr<SSL_CTX> context, const ClientOptions& options)
      : context_(std::move(context)), name_(options.server_name), verify_(options.verify) {}

  Result<std::unique_ptr<net::Transport>> wrap(std::unique_ptr<net::Transport>&& plain,
                                               BlockPool& pool) const override {
    if (!plain->received().empty()) {
      return fail(ErrorCode::protocol, "the server sent something before TLS was started");
    }
    auto ssl = connection();
    if (!ssl) return std::unexpected(ssl.error());
    return std::make_unique<TlsTransport>(std::move(plain), std::move(*ssl), pool,
                                          TlsTransport::kClientReceiveLimit, name_);
  }

  /// A connection that will say and expect what the options ask for.
  Result<bssl::UniquePtr<SSL>> connection() const {
    auto ssl = make_connection(context_.get());
    if (!ssl) return ssl;
    SSL_set_connect_state(ssl->get());
    const bool named = name_.empty() || is_address(name_) ||
                       SSL_set_tlsext_host_name(ssl->get(), name_.c_str()) == 1;
    if (!named || (verify_ && !expect(SSL_get0_param(ssl->get()), name_))) {
      ERR_clear_error();
      return fail(ErrorCode::config,
                  fmt::format("\"{}\" cannot be the name of a TLS server", name_));
    }
    return ssl;
  }

 private:
  bssl::UniquePtr<SSL_CTX> context_;
  std::string name_;
  bool verify_;
};

}  // namespace

Result<std::shared_ptr<const ClientContext>> ClientContext::create(const ClientOptions& options) {
  auto context = make_context(options.min_version);
  if (!context) return std::unexpected(context.error());
  SSL_CTX* ctx = context->get();
  if (options.verify) {
    // Without a name any certificate of any server would do (set1_host accepts an empty one).
    if (options.server_name.empty()) {
      return fail(ErrorCode::config, "upstream's certificate cannot be verified without its name");
    }
    if (auto trusted = trust(ctx, options.ca_file); !trusted) {
      return std::unexpected(trusted.error());
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
  }
  // Unlike others, this function returns 0 for success.
  if (SSL_CTX_set_alpn_protos(ctx, kAlpnPop3.data(), kAlpnPop3.size()) != 0) {
    return fail(ErrorCode::system, "no memory for a TLS context");
  }
  auto client = std::make_shared<Client>(std::move(*context), options);
  if (auto tried = client->connection(); !tried) return std::unexpected(tried.error());
  return client;
}

}  // namespace gatepost::tls
