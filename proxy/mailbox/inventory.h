#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"

namespace gatepost::mailbox {

/// What upstream has: sizes and UIDLs as LIST and UIDL said them right after the login. Messages
/// count from 0 here ("index"); upstream's number is one more. 16 octets a message and its UIDL.
class Inventory {
 public:
  /// Messages; a mailbox with more is too large to be looked through.
  static constexpr std::size_t kMaxMessages = 500'000;
  /// Characters of a UIDL (RFC 1939 section 7 has 70; some servers have more).
  static constexpr std::size_t kMaxUidl = 255;

  // Each fails with `protocol` when numbers are not 1, 2, 3, … or a UIDL is empty or has other
  // characters than 0x21 to 0x7e; with `limit` beyond one.
  [[nodiscard]] Result<void> add_size(std::uint64_t number, std::uint64_t octets);
  /// After all sizes; also of a UIDL that is made of something else.
  [[nodiscard]] Result<void> add_uidl(std::uint64_t number, std::string_view uidl);

  /// Nothing more is added: gives back what memory was taken in advance.
  void complete();

  /// RETR of that message will give so many, whatever LIST said.
  void set_octets(std::size_t index, std::uint64_t octets) { messages_[index].octets = octets; }

  [[nodiscard]] std::size_t count() const { return messages_.size(); }
  [[nodiscard]] std::uint64_t octets(std::size_t index) const { return messages_[index].octets; }
  /// "" where there is none.
  [[nodiscard]] std::string_view uidl(std::size_t index) const;
  /// Whether every message has one.
  [[nodiscard]] bool has_uidls() const { return named_ == messages_.size(); }

 private:
  struct Message {
    std::uint64_t octets = 0;
    std::uint32_t uidl_at = 0;
    std::uint32_t uidl_size = 0;
  };
  std::vector<Message> messages_;
  std::string uidls_;
  std::size_t named_ = 0;
};

}  // namespace gatepost::mailbox
