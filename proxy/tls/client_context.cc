#include "proxy/tls/client_context.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "proxy/base/address.h"
#include "proxy/tls/context.h"
#include "proxy/tls/pem.h"
#include "proxy/tls/pins.h"
#include "proxy/tls/session_store.h"
#include "proxy/tls/transport.h"
#include "proxy/tls/trust.h"

namespace gatepost::tls {

namespace {

bool is_address(const std::string& name) { return IpAddress::parse(name).has_value(); }

bool expect(X509_VERIFY_PARAM* parameters, const std::string& name) {
  X509_VERIFY_PARAM_set_hostflags(
      parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER) != 1) return false;
  if (is_address(name)) return X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1;
  return X509_VERIFY_PARAM_set1_host(parameters, name.data(), name.size()) == 1;
}

// What the callbacks of the library need. It belongs to the library's context, which connections
// keep alive.
struct State {
  Pins pins;
  bool verify = true;
  std::shared_ptr<SessionStore> sessions = std::make_shared<SessionStore>();
};

// The session that a connection offered.
struct Offered {
  std::shared_ptr<SessionStore> store;
  bssl::UniquePtr<SSL_SESSION> session;
  bool resumed = false;
  Offered(std::shared_ptr<SessionStore> from, bssl::UniquePtr<SSL_SESSION> taken)
      : store(std::move(from)), session(std::move(taken)) {}
  Offered(const Offered&) = delete;
  Offered& operator=(const Offered&) = delete;
  ~Offered() {
    if (!resumed) store->drop(*session);
  }
};

template <class T>
void drop_data(void* /*parent*/, void* data, CRYPTO_EX_DATA* /*all*/, int /*index*/,
               long /*number*/, void* /*pointer*/) {
  delete static_cast<T*>(data);
}

int state_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, drop_data<State>);
  return index;
}

int offered_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, drop_data<Offered>);
  return index;
}

int verify_server(X509_STORE_CTX* context, void* data) {
  const State& state = *static_cast<const State*>(data);
  if (state.verify && X509_verify_cert(context) != 1) return 0;
  if (state.pins.empty()) return 1;
  const bool pinned = state.verify
                          ? state.pins.match_verified(X509_STORE_CTX_get0_chain(context))
                          : state.pins.match_presented(X509_STORE_CTX_get0_cert(context),
                                                       X509_STORE_CTX_get0_untrusted(context));
  if (!pinned) X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
  return pinned ? 1 : 0;
}

int asked_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// The server wants to see a certificate. Whether we have one is not said here.
int on_certificate_request(SSL* ssl, void* /*data*/) {
  return SSL_set_ex_data(ssl, asked_index(), ssl);
}

int on_new_session(SSL* ssl, SSL_SESSION* session) {
  // Servers that ask for certificates and use OpenSSL without a session id context, as Dovecot 2.3
  // does, break the handshake in which one of their own sessions is resumed.
  if (SSL_get_ex_data(ssl, asked_index()) != nullptr) return 0;
  const State& state =
      *static_cast<const State*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), state_index()));
  state.sessions->add(bssl::UniquePtr<SSL_SESSION>(session));
  return 1;
}

void on_handshake_done(const SSL* ssl, int type, int /*value*/) {
  if (type != SSL_CB_HANDSHAKE_DONE) return;
  auto* offered = static_cast<Offered*>(SSL_get_ex_data(ssl, offered_index()));
  if (offered == nullptr) return;
  offered->resumed = SSL_session_reused(ssl) == 1;
  if (!offered->resumed) offered->store->drop(*offered->session);
}

// Resuming is a favour: without memory for it the connection goes without.
void offer_session(SSL* ssl, const std::shared_ptr<SessionStore>& sessions) {
  bssl::UniquePtr<SSL_SESSION> session = sessions->take();
  if (!session || SSL_set_session(ssl, session.get()) != 1) return;
  auto offered = std::make_unique<Offered>(sessions, std::move(session));
  if (SSL_set_ex_data(ssl, offered_index(), offered.get()) == 1) {
    static_cast<void>(offered.release());
  }
}

