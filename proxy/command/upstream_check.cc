#include "proxy/command/upstream_check.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "proxy/net/loop.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/upstream/opening.h"

namespace gatepost::command {

namespace {

constexpr std::chrono::seconds kKeepNames{30};

/// One server, up to the point where a login would begin; ends the loop.
class Check final : upstream::Opening::Owner {
 public:
  Check(net::Loop& loop, const upstream::Environment& environment, const config::Timeouts& timeouts,
        const upstream::Server& server)
      : loop_(loop),
        pool_(environment.pool),
        opening_(environment, timeouts, server, nullptr, *this) {}

  /// After the loop has ended.
  [[nodiscard]] Result<void> result() {
    auto opened = opening_.take();
    if (!opened) return std::unexpected(opened.error());
    opened->transport->send(ByteChain(pool_, "QUIT\r\n"));
    opened->transport->close(net::CloseMode::flush);
    if (!opened->capabilities->empty()) {
      uidl_ = opened->capabilities->has("UIDL") ? UpstreamResult::Uidl::announced
                                                : UpstreamResult::Uidl::missing;
    }
    return {};
  }
  [[nodiscard]] UpstreamResult::Uidl uidl() const { return uidl_; }

 private:
  void on_opening_finished() override { loop_.stop(); }

  net::Loop& loop_;
  BlockPool& pool_;
  upstream::Opening opening_;
  UpstreamResult::Uidl uidl_ = UpstreamResult::Uidl::unknown;
};

}  // namespace

std::vector<UpstreamResult> check_upstreams(const server::Snapshot& snapshot) {
  std::vector<UpstreamResult> results;
  for (const auto& pool : snapshot.pools) {
    for (const upstream::Server& server : pool->servers()) {
      BlockPool blocks;
      net::Loop loop;
      net::Resolver resolver(loop, kKeepNames);
      net::TcpConnector connector(loop, blocks, resolver);
      Check check(loop, {loop, connector, blocks}, snapshot.config.timeouts, server);
      loop.run();
      auto result = check.result();
      if (!result) {
        result = fail(result.error().code,
                      fmt::format("{}: {}", server.address.to_string(), result.error().detail));
      }
      results.push_back(
          {pool->name(), server.address.to_string(), std::move(result), check.uidl()});
    }
  }
  return results;
}

}  // namespace gatepost::command
