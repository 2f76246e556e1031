#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/base/unique_fd.h"

namespace gatepost::net {

/// What is known about a TLS connection once it stands. Views are static or live as long as the
/// transport.
struct TlsFacts {
  std::string_view version;  ///< "TLSv1.3"
  std::string_view cipher;   ///< "TLS_AES_128_GCM_SHA256"
  std::string server_name;   ///< SNI sent by the client, "" without
  bool resumed = false;
  /// Subject of the client's verified certificate as "CN=joe,O=Example" (RFC 2253, control
  /// characters escaped), "" without.
  std::string certificate = {};
  /// A server's: the file of the certificate that was chosen for the client, and where the
  /// configuration names it.
  std::string_view identity = {};
  std::string_view identity_rule = {};
};

/// Told that a transport has something new: bytes received, room to send, established, ended.
/// Called from the event loop, never from inside a call of the transport. The observer looks at the
/// transport to find out what; it may close the transport, but not destroy it, during the call.
class TransportObserver {
 public:
  virtual void on_activity() = 0;

 protected:
  ~TransportObserver() = default;
};

enum class CloseMode {
  flush,  ///< send what is unsent (and close_notify), then end our direction
  abort,  ///< drop everything, reset where possible
};

/// An ordered stream of bytes to a peer, buffered both ways. TLS is a transport around a transport.
///
/// Backpressure needs no call of its own: a transport stops reading while received() holds
/// `receive_limit` bytes or more, and goes on at the next settle() after some were consumed.
/// Destroying a transport aborts it.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual void set_observer(TransportObserver* observer) = 0;
  /// What has arrived and was not consumed yet; the owner consumes from it directly.
  [[nodiscard]] virtual ByteChain& received() = 0;
  /// Queues bytes. Nothing leaves before settle(), so that one turn makes one write.
  virtual void send(ByteChain&& bytes) = 0;
  /// Passes a descriptor to the peer (SCM_RIGHTS), along with the first octet that is sent after
  /// this. Only over a Unix socket without TLS, and only while nothing is unsent: false otherwise,
  /// and it is closed.
  [[nodiscard]] virtual bool send_descriptor(UniqueFd descriptor);
  /// Bytes queued here or in a transport below that the operating system has not taken yet.
  [[nodiscard]] virtual std::size_t unsent() const = 0;
  /// Writes what is queued and reads on if there is room. Returns true if received() grew or the
  /// state changed during the call: then look again, no on_activity() will follow for that.
  virtual bool settle() = 0;
  /// After this nothing may be sent; received() is dropped from now on.
  virtual void close(CloseMode mode) = 0;

  /// Set once nothing more will be received (received() may still hold bytes to consume):
  /// `closed` for an orderly end, `truncated`, `network`, `tls` or `timeout` otherwise.
  [[nodiscard]] virtual const std::optional<Error>& end() const = 0;
  /// False while a TLS handshake is under way.
  [[nodiscard]] virtual bool established() const = 0;
  /// Null for a plain transport and before the handshake is done.
  [[nodiscard]] virtual const TlsFacts* tls() const = 0;
  [[nodiscard]] virtual const PeerAddress& peer() const = 0;
  /// Our own end; asked of the operating system at every call.
  [[nodiscard]] virtual PeerAddress local() const = 0;
  /// Over a Unix socket: the user that the peer's process ran as when it connected.
  [[nodiscard]] virtual std::optional<std::uint32_t> peer_user() const { return std::nullopt; }
};

inline bool Transport::send_descriptor(UniqueFd /*descriptor*/) { return false; }

/// Wraps a plain transport in TLS, as server or as client; one object per certificate set or per
/// upstream, shared by all sessions of a configuration.
class TlsLayer {
 public:
  virtual ~TlsLayer() = default;
  /// Takes over `plain`; the handshake starts with the first settle(). Refused with `protocol` when
  /// `plain` has bytes received that nobody consumed: they were sent before TLS and must not be
  /// taken for more (the STLS injection hole, RFC 2595 section 4). On failure `plain` stays with
  /// the caller. `pool` must outlive the result.
  [[nodiscard]] virtual Result<std::unique_ptr<Transport>> wrap(std::unique_ptr<Transport>&& plain,
                                                                BlockPool& pool) const = 0;
};

}  // namespace gatepost::net
