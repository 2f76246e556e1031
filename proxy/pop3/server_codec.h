#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/pop3/command.h"
#include "proxy/pop3/line_reader.h"

namespace gatepost::pop3 {

/// Our side as a POP3 server: bytes of the client in, commands out. No I/O, no clock.
/// A line that is too long is one bad_command, none of its tail is a command. A bare LF, a TLS
/// record where a line should start, and a request line of HTTP are protocol errors, and so is
/// everything after them.
class ServerCodec {
 public:
  /// Octets of a line with CRLF. RFC 2449 section 4 asks for 255 at least.
  static constexpr std::size_t kMaxCommandLine = 512;
  /// Before login: passwords may be long, and there are clients that send a token as an initial
  /// response, against RFC 5034.
  static constexpr std::size_t kMaxLoginLine = 16 * 1024;
  /// Client lines inside AUTH: tokens reach 8 KiB before base64.
  static constexpr std::size_t kMaxSaslLine = 16 * 1024;

  enum class Mode : std::uint8_t {
    login,        ///< commands, before login
    sasl,         ///< every line belongs to the AUTH dialog
    transaction,  ///< commands, after login
  };
  enum class Event : std::uint8_t {
    need_data,       ///< no whole line yet
    command,         ///< command() is the next one
    bad_command,     ///< answer -ERR with error(); the session goes on, an AUTH dialog is over
    sasl_line,       ///< sasl_line() is the client's line (mode sasl only)
    protocol_error,  ///< answer -ERR with error(), interpret nothing more, close
  };

  void set_mode(Mode mode) { mode_ = mode; }
  /// Takes at most one line out of `in`.
  [[nodiscard]] Event next(ByteChain& in);

  /// Valid until the next call of next() or wipe(), which overwrite it.
  [[nodiscard]] Command& command() { return command_; }
  [[nodiscard]] std::string_view sasl_line() const { return reader_.line(); }
  [[nodiscard]] const std::string& error() const { return error_; }
  /// Whether part of a line was taken in already: STLS must not start then.
  [[nodiscard]] bool mid_line() const { return reader_.mid_line(); }
  /// Overwrites what the last line left in memory: command() and sasl_line() are void then.
  void wipe();

 private:
  void forget_command();
  [[nodiscard]] Event read_line();
  [[nodiscard]] Event bad(std::string_view text);
  [[nodiscard]] Event broken(std::string_view text);

  Mode mode_ = Mode::login;
  bool broken_ = false;        // for good
  bool command_used_ = false;  // command_ is to be overwritten
  LineReader reader_;
  Command command_;
  std::string error_;
};

}  // namespace gatepost::pop3
