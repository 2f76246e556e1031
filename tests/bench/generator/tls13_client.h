#pragma once

#include <openssl/sha.h>
#include <openssl/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/bench/generator/tls13_keys.h"

namespace gatepost::bench {

/// A session ticket (RFC 8446 section 4.6.1).
struct Ticket {
  Buffer identity;
  Digest psk{};
  std::uint32_t age_add = 0;
  std::uint64_t received_ns = 0;
};

/// X25519 keys of one thread, each used several times: making one costs the client as much as the
/// server's share of a handshake.
class KeyPool {
 public:
  explicit KeyPool(int uses) : uses_(uses) {}
  KeyPool(const KeyPool&) = delete;
  KeyPool& operator=(const KeyPool&) = delete;
  ~KeyPool();
  /// The key for one handshake; the caller frees its reference.
  [[nodiscard]] EVP_PKEY* next();
  [[nodiscard]] const std::array<std::uint8_t, 32>& public_key() const { return public_; }

 private:
  int uses_;
  int left_ = 0;
  EVP_PKEY* key_ = nullptr;
  std::array<std::uint8_t, 32> public_{};
};

/// The handshake of a TLS 1.3 client that speaks X25519 and TLS_AES_128_GCM_SHA256 only, without
/// I/O. It compares the certificate octet by octet, checks the Finished MAC of every handshake, and
/// the signature where asked: that costs a client three times what signing costs the server, so
/// that checking each would make the client the limit.
class Tls13Client {
 public:
  Tls13Client() = default;
  Tls13Client(const Tls13Client&) = delete;
  Tls13Client& operator=(const Tls13Client&) = delete;
  ~Tls13Client();

  /// Begins anew; returns the record to send first. `ticket` may be null.
  [[nodiscard]] Buffer hello(KeyPool& keys, const Ticket* ticket, std::string_view server_name);
  void check_signature(bool check) { check_signature_ = check; }
  /// Takes octets of handshake messages. Appends to `out` what must be sent. False: why() says what
  /// the server did wrong. New tickets go to `ticket` unless that is null.
  [[nodiscard]] bool receive(const std::uint8_t* data, std::size_t size, Buffer& out,
                             Ticket* ticket);

  [[nodiscard]] bool established() const { return state_ == State::open; }
  [[nodiscard]] bool encrypted() const { return encrypted_; }
  [[nodiscard]] bool resumed() const { return resumed_; }
  /// Whether receive() has found a ticket since the last call of this.
  [[nodiscard]] bool took_ticket();
  [[nodiscard]] const std::string& why() const { return why_; }
  /// Whether what was wrong is that the certificate is another.
  [[nodiscard]] bool wrong_certificate() const { return wrong_certificate_; }

  RecordKeys reading;
  RecordKeys writing;

 private:
  enum class State : std::uint8_t {
    server_hello,
    encrypted_extensions,
    certificate,
    certificate_verify,
    finished,
    open,
  };
  void reset();
  [[nodiscard]] bool fail(std::string_view why);
  [[nodiscard]] Digest transcript() const;
  void add_to_transcript(const std::uint8_t* data, std::size_t size);
  [[nodiscard]] bool message(const std::uint8_t* data, std::size_t size, Buffer& out,
                             Ticket* ticket);
  [[nodiscard]] bool on_server_hello(const std::uint8_t* data, std::size_t size);
  [[nodiscard]] bool agree(const std::uint8_t* share);
  [[nodiscard]] bool on_certificate(const std::uint8_t* data, std::size_t size);
  [[nodiscard]] bool on_certificate_verify(const std::uint8_t* data, std::size_t size);
  [[nodiscard]] bool on_finished(const std::uint8_t* data, std::size_t size, Buffer& out);
  [[nodiscard]] bool on_ticket(const std::uint8_t* data, std::size_t size, Ticket* ticket);
  [[nodiscard]] bool on_key_update(const std::uint8_t* data, Buffer& out);

  State state_ = State::server_hello;
  SHA256_CTX hashed_{};
  Digest handshake_{};
  Digest master_{};
  Digest client_handshake_{};
  Digest server_handshake_{};
  Digest resumption_{};
  Digest psk_{};
  EVP_PKEY* key_ = nullptr;
  bool offered_ = false;
  bool resumed_ = false;
  bool encrypted_ = false;
  bool check_signature_ = false;
  bool took_ticket_ = false;
  bool wrong_certificate_ = false;
  Buffer unparsed_;
  std::string why_;
};

}  // namespace gatepost::bench
