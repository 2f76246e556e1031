#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/quarantine/quarantine.h"
#include "filters/retention/account_book.h"
#include "proxy/base/digest.h"
#include "proxy/mailbox/inventory.h"
#include "proxy/mailbox/mailbox_view.h"
#include "proxy/session/services.h"

namespace gatepost::session {

/// Whose mailbox it is.
struct MailboxAccount {
  std::string session;  ///< for the log
  std::string route;
  std::string user;               ///< as the client named itself
  std::string pool;               ///< whose servers the mailbox is on
  std::string upstream_user;      ///< as these know it
  std::string device = {};        ///< see filters::device_of()
  Journal::Page* page = nullptr;  ///< of the session; null: nothing is noted
};

/// Who has a Mailbox.
class MailboxOwner {
 public:
  /// Something is new: call step(). From the loop, never from inside a call. The mailbox must not
  /// be destroyed during the call, but its MailboxOpening may be.
  virtual void on_mailbox_activity() = 0;

 protected:
  ~MailboxOwner() = default;
};

/// What a Mailbox is made of: taken from the services with the login (those may have others by now,
/// or none), and filled by a MailboxOpening.
struct MailboxParts {
  std::shared_ptr<filters::Quarantine> quarantine;  ///< where released messages are
  std::shared_ptr<filters::DeliveredSizes> sizes;   ///< what messages become in the chain
  Digest sizes_of{};                                ///< the mailbox, as `sizes` knows it
  std::unique_ptr<filters::AccountBook> book;       ///< what a policy decides
  bool dry_run = false;                             ///< of the policy
  bool header_hash = false;                         ///< of the policy

  mailbox::Inventory inventory;  ///< stays where it is: others refer to it
  std::vector<mailbox::ExtraMessage> released;
  /// Whether the inventory is there; without it the client sees upstream's mailbox.
  bool listed = false;
};

/// One line of trouble for the log.
void log_mailbox(const Services& services, const MailboxAccount& account, std::string_view event,
                 std::string_view problem);

}  // namespace gatepost::session
