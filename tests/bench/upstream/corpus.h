#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::bench {

/// One message with the whole reply to its RETR: status line, stuffed body, terminator.
struct StoredMessage {
  std::string reply;
  std::size_t status_size = 0;  ///< octets of the status line
  std::uint64_t octets = 0;     ///< of the message, CRLF line ends, unstuffed
  std::uint32_t crc = 0;        ///< CRC-32C of those
  std::string uidl;
};

/// A mailbox with the replies to STAT, LIST and UIDL, made once.
struct StoredMailbox {
  std::string name;
  std::vector<StoredMessage> messages;
  std::string stat;
  std::string list;
  std::string uidl;
};

/// The mailboxes; the same specification gives the same octets, always.
class Corpus {
 public:
  /// `specification` is NAME=COUNTxSIZE. Dies if it is not.
  void add(const std::string& specification);
  /// The mailbox of a user: the one with the name up to the first '-' or '@', else the first.
  [[nodiscard]] const StoredMailbox& of_user(std::string_view user) const;
  /// For the load generator: tests/bench/common/manifest.h. Appears whole or not at all.
  void write_manifest(const std::string& path) const;
  [[nodiscard]] bool empty() const { return mailboxes_.empty(); }

 private:
  std::vector<std::unique_ptr<StoredMailbox>> mailboxes_;
  std::map<std::string, const StoredMailbox*, std::less<>> by_name_;
};

}  // namespace gatepost::bench
