#include "proxy/server/upstream_check.h"

#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "proxy/net/loop.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/pop3/client_codec.h"

namespace gatepost::server {

namespace {

/// One upstream, up to the point where a login would begin.
class UpstreamCheck final : net::TransportObserver {
 public:
  UpstreamCheck(net::Loop& loop, net::Connector& connector, BlockPool& pool,
                const upstream::Server& server, const config::Timeouts& timeouts)
      : loop_(loop),
        pool_(pool),
        server_(server),
        deadline_(loop.make_timer([this] { finish("no answer in time"); })) {
    deadline_->start(timeouts.upstream_connect + timeouts.upstream_greeting);
    connecting_ = connector.connect(server.address, timeouts.upstream_connect,
                                    [this](auto transport) { connected(std::move(transport)); });
  }
  [[nodiscard]] Result<void> result() && { return std::move(result_); }

 private:
  enum class Step : std::uint8_t { connect, tls, greeting, stls, stls_tls, done };

  void connected(Result<std::unique_ptr<net::Transport>> transport) {
    if (!transport) return finish("cannot connect: " + transport.error().detail);
    transport_ = std::move(*transport);
    transport_->set_observer(this);
    if (server_.security == upstream::Security::implicit) {
      start_tls(Step::tls);
    } else {
      await_greeting();
    }
    on_activity();
  }

  void start_tls(Step step) {
    step_ = step;
    auto wrapped = server_.tls->wrap(std::move(transport_), pool_);
    if (!wrapped) return finish(wrapped.error().detail);
    transport_ = std::move(*wrapped);
    transport_->set_observer(this);
  }

  void await_greeting() {
    step_ = Step::greeting;
    codec_.expect({});
  }

  void on_activity() override {
    do {
      if (step_ == Step::done) return;
      if (step_ == Step::tls && transport_->established()) await_greeting();
      if (step_ == Step::stls_tls && transport_->established()) return finish({});
      if (step_ == Step::greeting || step_ == Step::stls) read_reply();
      if (step_ == Step::done) return;
      if (transport_->end()) return finish(transport_->end()->detail);
    } while (transport_->settle());
  }

  void read_reply() {
    const auto event = codec_.next(transport_->received());
    if (event == pop3::ClientCodec::Event::need_data) return;
    if (event != pop3::ClientCodec::Event::status) return finish("this is no POP3 server");
    if (!codec_.status().ok) return finish("refused: -ERR " + codec_.status().text);
    if (step_ == Step::stls) return start_tls(Step::stls_tls);
    if (server_.security != upstream::Security::stls) return finish({});
    step_ = Step::stls;
    codec_.expect({});
    transport_->send(ByteChain(pool_, "STLS\r\n"));
  }

  void finish(const std::string& problem) {
    step_ = Step::done;
    deadline_->stop();
    if (transport_) transport_->close(net::CloseMode::flush);
    if (!problem.empty()) {
      result_ =
          fail(ErrorCode::network, fmt::format("{}: {}", server_.address.to_string(), problem));
    }
    loop_.stop();
  }

  net::Loop& loop_;
  BlockPool& pool_;
  const upstream::Server& server_;
  Step step_ = Step::connect;
  std::unique_ptr<Timer> deadline_;
  Ticket connecting_;
  std::unique_ptr<net::Transport> transport_;
  pop3::ClientCodec codec_;
  Result<void> result_;
};

}  // namespace

std::vector<Result<void>> check_upstreams(const Snapshot& snapshot) {
  std::vector<Result<void>> results;
  if (snapshot.listeners.empty()) return results;
  BlockPool pool;
  net::Loop loop;
  net::Resolver resolver(loop, snapshot.config.upstream.resolve_every);
  net::TcpConnector connector(loop, pool, resolver);
  const upstream::Server& server = snapshot.listeners.front().settings->router->route({});
  UpstreamCheck check(loop, connector, pool, server, snapshot.config.timeouts);
  loop.run();
  results.push_back(std::move(check).result());
  return results;
}

}  // namespace gatepost::server