class Client final : public ClientContext {
 public:
  Client(bssl::UniquePtr<SSL_CTX> context, const ClientOptions& options,
         std::shared_ptr<SessionStore> sessions)
      : context_(std::move(context)),
        name_(options.server_name),
        verify_(options.verify),
        sessions_(std::move(sessions)) {}

  Result<std::unique_ptr<net::Transport>> wrap(std::unique_ptr<net::Transport>&& plain,
                                               BlockPool& pool) const override {
    if (!plain->received().empty()) {
      return fail(ErrorCode::protocol, "the server sent something before TLS was started");
    }
    auto ssl = connection();
    if (!ssl) return std::unexpected(ssl.error());
    offer_session(ssl->get(), sessions_);
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
  std::shared_ptr<SessionStore> sessions_;
};

// Gives `state` to the library, and with it what it is for.
bool use_state(SSL_CTX* ctx, std::unique_ptr<State> state) {
  if (SSL_CTX_set_ex_data(ctx, state_index(), state.get()) != 1) return false;
  State* kept = state.release();
  if (kept->verify || !kept->pins.empty()) {
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(ctx, verify_server, kept);
  }
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(ctx, on_new_session);
  SSL_CTX_set_info_callback(ctx, on_handshake_done);
  SSL_CTX_set_cert_cb(ctx, on_certificate_request, nullptr);
  return true;
}

Result<void> show_certificate(SSL_CTX* ctx, const ClientOptions& options) {
  if (options.certificate_file.empty()) return {};
  const auto chain = read_keyed_chain(options.certificate_file, options.key_file);
  if (!chain) return std::unexpected(chain.error());
  ERR_clear_error();
  const auto& certificates = chain->certificates;
  bool used = SSL_CTX_use_certificate(ctx, certificates.front().get()) == 1 &&
              SSL_CTX_use_PrivateKey(ctx, chain->key.get()) == 1;
  for (std::size_t i = 1; i < certificates.size(); ++i) {
    used = used && SSL_CTX_add1_chain_cert(ctx, certificates[i].get()) == 1;
  }
  if (used) return {};
  return fail(ErrorCode::config, fmt::format("{}: the certificate cannot be used: {}",
                                             options.certificate_file, newest_reason()));
}

}  // namespace

Result<std::shared_ptr<const ClientContext>> ClientContext::create(const ClientOptions& options) {
  auto context = make_context(options.min_version);
  if (!context) return std::unexpected(context.error());
  SSL_CTX* ctx = context->get();
  auto state = std::make_unique<State>();
  state->verify = options.verify;
  auto sessions = state->sessions;
  if (options.verify) {
    // Without a name any certificate of any server would do (set1_host accepts an empty one).
    if (options.server_name.empty()) {
      return fail(ErrorCode::config, "upstream's certificate cannot be verified without its name");
    }
    if (auto trusted = trust(ctx, options.ca_file); !trusted) {
      return std::unexpected(trusted.error());
    }
  }
  auto pins = Pins::parse(options.pins);
  if (!pins) return std::unexpected(pins.error());
  state->pins = std::move(*pins);
  if (auto shown = show_certificate(ctx, options); !shown) return std::unexpected(shown.error());
  // Unlike others, set_alpn_protos returns 0 for success.
  if ((options.alpn_pop3 &&
       SSL_CTX_set_alpn_protos(ctx, kAlpnPop3.data(), kAlpnPop3.size()) != 0) ||
      !use_state(ctx, std::move(state))) {
    return fail(ErrorCode::system, "no memory for a TLS context");
  }
  auto client = std::make_shared<Client>(std::move(*context), options, std::move(sessions));
  if (auto tried = client->connection(); !tried) return std::unexpected(tried.error());
  return client;
}

}  // namespace gatepost::tls
