#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "proxy/net/transport.h"

struct uv_stream_s;

namespace gatepost::net {

struct StreamShell;  // the libuv handle; lives until its close callback

struct StreamShellDeleter {
  void operator()(StreamShell* shell) const;
};
using StreamShellPtr = std::unique_ptr<StreamShell, StreamShellDeleter>;

/// A transport over a connected TCP or Unix socket.
class StreamTransport final : public Transport {
 public:
  /// Upstream answers in large pieces.
  static constexpr std::size_t kReceiveLimit = 64 * 1024;
  /// Clients send commands only: what they pipeline beyond this stays with the kernel.
  static constexpr std::size_t kClientReceiveLimit = 4 * 1024;

  /// Reading starts with the first settle(), so that whoever wraps the transport in TLS finds
  /// nothing received.
  StreamTransport(StreamShellPtr shell, BlockPool& pool, PeerAddress peer,
                  std::size_t receive_limit);
  ~StreamTransport() override;

  void set_observer(TransportObserver* observer) override { observer_ = observer; }
  ByteChain& received() override { return received_; }
  void send(ByteChain&& bytes) override;
  [[nodiscard]] bool send_descriptor(UniqueFd descriptor) override;
  std::size_t unsent() const override;
  bool settle() override;
  void close(CloseMode mode) override;
  const std::optional<Error>& end() const override { return end_; }
  bool established() const override { return true; }
  const TlsFacts* tls() const override { return nullptr; }
  const PeerAddress& peer() const override { return peer_; }
  [[nodiscard]] PeerAddress local() const override;
  [[nodiscard]] std::optional<std::uint32_t> peer_user() const override;

 private:
  friend struct StreamCallbacks;
  enum class State : std::uint8_t {
    open,      // both ways
    flushing,  // close(flush) was called, bytes are still unsent
    shut,      // our direction is ended, the peer's is read and dropped
    broken,    // writing failed; what the peer sent is still read
    gone,      // aborted: the handle is closing
  };

  struct WriteRequest;

  [[nodiscard]] bool full() const { return received_.size() >= receive_limit_; }
  void write();
  void write_descriptor();
  void update_reading();
  void set_reading(bool wanted);
  void write_failed(int status, std::size_t lost);
  void abort();
  void set_end(ErrorCode code, const char* detail);
  void notify();

  StreamShellPtr shell_;
  BlockPool& pool_;
  PeerAddress peer_;
  TransportObserver* observer_ = nullptr;
  std::size_t receive_limit_;
  ByteChain received_;
  ByteChain queued_;
  UniqueFd descriptor_;              // goes with the first octet of queued_
  WriteRequest* writing_ = nullptr;  // libuv holds it until the socket takes the bytes
  int write_error_ = 0;              // why state_ is broken
  std::size_t lost_ = 0;             // what could not be written then
  std::optional<Error> end_;
  State state_ = State::open;
  bool reading_ = false;
};

}  // namespace gatepost::net
