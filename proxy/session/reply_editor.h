#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/mailbox/extra_messages.h"
#include "proxy/pop3/reply.h"

namespace gatepost::session {

/// Stands between upstream's reply to one command and the client: what it adds to `out` is what the
/// client gets. In bounded memory, whatever upstream sends.
class ReplyEditor {
 public:
  ReplyEditor() = default;
  virtual ~ReplyEditor() = default;
  ReplyEditor(const ReplyEditor&) = delete;
  ReplyEditor& operator=(const ReplyEditor&) = delete;

  virtual void status(const pop3::Status& status, ByteChain& out) = 0;
  /// The next piece of the body (DotDecoder::Form::as_sent, the final dot too).
  virtual void body(ByteChain&& piece, ByteChain& out);
  virtual void end(ByteChain& out);
};

/// What RETR will give of a message, if that is known and not what upstream says.
using SizeOf = std::function<std::optional<std::uint64_t>(std::uint64_t number)>;

// For replies of the client. `pool` must outlive them, and so must what `size_of` refers to.

/// STAT, with `more`.
[[nodiscard]] std::unique_ptr<ReplyEditor> edit_stat(BlockPool& pool,
                                                     mailbox::ExtraMessages::Totals more);
/// LIST in place of STAT: counts and adds up what LIST would say, with `more`.
[[nodiscard]] std::unique_ptr<ReplyEditor> stat_from_list(BlockPool& pool, SizeOf size_of,
                                                          mailbox::ExtraMessages::Totals more);
/// LIST or UIDL of all messages, with `tail` behind the last line. Without `size_of` the lines stay
/// as they are.
[[nodiscard]] std::unique_ptr<ReplyEditor> edit_listing(BlockPool& pool, SizeOf size_of,
                                                        std::string tail);
/// LIST of one message, which has so many octets.
[[nodiscard]] std::unique_ptr<ReplyEditor> edit_list_line(BlockPool& pool, std::uint64_t octets);

// For commands of ours: the client gets nothing.

/// STAT: the number of messages, null if there is no telling.
[[nodiscard]] std::unique_ptr<ReplyEditor> read_stat(
    std::move_only_function<void(std::optional<std::uint64_t>)> done);
/// UIDL of all messages; `done` hears whether upstream has it.
[[nodiscard]] std::unique_ptr<ReplyEditor> read_uidl(
    std::move_only_function<void(std::uint64_t number, std::string_view uidl)> each,
    std::move_only_function<void(bool)> done);

}  // namespace gatepost::session
