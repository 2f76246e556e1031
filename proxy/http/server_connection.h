#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/http/message.h"
#include "proxy/http/request_reader.h"
#include "proxy/http/responder.h"
#include "proxy/net/transport.h"

namespace gatepost::http {

/// The server's side of one HTTP/1.1 connection: one request at a time, pipelined ones in turn,
/// each when the one before has its answer. Sets no deadline; the owner drops connections that last
/// too long, and deletes this object once finished(), or at any time, but not from inside the
/// handler, what a Stream calls, or the transport's calls.
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

  /// The body of a response is under way, and whoever sends it says when it ends.
  [[nodiscard]] bool streaming() const { return streaming_; }
  /// Both directions have ended: may be deleted. Not before the peer has closed too, because a
  /// socket closed with unread input takes back what it sent; the owner's deadline bounds that.
  [[nodiscard]] bool finished() const;
  /// Sends what is queued and closes, for instance because the process ends; then see finished().
  void shut_down();
  /// For an owner that wants no more of this client: the answer that is owed is the last one, or
  /// the next one if there was none yet; a connection that waits for another request closes. What
  /// is streamed goes on.
  void wind_up();

  void on_activity() override;

 private:
  friend class Responder;
  friend class Stream;
  enum class Progress : std::uint8_t { idle, full };

  void pump();
  Progress serve();
  void hand_on(const Request& request);
  void look_at_end();
  void refuse(std::uint16_t status);
  void close(net::CloseMode mode);
  // Of Responder and Stream.
  void answer(const Response& response);
  [[nodiscard]] Stream begin_stream(const Response& head);
  [[nodiscard]] bool send_piece(std::string_view piece);
  void end_stream();
  void let_go();

  std::unique_ptr<net::Transport> transport_;
  BlockPool& pool_;
  Handler handler_;
  RequestReader reader_;
  std::shared_ptr<StreamLink> owed_;  // null: no answer is
  bool head_only_ = false;            // of the request that an answer is owed to
  bool keep_alive_ = false;
  bool chunks_ = false;
  bool streaming_ = false;
  bool pumping_ = false;
  std::uint32_t requests_ = 0;
  bool winding_up_ = false;
  bool closing_ = false;
};

}  // namespace gatepost::http
