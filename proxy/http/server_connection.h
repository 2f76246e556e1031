#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "proxy/base/bytes.h"
#include "proxy/http/message.h"
#include "proxy/http/request_reader.h"
#include "proxy/net/transport.h"

namespace gatepost::http {

/// The server's side of one HTTP/1.1 connection: one request at a time, pipelined ones in turn.
/// Sets no deadline; the owner drops connections that last too long, and deletes this object once
/// finished(), or at any time, but not from inside the handler or the transport's calls.
class ServerConnection final : public net::TransportObserver {
 public:
  /// No request is begun while so many octets wait to be sent.
  static constexpr std::size_t kMaxUnsent = 64 * 1024;
  /// Requests on one connection; the last response says "Connection: close".
  static constexpr std::uint32_t kMaxRequests = 1000;

  /// Serves at once what has been received. `pool` must outlive the connection. `handler` is called
  /// once for each request, must not throw and must not delete the connection.
  ServerConnection(std::unique_ptr<net::Transport> transport, BlockPool& pool, Handler handler);
  ~ServerConnection();
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;

  /// Both directions have ended: may be deleted. Not before the peer has closed too, because a
  /// socket closed with unread input takes back what it sent; the owner's deadline bounds that.
  [[nodiscard]] bool finished() const;
  /// Sends what is queued and closes, for instance because the process ends; then see finished().
  void shut_down();

  void on_activity() override;

 private:
  enum class Progress : std::uint8_t { idle, full };

  void pump();
  Progress serve();
  void answer(const Request& request);
  void refuse(std::uint16_t status);
  void close(net::CloseMode mode);

  std::unique_ptr<net::Transport> transport_;
  BlockPool& pool_;
  Handler handler_;
  RequestReader reader_;
  std::uint32_t requests_ = 0;
  bool closing_ = false;
};

}  // namespace gatepost::http
