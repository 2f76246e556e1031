#include "tests/unit/tls/tls_pair.h"

#include <algorithm>
#include <utility>

#include "proxy/tls/transport.h"

namespace gatepost::testing {

Owner::Owner(std::unique_ptr<net::Transport> owned, BlockPool& pool)
    : transport(std::move(owned)), pool_(pool) {
  transport->set_observer(this);
}

void Owner::on_activity() {
  ++calls;
  pump();
}

void Owner::pump() {
  bool fed = false;
  do {
    take();
    fed = feed();
  } while (transport->settle() || fed);
}

void Owner::say(std::string_view text) {
  due_ += text;
  pump();
}

void Owner::take() {
  ByteChain& received = transport->received();
  if (!taking) return;
  got += received.to_string();
  received.consume(received.size());
}

bool Owner::feed() {
  if (said_ == due_.size() || transport->unsent() >= kMaxUnsent) return false;
  const std::size_t n = std::min(due_.size() - said_, kMaxUnsent);
  transport->send(ByteChain(pool_, std::string_view(due_).substr(said_, n)));
  said_ += n;
  return true;
}

namespace {
std::unique_ptr<net::Transport> must_wrap(const net::TlsLayer& layer,
                                          std::unique_ptr<net::Transport> plain, BlockPool& pool) {
  auto wrapped = layer.wrap(std::move(plain), pool);
  EXPECT_TRUE(wrapped) << wrapped.error().detail;
  return std::move(*wrapped);
}
}  // namespace

TlsPair::TlsPair(const net::TlsLayer& client_layer, const net::TlsLayer& server_layer,
                 WireOptions options)
    : wires(make_memory_pair(pool, std::move(options))) {
  client = std::make_unique<Owner>(must_wrap(client_layer, std::move(wires.a), pool), pool);
  server = std::make_unique<Owner>(must_wrap(server_layer, std::move(wires.b), pool), pool);
  client->pump();
  server->pump();
}

TlsPair::TlsPair(bssl::UniquePtr<SSL> client_ssl, const net::TlsLayer& server_layer,
                 WireOptions options)
    : wires(make_memory_pair(pool, std::move(options))) {
  client = std::make_unique<Owner>(
      std::make_unique<tls::TlsTransport>(std::move(wires.a), std::move(client_ssl), pool,
                                          tls::TlsTransport::kClientReceiveLimit),
      pool);
  server = std::make_unique<Owner>(must_wrap(server_layer, std::move(wires.b), pool), pool);
  client->pump();
  server->pump();
}

TlsPair::~TlsPair() {
  client.reset();
  server.reset();
  EXPECT_EQ(pool.held_blocks(), 0U);
}

bool TlsPair::established() const {
  return client->transport->established() && server->transport->established();
}

OddServer::OddServer(const Issued& identity, int max_version)
    : context_(SSL_CTX_new(TLS_method())) {
  const TestFiles files;
  const std::string chain = files.write("chain.pem", identity.certificate);
  const std::string key = files.write("key.pem", identity.key);
  EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context(), chain.c_str()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context(), key.c_str(), SSL_FILETYPE_PEM), 1);
  SSL_CTX_set_max_proto_version(context(), static_cast<std::uint16_t>(max_version));
}

Result<std::unique_ptr<net::Transport>> OddServer::wrap(std::unique_ptr<net::Transport>&& plain,
                                                        BlockPool& pool) const {
  bssl::UniquePtr<SSL> ssl(SSL_new(context()));
  SSL_set_accept_state(ssl.get());
  return std::make_unique<tls::TlsTransport>(std::move(plain), std::move(ssl), pool,
                                             tls::TlsTransport::kServerReceiveLimit);
}

TlsFixture::TlsFixture()
    : issued(authority.issue()), ca_file(files.write("ca.pem", authority.certificate())) {}

std::shared_ptr<const tls::Identity> TlsFixture::identity(const Issued& identity,
                                                          const std::string& name,
                                                          const std::string& ocsp) const {
  const auto loaded =
      tls::Identity::load({.certificate = files.write(name + ".pem", identity.certificate),
                           .key = files.write(name + ".key", identity.key),
                           .ocsp = ocsp.empty() ? "" : files.write(name + ".ocsp", ocsp)});
  EXPECT_TRUE(loaded) << loaded.error().detail;
  return loaded.value_or(nullptr);
}

std::shared_ptr<const tls::ServerContext> TlsFixture::server(const tls::ServerOptions& options) {
  const auto made = tls::ServerContext::create(options);
  EXPECT_TRUE(made) << made.error().detail;
  return made.value_or(nullptr);
}

std::shared_ptr<const tls::ServerContext> TlsFixture::server(
    const Issued& issued_identity, tls::Version min,
    std::shared_ptr<const tls::TicketKeys> tickets) const {
  return server({.identities = {identity(issued_identity)},
                 .min_version = min,
                 .tickets = std::move(tickets)});
}

std::shared_ptr<const tls::ClientContext> TlsFixture::client(const std::string& name,
                                                             tls::Version min) const {
  const auto made = tls::ClientContext::create(
      {.verify = true, .ca_file = ca_file, .server_name = name, .min_version = min});
  EXPECT_TRUE(made) << made.error().detail;
  return made.value_or(nullptr);
}

OddClient::OddClient() : context_(SSL_CTX_new(TLS_method())) {
  SSL_CTX_set_session_cache_mode(context(), SSL_SESS_CACHE_CLIENT);
  SSL_CTX_set_app_data(context(), this);
  SSL_CTX_sess_set_new_cb(context(), remember);
}

bssl::UniquePtr<SSL> OddClient::connection(SSL_SESSION* session) const {
  bssl::UniquePtr<SSL> ssl(SSL_new(context()));
  SSL_set_connect_state(ssl.get());
  SSL_set_tlsext_host_name(ssl.get(), "mail.example.org");
  if (session != nullptr) SSL_set_session(ssl.get(), session);
  return ssl;
}

int OddClient::remember(SSL* ssl, SSL_SESSION* session) {
  auto* self = static_cast<OddClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  self->session_.reset(session);
  return 1;
}

}  // namespace gatepost::testing
