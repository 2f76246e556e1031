#include "proxy/tls/inspection.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

#include "proxy/base/address.h"
#include "proxy/tls/context.h"
#include "proxy/tls/inspected_certificate.h"
#include "proxy/tls/openssl.h"
#include "proxy/tls/transport.h"
#include "proxy/tls/trust.h"

namespace gatepost::tls {

namespace {

constexpr const char* kGroups = "X25519:P-256:P-384:P-521";
constexpr const char* kGroupsPostQuantum = "X25519MLKEM768:X25519:P-256:P-384:P-521";

std::uint16_t wire_version(InspectedVersion version) {
  switch (version) {
    case InspectedVersion::tls1_0:
      return TLS1_VERSION;
    case InspectedVersion::tls1_1:
      return TLS1_1_VERSION;
    case InspectedVersion::tls1_2:
      return TLS1_2_VERSION;
    case InspectedVersion::tls1_3:
      break;
  }
  return TLS1_3_VERSION;
}

Result<bssl::UniquePtr<SSL_CTX>> make_lenient_context(InspectedVersion version) {
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  SSL_CTX* ctx = context.get();
  if (ctx == nullptr) return fail(ErrorCode::system, "no memory for a TLS context");
  const bool groups = SSL_CTX_set1_curves_list(ctx, kGroupsPostQuantum) == 1 ||
                      SSL_CTX_set1_curves_list(ctx, kGroups) == 1;
  // SSL_CTX_set_alpn_protos returns 0 for success, unlike all others.
  if (!groups || SSL_CTX_set_min_proto_version(ctx, wire_version(version)) != 1 ||
      SSL_CTX_set_max_proto_version(ctx, wire_version(version)) != 1 ||
      SSL_CTX_set_cipher_list(ctx, "ALL") != 1 ||
      SSL_CTX_set_alpn_protos(ctx, kAlpnPop3.data(), kAlpnPop3.size()) != 0) {
    return fail(ErrorCode::system, "the TLS library lacks what is needed: " + newest_reason());
  }
  SSL_CTX_set_max_cert_list(ctx, kMaxPeerChain);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, nullptr);
  ERR_clear_error();
  return context;
}

class TheInspector final : public Inspector {
 public:
  TheInspector(bssl::UniquePtr<SSL_CTX> context, std::string name)
      : context_(std::move(context)), name_(std::move(name)) {
    SSL_CTX_set_info_callback(context_.get(), &TheInspector::on_event);
  }

  Result<std::unique_ptr<net::Transport>> wrap(std::unique_ptr<net::Transport>&& plain,
                                               BlockPool& pool) const override {
    if (!plain->received().empty()) {
      return fail(ErrorCode::protocol, "the server sent something before TLS was started");
    }
    auto ssl = connection();
    if (!ssl) return std::unexpected(ssl.error());
    SSL_set_app_data(ssl->get(), const_cast<TheInspector*>(this));
    return std::make_unique<TlsTransport>(std::move(plain), std::move(*ssl), pool,
                                          TlsTransport::kClientReceiveLimit, name_);
  }

  const Inspection* seen() const override { return seen_ ? &*seen_ : nullptr; }

  Result<bssl::UniquePtr<SSL>> connection() const {
    ERR_clear_error();
    bssl::UniquePtr<SSL> ssl(SSL_new(context_.get()));
    if (!ssl) return fail(ErrorCode::system, "no memory for a TLS connection");
    SSL_set_connect_state(ssl.get());
    const bool address = IpAddress::parse(name_).has_value();
    if (!name_.empty() && !address && SSL_set_tlsext_host_name(ssl.get(), name_.c_str()) != 1) {
      ERR_clear_error();
      return fail(ErrorCode::config,
                  fmt::format("\"{}\" cannot be the name of a TLS server", name_));
    }
    return ssl;
  }

 private:
  // A transport keeps its SSL object to itself; this is when the handshake is over.
  static void on_event(const SSL* ssl, int type, int) {
    if ((type & SSL_CB_HANDSHAKE_DONE) == 0) return;
    auto* self = static_cast<TheInspector*>(SSL_get_app_data(ssl));
    if (self != nullptr && !self->seen_) self->look(*ssl);
    ERR_clear_error();
  }

  void look(const SSL& ssl) {
    Inspection& inspection = seen_.emplace();
    inspection.version = to_string_of(SSL_version(&ssl));
    if (const SSL_CIPHER* cipher = SSL_get_current_cipher(&ssl)) {
      inspection.cipher = SSL_CIPHER_standard_name(cipher);
    }
    if (const char* group = SSL_get_curve_name(SSL_get_curve_id(&ssl))) inspection.group = group;
    const STACK_OF(X509)* chain = SSL_get_peer_full_cert_chain(&ssl);
    if (chain == nullptr || sk_X509_num(chain) == 0) return;
    for (std::size_t i = 0; i < sk_X509_num(chain) && i < kMaxChain; ++i) {
      inspection.chain.push_back(inspect_certificate(*sk_X509_value(chain, i)));
    }
    inspection.verdict = judge(*chain, SSL_CTX_get_cert_store(context_.get()), name_);
  }

  static std::string to_string_of(int version) {
    for (const auto known : {InspectedVersion::tls1_0, InspectedVersion::tls1_1,
                             InspectedVersion::tls1_2, InspectedVersion::tls1_3}) {
      if (wire_version(known) == version) return std::string(to_string(known));
    }
    return "unknown";
  }

  bssl::UniquePtr<SSL_CTX> context_;
  std::string name_;
  std::optional<Inspection> seen_;
};

}  // namespace

std::string_view to_string(InspectedVersion version) {
  switch (version) {
    case InspectedVersion::tls1_0:
      return "TLSv1.0";
    case InspectedVersion::tls1_1:
      return "TLSv1.1";
    case InspectedVersion::tls1_2:
      return "TLSv1.2";
    case InspectedVersion::tls1_3:
      break;
  }
  return "TLSv1.3";
}

Result<std::unique_ptr<Inspector>> Inspector::create(const InspectionOptions& options) {
  ERR_clear_error();
  auto context = make_lenient_context(options.version);
  if (!context) return std::unexpected(context.error());
  // Without any authorities of the system the verdict will say so.
  auto trusted = trust(context->get(), options.ca_file);
  if (!trusted && !options.ca_file.empty()) {
    return std::unexpected(trusted.error());
  }
  auto inspector = std::make_unique<TheInspector>(std::move(*context), options.server_name);
  if (auto tried = inspector->connection(); !tried) return std::unexpected(tried.error());
  return inspector;
}

}  // namespace gatepost::tls
