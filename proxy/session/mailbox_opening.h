#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/ticket.h"
#include "proxy/session/ledger.h"
#include "proxy/session/mailbox_parts.h"

namespace gatepost::session {

/// Finds out what a Mailbox is made of, after the login: the quarantine is asked for released
/// messages, upstream for LIST and UIDL, the book for what is known of them. If nothing needs
/// upstream's lists, they are not asked for.
class MailboxOpening {
 public:
  /// For the quarantine to say what is released. Then the session goes on without.
  static constexpr Duration kLooking{5'000};
  /// For the book to say what is known. Then the login is refused.
  static constexpr Duration kOpening{20'000};
  /// Headers that are asked for to tell messages apart (RetentionPolicy::header_hash). A larger
  /// mailbox is refused.
  static constexpr std::size_t kMaxHeaders = 5'000;

  /// All of it must outlive the opening.
  MailboxOpening(const Services& services, const MailboxAccount& account, MailboxParts& parts,
                 MailboxOwner& owner);
  ~MailboxOpening();
  MailboxOpening(const MailboxOpening&) = delete;
  MailboxOpening& operator=(const MailboxOpening&) = delete;

  /// Puts commands of its own into the ledger. Whether it did.
  [[nodiscard]] bool step(Ledger& ledger);
  /// Whether a store of ours is being asked.
  [[nodiscard]] bool asks_stores() const { return looking_ || lists_ == Lists::booked; }
  [[nodiscard]] bool finished() const;
  /// The session cannot go on: the line for the client.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  /// Where upstream's lists are.
  enum class Lists : std::uint8_t {
    unneeded,
    wanted,   ///< to be asked for
    asked,    ///< LIST and UIDL are in the ledger
    headers,  ///< there is no UIDL: the headers are asked for
    booked,   ///< the book looks up what is known
    done,
  };
  void on_found(Result<std::vector<filters::QuarantineRecord>> found);
  void released_failed(std::string_view problem);
  void ask_lists(Ledger& ledger);
  void on_listed(Result<void> listed);
  void on_named(Result<void> named, bool offered);
  [[nodiscard]] bool ask_headers(Ledger& ledger);
  void on_header(std::uint64_t number, const std::optional<Digest>& hash);
  void look_up();
  void on_looked_up(const Result<void>& done);
  void looked_up(const Result<void>& done);
  void on_limit();
  void lists_failed(std::string problem, std::string_view reply);

  const Services& services_;
  const MailboxAccount& account_;
  MailboxParts& parts_;
  MailboxOwner& owner_;
  Lists lists_ = Lists::unneeded;
  bool looking_ = false;
  std::uint64_t next_header_ = 1;  // number
  std::size_t replies_owed_ = 0;   // by upstream; they refer to this
  std::string refusal_;
  std::string problem_;
  Ticket found_;
  Ticket booked_;
  std::unique_ptr<Timer> limit_;
};

}  // namespace gatepost::session
