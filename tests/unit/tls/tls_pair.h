#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/net/transport.h"
#include "proxy/tls/client_context.h"
#include "proxy/tls/openssl.h"
#include "proxy/tls/server_context.h"
#include "tests/support/memory_transport.h"
#include "tests/unit/tls/certificates.h"

namespace gatepost::testing {

/// An owner of a transport: takes what comes, and has a stream to send with regard for unsent().
class Owner final : public net::TransportObserver {
 public:
  static constexpr std::size_t kMaxUnsent = std::size_t{128} * 1024;

  Owner(std::unique_ptr<net::Transport> transport, BlockPool& pool);
  void on_activity() override;
  /// Sends what is due, takes what came, settles, until nothing changes.
  void pump();
  /// Gives text to send, now or as soon as there is room.
  void say(std::string_view text);

  std::unique_ptr<net::Transport> transport;
  std::string got;        ///< what came so far
  std::size_t calls = 0;  ///< of on_activity()
  bool taking = true;     ///< false: leaves everything in received()

 private:
  void take();
  bool feed();
  BlockPool& pool_;
  std::string due_;
  std::size_t said_ = 0;
};

/// A server and a client of TLS with the wires between them.
class TlsPair {
 public:
  /// Wraps both ends and pumps them once: nothing has arrived anywhere yet.
  TlsPair(const net::TlsLayer& client_layer, const net::TlsLayer& server_layer,
          WireOptions wires = {});
  /// The client is an odd one, made by the test.
  TlsPair(bssl::UniquePtr<SSL> client_ssl, const net::TlsLayer& server_layer,
          WireOptions wires = {});
  ~TlsPair();
  void run() { wires.run(1'000'000); }
  /// Both sides stand.
  [[nodiscard]] bool established() const;

  BlockPool pool;
  MemoryPair wires;
  std::unique_ptr<Owner> client;
  std::unique_ptr<Owner> server;
};

/// A server of plain BoringSSL: other versions than ours, chains that ours would refuse to load.
class OddServer final : public net::TlsLayer {
 public:
  /// The first certificate is that of the key, whatever follows.
  explicit OddServer(const Issued& identity, int max_version = TLS1_3_VERSION);
  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }
  [[nodiscard]] Result<std::unique_ptr<net::Transport>> wrap(
      std::unique_ptr<net::Transport>&& plain, BlockPool& pool) const override;

 private:
  bssl::UniquePtr<SSL_CTX> context_;
};

/// The files and contexts that most tests need: a server for mail.example.org and its CA.
struct TlsFixture {
  TlsFixture();
  /// `issued` in files called `name`, with `ocsp` to be stapled unless it is empty.
  [[nodiscard]] std::shared_ptr<const tls::Identity> identity(
      const Issued& identity, const std::string& name = "certificate",
      const std::string& ocsp = {}) const;
  [[nodiscard]] static std::shared_ptr<const tls::ServerContext> server(
      const tls::ServerOptions& options);
  [[nodiscard]] std::shared_ptr<const tls::ServerContext> server(
      const Issued& identity, tls::Version min = tls::Version::tls1_2,
      std::shared_ptr<const tls::TicketKeys> tickets = nullptr) const;
  [[nodiscard]] std::shared_ptr<const tls::ServerContext> server(
      tls::Version min = tls::Version::tls1_2) const {
    return server(issued, min);
  }
  [[nodiscard]] std::shared_ptr<const tls::ClientContext> client(
      const std::string& name = "mail.example.org", tls::Version min = tls::Version::tls1_2) const;

  TestFiles files;
  Authority authority;
  Issued issued;
  std::string ca_file;
};

/// A client of plain BoringSSL that verifies nothing and offers what the test wants.
class OddClient {
 public:
  OddClient();
  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }
  /// A connection that offers `session`, if any, for resumption.
  [[nodiscard]] bssl::UniquePtr<SSL> connection(SSL_SESSION* session = nullptr) const;
  /// The newest session that a server gave to a connection of this client.
  [[nodiscard]] SSL_SESSION* session() const { return session_.get(); }

 private:
  static int remember(SSL* ssl, SSL_SESSION* session);
  bssl::UniquePtr<SSL_CTX> context_;
  bssl::UniquePtr<SSL_SESSION> session_;
};

}  // namespace gatepost::testing
