#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/digest.h"
#include "proxy/base/error.h"
#include "proxy/mailbox/inventory.h"
#include "proxy/pop3/reply.h"

namespace gatepost::session {

/// Takes upstream's reply to a command of ours, of which the client hears nothing. In bounded
/// memory, whatever upstream sends.
class ReplyReader {
 public:
  ReplyReader() = default;
  virtual ~ReplyReader() = default;
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  virtual void status(const pop3::Status& status) = 0;
  /// The next piece of the body (DotDecoder::Form::as_sent, the final dot too).
  virtual void body(ByteChain&& piece);
  virtual void end() {}
};

/// LIST or UIDL of all messages: `each` gets the number and the word behind it, and may find it
/// wrong. `done` hears the first error, or that of a line that is no such line, once the reply is
/// complete; `offered` is false when upstream said -ERR.
[[nodiscard]] std::unique_ptr<ReplyReader> read_listing(
    std::move_only_function<Result<void>(std::uint64_t number, std::string_view value)> each,
    std::move_only_function<void(Result<void> read, bool offered)> done);
/// For `each` of LIST.
[[nodiscard]] Result<void> add_size(mailbox::Inventory& inventory, std::uint64_t number,
                                    std::string_view value);
/// Only whether it was +OK.
[[nodiscard]] std::unique_ptr<ReplyReader> read_status(std::move_only_function<void(bool)> done);
/// SHA-256 of the body; null for -ERR.
[[nodiscard]] std::unique_ptr<ReplyReader> hash_reply(
    std::move_only_function<void(std::optional<Digest>)> done);

}  // namespace gatepost::session
