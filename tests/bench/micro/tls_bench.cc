#include <benchmark/benchmark.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "proxy/tls/client_context.h"
#include "proxy/tls/server_context.h"
#include "tests/bench/micro/texts.h"
#include "tests/unit/tls/certificates.h"

namespace gatepost::bench {
namespace {

/// A transport that hands what is sent to another of its kind, or drops it.
class Wire final : public net::Transport {
 public:
  void connect(Wire* other) { other_ = other; }
  void set_observer(net::TransportObserver* observer) override { observer_ = observer; }
  ByteChain& received() override { return received_; }
  void send(ByteChain&& bytes) override {
    if (other_ == nullptr)
      bytes.clear();
    else
      other_->received_.append(std::move(bytes));
  }
  [[nodiscard]] std::size_t unsent() const override { return 0; }
  bool settle() override { return false; }
  void close(net::CloseMode /*mode*/) override {}
  [[nodiscard]] const std::optional<Error>& end() const override { return end_; }
  [[nodiscard]] bool established() const override { return true; }
  [[nodiscard]] const net::TlsFacts* tls() const override { return nullptr; }
  [[nodiscard]] const PeerAddress& peer() const override { return address_; }
  [[nodiscard]] PeerAddress local() const override { return address_; }
  /// Tells the observer that something came. Whether something had.
  bool turn() {
    if (received_.empty() || observer_ == nullptr) return false;
    observer_->on_activity();
    return true;
  }

 private:
  Wire* other_ = nullptr;
  net::TransportObserver* observer_ = nullptr;
  ByteChain received_;
  std::optional<Error> end_;
  PeerAddress address_{.ip = IpAddress(), .port = 1};
};

/// Both ends' contexts, with a certificate of their own.
struct Contexts {
  Contexts() {
    const testing::Issued issued = testing::self_signed();
    const tls::IdentityFiles names{.certificate = files.write("cert.pem", issued.certificate),
                                   .key = files.write("key.pem", issued.key)};
    server = *tls::ServerContext::create({.identities = {*tls::Identity::load(names)}});
    client = *tls::ClientContext::create({.verify = false});
  }
  testing::TestFiles files;
  std::shared_ptr<const tls::ServerContext> server;
  std::shared_ptr<const tls::ClientContext> client;
};

/// A client and a server in memory.
struct Pair {
  Pair(const Contexts& contexts, BlockPool& pool) {
    auto client_end = std::make_unique<Wire>();
    auto server_end = std::make_unique<Wire>();
    client_wire = client_end.get();
    server_wire = server_end.get();
    client_wire->connect(server_wire);
    server_wire->connect(client_wire);
    client = *contexts.client->wrap(std::move(client_end), pool);
    server = *contexts.server->wrap(std::move(server_end), pool);
    client->settle();
    server->settle();
    while (server_wire->turn() || client_wire->turn()) {
      server->settle();
      client->settle();
    }
  }
  Wire* client_wire;
  Wire* server_wire;
  std::unique_ptr<net::Transport> client;
  std::unique_ptr<net::Transport> server;
};

void tls_handshake(benchmark::State& state) {
  BlockPool pool;
  const Contexts contexts;
  for (auto _ : state) {
    const Pair pair(contexts, pool);
    if (!pair.server->established()) state.SkipWithError("no handshake");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(tls_handshake);

/// Slices in, records out, and nowhere to: what encrypting and its one copy cost.
void tls_write(benchmark::State& state) {
  BlockPool pool;
  const Contexts contexts;
  Pair pair(contexts, pool);
  if (!pair.server->established()) state.SkipWithError("no handshake");
  pair.server_wire->connect(nullptr);
  const ByteChain text = arrived(pool, mail_text(static_cast<std::size_t>(state.range(0))));
  for (auto _ : state) {
    pair.server->send(ByteChain(text));
    while (pair.server->unsent() > 0) pair.server->settle();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(tls_write)->Arg(40)->Arg(4096)->Arg(16 * 1024)->Arg(102400);

}  // namespace
}  // namespace gatepost::bench
