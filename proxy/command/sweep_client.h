#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/net/transport.h"

namespace gatepost::command {

/// What the client of a session that is only to do what is due says: USER, PASS, QUIT (RFC 1939),
/// each when the answer before it has come. Its password is no secret: the session has a
/// MasterLogin.
class SweepDialog {
 public:
  enum class Stage : std::uint8_t {
    greeting,  ///< each waits for the answer of that name
    user,
    pass,
    quit,
    done,    ///< QUIT was answered with +OK
    failed,  ///< something was answered with -ERR
  };

  /// `account` satisfies pop3::is_safe_user().
  explicit SweepDialog(std::string account) : account_(std::move(account)) {}

  /// An answer, without CRLF. What is to be said now, with CRLF; empty: nothing.
  [[nodiscard]] std::string hear(std::string_view answer);

  [[nodiscard]] Stage stage() const { return stage_; }
  /// Whether the server opened the mailbox.
  [[nodiscard]] bool logged_in() const { return logged_in_; }
  /// Why it is not done: the server's words, harmless on a terminal.
  [[nodiscard]] std::string problem() const;

 private:
  std::string account_;
  Stage stage_ = Stage::greeting;
  bool logged_in_ = false;
  std::string refusal_;
};

/// The client's end of such a session, without a socket: what the session sends is heard at
/// settle(), and what the dialog says to it has arrived when settle() returns.
class SweepClient final : public net::Transport {
 public:
  /// Both outlive it.
  SweepClient(BlockPool& pool, SweepDialog& dialog) : pool_(pool), dialog_(dialog) {}

  /// There is never news but at settle().
  void set_observer(net::TransportObserver* /*observer*/) override {}
  ByteChain& received() override { return received_; }
  void send(ByteChain&& bytes) override;
  std::size_t unsent() const override { return 0; }
  bool settle() override;
  void close(net::CloseMode mode) override;
  const std::optional<Error>& end() const override { return end_; }
  bool established() const override { return true; }
  const net::TlsFacts* tls() const override { return nullptr; }
  const PeerAddress& peer() const override { return peer_; }
  PeerAddress local() const override { return peer_; }

 private:
  BlockPool& pool_;
  SweepDialog& dialog_;
  std::string heard_;  // that is no whole line yet
  ByteChain received_;
  std::optional<Error> end_;
  PeerAddress peer_{.ip = {}, .port = 0, .unix_socket = true};
};

}  // namespace gatepost::command
