#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filters/retention/policy.h"
#include "proxy/mailbox/mailbox_view.h"
#include "proxy/pop3/command.h"
#include "proxy/session/ledger.h"
#include "proxy/session/mailbox_opening.h"
#include "proxy/session/mailbox_parts.h"
#include "proxy/session/mailbox_settlement.h"

namespace gatepost::session {

/// The mailbox of a session whose client does not see upstream's as it is: a policy keeps or
/// removes messages, released messages stand behind upstream's, sizes are what the chain makes of
/// messages (config::Sizes::exact). Where none of these applies there is none, or it steps aside,
/// and no command is added or changed.
///
/// From the login on it is prepared by a MailboxOpening. Then it answers STAT, LIST, UIDL, DELE and
/// RSET itself; upstream hears of deletions after QUIT, from a MailboxSettlement.
class Mailbox {
 public:
  /// What makes one necessary.
  struct Needs {
    const filters::Chain* chain = nullptr;                     ///< may be null
    std::shared_ptr<const filters::RetentionPolicy> policy{};  ///< may be null
  };
  [[nodiscard]] static bool needed(const Services& services, const Needs& needs);

  /// The login succeeded. `services` and `owner` must outlive it.
  Mailbox(const Services& services, const Needs& needs, MailboxAccount account,
          MailboxOwner& owner);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// Puts commands of its own into the ledger. Whether anything changed.
  [[nodiscard]] bool step(Ledger& ledger);
  /// Whether something hangs on a store of ours.
  [[nodiscard]] bool asks_stores() const;

  // After the login.

  /// Whether commands of the client have to wait: none may be read.
  [[nodiscard]] bool preparing() const { return opening_ != nullptr; }
  /// Whether the client must not hear yet that it is logged in, because it may be turned away.
  [[nodiscard]] bool holds_login() const { return preparing() && parts_.book && !parts_.dry_run; }
  /// Not empty: the session cannot go on, and the client gets this line. Else see problem().
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

  // Commands.

  /// In the order in which the client sent them; none while preparing() or listing(). True: it is
  /// dealt with. False: it is for upstream, RETR and TOP by the number of upstream_number().
  [[nodiscard]] bool take(const pop3::Command& command, Ledger& ledger);
  /// What upstream calls the message that the client calls `number`; null: it has none that the
  /// client could ask for.
  [[nodiscard]] std::optional<std::uint32_t> upstream_number(std::uint32_t number) const;
  /// Whether there is a LIST or UIDL of all messages in the ledger (Way::listing).
  [[nodiscard]] bool listing() const { return listing_.has_value(); }
  /// The next piece of it for the client, at most about `enough` octets; listing() is false after
  /// the last one.
  [[nodiscard]] std::string give_listing(std::size_t enough);
  /// Whether TOP with so many lines of the body is all of the message `number`: then it is as good
  /// as RETR. At least kAllLines, so that a wrong size in LIST does not make a part the whole.
  [[nodiscard]] bool is_all(std::uint32_t number, std::uint32_t lines) const;
  static constexpr std::uint32_t kAllLines = 1'000'000;  // fetchmail says 99,999,999
  /// Messages not shown that the journal names; further ones are counted.
  static constexpr std::size_t kMaxHiddenTold = 100;
  /// The client has the message `number`, by RETR or a TOP of all of it, whole. `octets`: that
  /// every RETR of it gives, if that is known. `allowed`: see AccountBook::Retrieval.
  void note_retrieved(std::uint32_t number, std::optional<std::uint64_t> octets, bool allowed);

  // QUIT.

  /// The client said QUIT and the mailbox took it: settle() is to be called.
  [[nodiscard]] bool quitting() const { return quitting_ && !settlement_; }
  /// The client has all answers that it was owed: what it did counts now, whether it stays or not.
  void settle();
  /// From then until the answer to QUIT; null otherwise.
  [[nodiscard]] MailboxSettlement* settlement() const { return settlement_.get(); }

  /// Where released messages are.
  [[nodiscard]] const std::shared_ptr<filters::Quarantine>& quarantine() const {
    return parts_.quarantine;
  }

 private:
  /// What the client has of a message.
  enum class Retrieved : std::uint8_t {
    no,
    asked,    ///< RETR was said, or a TOP of all
    whole,    ///< but it must not count, see AccountBook::Retrieval
    allowed,  ///< all of it
  };
  void opened();
  void learn_sizes();
  [[nodiscard]] bool answer(const pop3::Command& command, Ledger& ledger);
  [[nodiscard]] bool answer_for(std::uint32_t number, const pop3::Command& command, Ledger& ledger);
  [[nodiscard]] std::string dele(std::uint32_t number);
  void raise(std::size_t index, Retrieved to);
  void note_opened();
  void note_dele(std::uint32_t number, const std::optional<std::string>& refused);

  const Services& services_;
  const MailboxAccount account_;
  MailboxOwner& owner_;
  MailboxParts parts_;
  std::unique_ptr<MailboxOpening> opening_;
  std::string refusal_;
  std::string problem_;
  std::string rule_;                          // where the policy stands in the configuration
  std::optional<mailbox::MailboxView> view_;  // none: the client sees upstream's mailbox
  std::optional<mailbox::MailboxView::Listing> listing_;
  std::vector<Retrieved> retrieved_;  // by index; with a book only
  Instant upstream_heard_;            // of the client; by local answers it does not
  bool quitting_ = false;
  std::unique_ptr<MailboxSettlement> settlement_;
};

}  // namespace gatepost::session
