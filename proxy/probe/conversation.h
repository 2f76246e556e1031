#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/net/loop.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/pop3/client_codec.h"

namespace gatepost::probe {

/// Loop, names and sockets of a probe, which does one thing after the other: every call blocks
/// until it is done, or until time is up.
class Network {
 public:
  /// `step` for each wait, `whole` for all together, from now.
  Network(Duration step, Duration whole);

  [[nodiscard]] Result<std::vector<IpAddress>> resolve(const std::string& host);
  [[nodiscard]] Result<std::unique_ptr<net::Transport>> connect(const Endpoint& target);
  /// Runs the loop until `ready`; false when a step's time, or `limit`, is up before.
  [[nodiscard]] bool wait(const std::function<bool()>& ready, Duration limit = Duration::max());

  [[nodiscard]] net::Loop& loop() { return loop_; }
  [[nodiscard]] BlockPool& pool() { return pool_; }

 private:
  [[nodiscard]] Duration time_left() const;

  BlockPool pool_;
  net::Loop loop_;
  net::Resolver resolver_;
  net::TcpConnector connector_;
  Duration step_;
  Instant end_;
};

struct Reply {
  pop3::Status status;
  std::vector<std::string> lines;  ///< of a multi-line reply, without CRLF and dot-stuffing
};

/// One connection to the server. All calls block.
class Conversation final : net::TransportObserver {
 public:
  /// Octets of a multi-line reply; more and it is a failure.
  static constexpr std::size_t kMaxBody = 16 * 1024;

  [[nodiscard]] static Result<std::unique_ptr<Conversation>> open(Network& network,
                                                                  const Endpoint& target);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  /// Shakes hands; `layer` must outlive the conversation.
  [[nodiscard]] Result<void> start_tls(const net::TlsLayer& layer);
  void send(std::string_view text);
  /// The next reply; a greeting is a single one.
  [[nodiscard]] Result<Reply> reply(pop3::ReplyShape shape = pop3::ReplyShape::single);
  [[nodiscard]] Result<Reply> ask(std::string_view command,
                                  pop3::ReplyShape shape = pop3::ReplyShape::single);
  /// Whether anything more comes before the server closes, or within `limit`.
  [[nodiscard]] bool says_more(Duration limit);

 private:
  Conversation(Network& network, std::unique_ptr<net::Transport> transport);
  void on_activity() override { network_.loop().stop(); }
  void adopt(std::unique_ptr<net::Transport> transport);
  [[nodiscard]] std::optional<Result<Reply>> read(Reply& reply, std::string& body);

  Network& network_;
  std::unique_ptr<net::Transport> transport_;
  pop3::ClientCodec codec_;
};

}  // namespace gatepost::probe
