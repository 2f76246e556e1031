#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/retention/host.h"
#include "filters/retention/policy.h"
#include "proxy/base/error.h"
#include "proxy/base/journal.h"
#include "proxy/base/ticket.h"
#include "proxy/mailbox/inventory.h"

namespace gatepost::filters {

/// What the policy of one session knows of the account's messages, and decides about them. Messages
/// are given by their index in the inventory. Sans-I/O but for the store: the session asks
/// open() after the login, settle() when the client has said QUIT and has all its answers, and
/// removed() when upstream has carried the removals out; one at a time. Callbacks never come from
/// inside the call, and not at all once the ticket or the book is gone.
///
/// What the types of policies do with a message:
/// - client (with a brake): what the client deletes is removed, up to the brake; no store.
/// - keep: DELE is noted, and the message not shown any more (`hide`), not shown to that device
///   (`hide_for_device`; to a client that nothing tells apart it is shown: else it would have to be
///   hidden from all), or shown as before (`show`). Never removed.
/// - keep_for: as keep; removed at the QUIT of the first session after the period, hidden or not.
/// - delete_after_retrieval: removed at the QUIT of the session that retrieved it, or the first one
///   after the period. The client's own DELE removes it without the period; of what was never
///   retrieved DELE is refused.
/// - read_only: DELE is refused.
/// A purge by the administrator is like a period that is over, with any of these but `client`.
///
/// Guards, for all but `client`: a message stays that was not retrieved whole (unless the purge is
/// forced), whose last retrieval was not allowed, or whose UIDL another message has, too; messages
/// with a record that cannot be read; all of an account under a legal hold. Beyond the brake what
/// is due waits for the next session, the oldest first. An undelete starts periods anew.
///
/// A dry run does the same with records of its own, says so in the log ("retention_dry_run"), the
/// audit and the counters, and leaves everything to the client. Its store may fail.
class AccountBook {
 public:
  struct Account {
    std::string session;  ///< for the log
    std::string pool;
    std::string user;               ///< as upstream knows it
    std::string device;             ///< what tells this client apart; empty: nothing does
    Journal::Page* page = nullptr;  ///< where decisions are noted; null: nowhere
  };

  /// Tries to commit what a session did, when others change the same records meanwhile.
  static constexpr std::size_t kMaxAttempts = 5;

  /// `host` must outlive it.
  AccountBook(RetentionHost& host, std::shared_ptr<const RetentionPolicy> policy, Account account);
  ~AccountBook();
  AccountBook(const AccountBook&) = delete;
  AccountBook& operator=(const AccountBook&) = delete;

  /// Asks the store already while upstream is still listing its messages; may be left out.
  void read_ahead();

  using Done = std::move_only_function<void(Result<void>)>;
  /// Looks up what is known; notes what is seen for the first time, unless the store does not take
  /// it. The inventory, with UIDLs, must outlive the book and stay as it is. An error: the session
  /// must not go on (never with a dry run, which goes on without the book).
  [[nodiscard]] Ticket open(const mailbox::Inventory& inventory, Done done);

  // After open().

  /// Whether the client must not see it: not in its numbering at all.
  [[nodiscard]] bool hidden(std::size_t index) const;

  /// The client says DELE; `retrieved`: it has asked for all of it in this session. `marked`: how
  /// many it has deleted before in this session. Null: +OK. Otherwise the reason for -ERR. Whether
  /// it could be retrieved whole, and was allowed, is for settle() to find out.
  [[nodiscard]] std::optional<std::string> refuse_dele(std::size_t index, bool retrieved,
                                                       std::size_t marked) const;

  /// How a message was delivered.
  struct Retrieval {
    std::size_t index = 0;
    /// The client has the original (rewritten, perhaps), and every scanner of the chain said that
    /// it may: not a notice, not a quarantined one, not one that no scanner had a verdict on.
    bool allowed = true;
  };
  /// What the session did, once its QUIT counts.
  struct Facts {
    std::vector<Retrieval> retrieved;  ///< whole, by RETR
    std::vector<std::size_t> deleted;  ///< DELE, not undone, in their order
  };
  struct Settlement {
    std::vector<std::size_t> remove;  ///< DELE for these has to go upstream now, in this order
    /// Deletions that the client was told of and that cannot be done: it must hear so.
    std::size_t refused = 0;
  };
  using Settled = std::move_only_function<void(Result<Settlement>)>;
  /// Writes down what the session did, and decides what is to be removed as things stand now,
  /// whatever other sessions and the administrator did meanwhile. Durable when `done` hears of it.
  /// An error: nothing may be removed, and the client must hear that nothing was.
  [[nodiscard]] Ticket settle(Facts facts, Settled done);

  /// Upstream said +OK to DELE of these, which settle() asked for, and to QUIT. Audit lines are
  /// written at once. An error: the store does not know yet; the next session will find out.
  [[nodiscard]] Ticket removed(const std::vector<std::size_t>& indexes, Done done);

 private:
  struct State;
  /// Of the operation that has just begun.
  [[nodiscard]] Ticket ticket();
  std::shared_ptr<State> state_;
};

}  // namespace gatepost::filters
