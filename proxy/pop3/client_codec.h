#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/pop3/command.h"
#include "proxy/pop3/dot_codec.h"
#include "proxy/pop3/reply.h"

namespace gatepost::pop3 {

/// What an upstream owes us next.
struct Expected {
  ReplyShape shape = ReplyShape::single;
  DotDecoder::Form form = DotDecoder::Form::as_sent;  ///< of a multi-line reply's body
  bool continuation = false;                          ///< "+ …" is a valid answer (AUTH)
  bool keep_line = false;                             ///< take_line() is wanted
};

/// Our side as a POP3 client: bytes of upstream in, replies out. Every reply must have been
/// announced with expect(); one that nobody asked for is a protocol error. No I/O, no clock.
class ClientCodec {
 public:
  /// Octets of a status line with CRLF. RFC 2449 section 4 promises 512; servers send more.
  static constexpr std::size_t kMaxStatusLine = 4 * 1024;

  enum class Event : std::uint8_t {
    need_data,
    status,          ///< status(): a whole single-line reply, or the head of a multi-line one
    continuation,    ///< status().text is the challenge; the reply is still owed
    body_data,       ///< body(): the next piece of the multi-line reply
    body_end,        ///< the multi-line reply is complete
    protocol_error,  ///< error(); the stream is useless from here
  };

  /// One reply is owed (the greeting is a single). In the order of the commands sent.
  void expect(Expected expected) { owed_.push_back(expected); }
  /// Replies not yet complete, the one under way included.
  [[nodiscard]] std::size_t owed() const { return owed_.size(); }
  /// Whether status or part of a body of the reply under way was handed out already.
  [[nodiscard]] bool mid_reply() const { return decoder_.has_value() || !line_.empty(); }

  /// The next thing in `in`. Everything after a protocol error is one too.
  [[nodiscard]] Event next(ByteChain& in);
  [[nodiscard]] const Status& status() const { return status_; }
  /// The line of the last status as it came, with CRLF, if its command wanted to keep it: to be
  /// taken before the next call of next(). Other lines are overwritten where they were read.
  [[nodiscard]] ByteChain take_line() { return std::exchange(kept_line_, ByteChain()); }
  /// The piece that the last body_data announced; never empty. Pieces not taken add up.
  [[nodiscard]] ByteChain take_body() { return std::exchange(body_, ByteChain()); }
  /// What upstream did wrong, for the log; holds nothing of what upstream sent.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  [[nodiscard]] Event read_status(ByteChain& in);
  [[nodiscard]] Event on_line();
  [[nodiscard]] Event read_body(ByteChain& in);
  [[nodiscard]] Event broken(std::string_view text);

  std::vector<Expected> owed_;  // at most the pipeline depth: shorter than a deque is when empty
  ByteChain line_;              // of the status under way
  ByteChain kept_line_;
  Status status_;
  std::optional<DotDecoder> decoder_;  // set while a body is under way
  ByteChain body_;
  std::string error_;
};

}  // namespace gatepost::pop3
