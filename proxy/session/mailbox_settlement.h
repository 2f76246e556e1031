#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/ticket.h"
#include "proxy/session/ledger.h"
#include "proxy/session/mailbox_parts.h"

namespace gatepost::session {

/// The UPDATE state of a Mailbox (RFC 1939 section 6), from the client's QUIT to our answer: the
/// book notes what the session did and says what may go, upstream gets DELE for that and then QUIT,
/// and the stores note that it is done. What the client hears is true: if anything that it was told
/// is deleted could not be, the answer is -ERR.
class MailboxSettlement {
 public:
  /// For the book to note what the session did. Then nothing is removed.
  static constexpr Duration kBook{20'000};
  /// For the stores to note what is gone. Then the client is told that it may not be.
  static constexpr Duration kConcluding{10'000};

  /// What the client did.
  struct Facts {
    filters::AccountBook::Facts book;
    std::vector<std::uint64_t> released;  ///< keys of released messages that it deleted
  };

  /// All of it must outlive the settlement.
  MailboxSettlement(const Services& services, const MailboxAccount& account, MailboxParts& parts,
                    Facts facts, MailboxOwner& owner);
  ~MailboxSettlement();
  MailboxSettlement(const MailboxSettlement&) = delete;
  MailboxSettlement& operator=(const MailboxSettlement&) = delete;

  /// Puts DELEs, and QUIT behind them, into the ledger. Whether it did.
  [[nodiscard]] bool step(Ledger& ledger);
  [[nodiscard]] bool asks_stores() const {
    return stage_ == Stage::noting || stage_ == Stage::concluding;
  }
  /// Upstream said +OK to QUIT. False: there is nothing to wait for.
  [[nodiscard]] bool conclude();
  /// What the client hears in place of upstream's +OK to QUIT; "": that. Null: not certain yet.
  [[nodiscard]] std::optional<std::string> answer() const;

 private:
  enum class Stage : std::uint8_t {
    noting,      ///< by the book
    removing,    ///< upstream gets DELEs
    leaving,     ///< upstream gets QUIT
    concluding,  ///< the stores note what is gone
    done,
  };
  void on_noted(Result<filters::AccountBook::Settlement> settlement);
  void on_dele(std::size_t index, bool ok);
  void on_released(const Result<void>& done);
  void on_limit();
  void look_whether_done();

  const Services& services_;
  const MailboxAccount& account_;
  MailboxParts& parts_;
  MailboxOwner& owner_;
  Stage stage_ = Stage::removing;
  const std::vector<std::uint64_t> released_;
  const std::vector<std::size_t> deleted_;  // of upstream's messages, by the client; in order
  std::vector<std::size_t> removals_;
  std::size_t next_removal_ = 0;
  std::size_t answered_ = 0;  // of the DELEs
  std::vector<std::size_t> gone_;
  std::size_t kept_ = 0;  // that the client was told are deleted
  bool noted_ = true;     // what the client did
  bool released_noted_ = true;
  bool waits_for_released_ = false;
  bool waits_for_book_ = false;
  Ticket released_ticket_;
  Ticket book_ticket_;
  std::unique_ptr<Timer> limit_;
};

}  // namespace gatepost::session
