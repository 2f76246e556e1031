#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "filters/scan/scanner.h"

namespace gatepost::filters {

/// What is asked of a scanner on one connection.
struct Question {
  enum class Framing : std::uint8_t {
    plain,   ///< the message as it is
    chunks,  ///< each piece behind its length, four octets with the highest first; 0 ends it
  };

  std::string head;
  std::shared_ptr<const Spool> message;  ///< follows the head, if there is one
  Framing framing = Framing::plain;
  UniqueFd descriptor;        ///< goes along with the head, if there is one
  std::size_t max_reply = 0;  ///< a longer one is a `limit`
  /// How long the whole reply is, by what has arrived of it; nothing: not known yet.
  std::optional<std::size_t> (*reply_size)(std::string_view so_far) = nullptr;
};

/// What was heard.
struct Answer {
  std::string reply;  ///< all of it, or what came before `failure`
  std::optional<Error>
      failure;            ///< why it is not all; `limit` and `protocol`: the scanner's nonsense
  bool all_sent = false;  ///< the system had taken the whole question before the reply was whole
  bool ours = false;      ///< the failure is the spool's

  /// What is said of a message when there is no reply.
  [[nodiscard]] Verdict trouble() const;
};

/// One connection to a scanner for one question: makes it, sends, listens while it sends, ends it.
/// `done` is called once, later, within `limit` if nothing else ends it; not at all once the ticket
/// is gone.
[[nodiscard]] Ticket inquire(const ScannerTools& tools, const Endpoint& address, Duration limit,
                             Question question, std::move_only_function<void(Answer)> done);

}  // namespace gatepost::filters
