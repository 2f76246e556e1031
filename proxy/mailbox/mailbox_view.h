#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proxy/mailbox/inventory.h"

namespace gatepost::mailbox {

/// A message that the client's mailbox has and upstream's has not.
struct ExtraMessage {
  std::uint64_t key = 0;   ///< the owner's: the number in quarantine
  std::uint64_t size = 0;  ///< octets as RETR gives them
  std::string uidl;        ///< 1 to 70 characters, 0x21 to 0x7e (RFC 1939 section 7)
};

/// "gatepost-quarantine-17"
[[nodiscard]] std::string quarantine_uidl(std::uint64_t number);

/// The mailbox as the client of one session sees it (RFC 1939 section 5): numbers 1…n without gaps,
/// the same until the session ends; upstream's messages that are not hidden, then the extra ones;
/// what the client marked as deleted is in no reply any more. All commands agree, because all are
/// answered from here. No I/O. 5 octets a message.
///
/// Replies are whole, with CRLF.
class MailboxView {
 public:
  /// `upstream` must outlive the view. `hidden` is asked for each index; empty: nothing is.
  MailboxView(const Inventory& upstream, const std::function<bool(std::size_t)>& hidden,
              std::vector<ExtraMessage> extra);

  /// The numbers that there are, deleted ones counted.
  [[nodiscard]] std::uint64_t count() const { return shown_.size() + extra_.size(); }
  /// How many are marked as deleted.
  [[nodiscard]] std::size_t marked() const { return marked_; }

  /// Where a message is, by the number that the client knows.
  struct Place {
    std::optional<std::size_t> index;     ///< in the inventory
    const ExtraMessage* extra = nullptr;  ///< unless that; valid as long as the view
  };
  /// Null: there is no such message, or it is marked as deleted.
  [[nodiscard]] std::optional<Place> find(std::uint64_t number) const;
  /// The index of one of upstream's messages, marked or not.
  [[nodiscard]] std::optional<std::size_t> index_of(std::uint64_t number) const;

  [[nodiscard]] std::string stat() const;
  [[nodiscard]] std::string list(std::uint64_t number) const;
  [[nodiscard]] std::string uidl(std::uint64_t number) const;
  /// -ERR for a number that find() does not know.
  [[nodiscard]] std::string no_such_message(std::uint64_t number) const;

  /// LIST or UIDL of all messages, from the status line to the final dot. Commands that mark
  /// messages have to wait until it is done().
  class Listing {
   public:
    enum class Of : std::uint8_t { sizes, uidls };
    /// `view` must outlive it.
    Listing(const MailboxView& view, Of what) : view_(view), what_(what) {}
    /// Appends at least one line, and stops when `out` has `enough` octets.
    void give(std::string& out, std::size_t enough);
    [[nodiscard]] bool done() const { return done_; }

   private:
    const MailboxView& view_;
    const Of what_;
    std::uint64_t next_ = 0;  // number; 0: the status line
    bool done_ = false;
  };

  /// Marks a message that find() knows.
  void mark(std::uint64_t number);
  /// RSET.
  void unmark_all();
  /// What is marked: indexes in the inventory, keys of the extra ones.
  [[nodiscard]] std::vector<std::size_t> marked_indexes() const;
  [[nodiscard]] std::vector<std::uint64_t> marked_extra() const;

 private:
  [[nodiscard]] std::uint64_t octets(std::uint64_t number) const;
  [[nodiscard]] std::string_view uidl_of(std::uint64_t number) const;

  const Inventory& upstream_;
  std::vector<std::uint32_t> shown_;  // indexes
  std::vector<ExtraMessage> extra_;
  std::vector<bool> deleted_;  // by number - 1
  std::size_t marked_ = 0;
};

}  // namespace gatepost::mailbox
