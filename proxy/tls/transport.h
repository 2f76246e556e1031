#pragma once

// Internal to proxy/tls: others make transports with ServerContext and ClientContext and see
// net::Transport.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "proxy/net/transport.h"
#include "proxy/tls/handshake_failure.h"
#include "proxy/tls/openssl.h"
#include "proxy/tls/record_bio.h"

namespace gatepost::tls {

/// TLS as a transport around a transport, for both sides. The handshake starts with the first
/// settle() or with what the peer sends. Idle it holds no block of the pool.
class TlsTransport final : public net::Transport, private net::TransportObserver {
 public:
  /// Plain bytes that a client of ours may make wait in received(): it sends only commands.
  static constexpr std::size_t kServerReceiveLimit = std::size_t{4} * 1024;
  /// The same for an upstream server, which sends messages.
  static constexpr std::size_t kClientReceiveLimit = std::size_t{64} * 1024;
  /// While so much is unsent below, nothing more is encrypted.
  static constexpr std::size_t kMaxUnsentRecords = std::size_t{256} * 1024;
  /// Plain bytes of one record at most (RFC 8446 section 5.1).
  static constexpr std::size_t kMaxRecord = std::size_t{16} * 1024;

  /// `ssl` is fresh, in accept or connect state. received() may exceed `receive_limit` by one
  /// record. `expected_name` is what an error about the peer's certificate calls it.
  TlsTransport(std::unique_ptr<net::Transport> inner, bssl::UniquePtr<SSL> ssl, BlockPool& pool,
               std::size_t receive_limit, std::string expected_name = {});
  ~TlsTransport() override;
  TlsTransport(const TlsTransport&) = delete;
  TlsTransport& operator=(const TlsTransport&) = delete;

  void set_observer(net::TransportObserver* observer) override { observer_ = observer; }
  ByteChain& received() override { return received_; }
  void send(ByteChain&& bytes) override;
  [[nodiscard]] std::size_t unsent() const override;
  bool settle() override;
  void close(net::CloseMode mode) override;
  [[nodiscard]] const std::optional<Error>& end() const override { return end_; }
  [[nodiscard]] bool established() const override { return facts_.has_value(); }
  [[nodiscard]] const net::TlsFacts* tls() const override { return facts_ ? &*facts_ : nullptr; }
  [[nodiscard]] const PeerAddress& peer() const override { return inner_->peer(); }
  [[nodiscard]] PeerAddress local() const override { return inner_->local(); }

  [[nodiscard]] std::optional<HandshakeFailure> failure() const { return failure_; }

 private:
  enum class State : std::uint8_t {
    handshaking,
    open,    ///< writing is possible; reading until end_ is set
    broken,  ///< the library refuses to go on; an alert may have to leave
    closed,  ///< close() was called
  };

  void on_activity() override;
  bool step();
  bool handshake();
  void established_now();
  [[nodiscard]] bool readable() const;
  bool decrypt();
  void read_pending();
  void wipe_record_buffer();
  bool reading_stopped(int result);
  void end_of_input();
  void encrypt(std::size_t max_unsent);
  [[nodiscard]] bool write_record();
  [[nodiscard]] bool may_encrypt(std::size_t max_unsent) const;
  void break_down(Error why);
  bool peer_gone_altogether();
  void hand_down();
  bool inner_ended();

  std::unique_ptr<net::Transport> inner_;
  RecordPipe pipe_;
  bssl::UniquePtr<SSL> ssl_;
  net::TransportObserver* observer_ = nullptr;
  ByteChain received_;
  ByteChain queued_;  // plain, not encrypted yet
  const std::size_t receive_limit_;
  std::size_t last_unsent_ = 0;  // what the owner saw last: tells whether there is room now
  State state_ = State::handshaking;
  bool settled_ = true;  // nothing was handed down since the last settle of inner_
  std::optional<HandshakeFailure> failure_;
  std::optional<net::TlsFacts> facts_;
  std::optional<Error> end_;
  const std::string expected_name_;
};

}  // namespace gatepost::tls
