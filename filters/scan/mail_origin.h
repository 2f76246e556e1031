#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"

namespace gatepost::filters {

/// Where a message came from, as far as the servers that took it in have written it down. Whoever
/// fetches mail by POP3 knows no envelope.
struct MailOrigin {
  /// Characters of an address or a name; longer ones are left out.
  static constexpr std::size_t kMaxWord = 320;
  /// Received fields that are looked through.
  static constexpr int kMaxHops = 10;

  /// Of the first Return-Path, an address; empty for "<>", which has no sender.
  std::optional<std::string> sender;
  /// Public address of the host that handed the message over, "" if it is not known. Taken from the
  /// outermost Received; those above it that name a host in a private network are our own side's.
  std::string address;
  std::string helo;  ///< what that host called itself, "" if it is not known

  /// `beginning` is that of a canonical message; what does not fit into it is not looked at.
  [[nodiscard]] static MailOrigin of(const ByteChain& beginning);
};

/// Whether it is an address that rspamd takes for one ("a.b@example.org"). Of another it thinks
/// that the message has a broken header.
[[nodiscard]] bool is_mail_address(std::string_view text);

/// Whether it may stand in the header of a request as it is: printable ASCII without blanks, not
/// empty, at most MailOrigin::kMaxWord of it.
[[nodiscard]] bool is_header_word(std::string_view text);

}  // namespace gatepost::filters
