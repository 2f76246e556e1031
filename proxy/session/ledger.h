#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/timer.h"
#include "proxy/mailbox/mailbox_view.h"
#include "proxy/pop3/command.h"
#include "proxy/session/reply_reader.h"

namespace gatepost::session {

/// What becomes of upstream's reply to a command.
enum class Way : std::uint8_t {
  relayed,    ///< to the client as it came
  chain,      ///< a message: through the chain
  filters,    ///< the same without the chain's scanners: what TOP may show unscanned
  swallowed,  ///< ours, to keep upstream awake; nobody else asked
  ours,       ///< ours, too: its reader takes the reply
  listing,    ///< none: the Mailbox has the text
  released,   ///< none: upstream is not asked, the message comes out of quarantine
  ahead,      ///< ours: a message that the client has not asked for (ReadAhead)
  claimed,    ///< none: the client asked for a message that was fetched ahead
};

/// One command of the client and the way its reply is made.
struct Exchange {
  enum class Stage : std::uint8_t {
    local,     ///< `text` is our reply, waiting for its turn
    queued,    ///< `text` is the command line, waiting to go upstream
    sent,      ///< upstream owes the reply
    replying,  ///< the head of the reply has gone to the client
    received,  ///< upstream's reply is complete; what the client gets of it is not
  };
  Stage stage;
  pop3::Verb verb;
  pop3::ReplyShape shape;
  std::string text;
  Instant sent_at{};
  Way way = Way::relayed;
  std::uint32_t message = 0;              ///< its number, as the client has it; 0: none
  std::optional<std::uint32_t> lines{};   ///< TOP: of the body
  std::unique_ptr<ReplyReader> reader{};  ///< ours
  mailbox::ExtraMessage extra{};          ///< released
};

/// The commands of a session whose replies are not complete, oldest first. Replies come back in
/// this order (RFC 2449 section 6.6): a local answer waits behind the forwarded ones before it, and
/// an upstream reply always belongs to the first exchange, or to none, which ends the session.
class Ledger {
 public:
  /// Local answers count too; beyond this the client is not read.
  static constexpr std::size_t kCapacity = 32;

  [[nodiscard]] bool empty() const { return exchanges_.empty(); }
  [[nodiscard]] bool full() const { return exchanges_.size() >= kCapacity; }
  [[nodiscard]] std::size_t size() const { return exchanges_.size(); }
  /// Replies that upstream owes.
  [[nodiscard]] std::size_t outstanding() const { return outstanding_; }

  void add_local(pop3::Verb verb, std::string reply);
  void add_forwarded(const pop3::Command& command) { add_forwarded(command, command); }
  /// `as` is the command that goes upstream for it.
  void add_forwarded(const pop3::Command& command, const pop3::Command& as);
  /// RETR or TOP on another way.
  void add_message(const pop3::Command& command, Way way, const pop3::Command& as);

  /// A command of ours, in its turn.
  void add_ours(const pop3::Command& command, std::unique_ptr<ReplyReader> reader);
  /// RETR of a message that the client has not asked for; upstream is to be asked now.
  void add_ahead(const pop3::Command& command, const pop3::Command& as);
  /// The client's RETR of such a message.
  void add_claimed(const pop3::Command& command);
  /// LIST or UIDL of all messages, by the Mailbox.
  void add_listing(const pop3::Command& command);
  /// RETR or TOP of a released message.
  void add_released(const pop3::Command& command, mailbox::ExtraMessage message);

  /// The oldest; the ledger must not be empty.
  [[nodiscard]] Exchange& front() { return exchanges_.front(); }
  [[nodiscard]] const Exchange& front() const { return exchanges_.front(); }
  /// The reply to the oldest is complete.
  void pop();

  /// The next command that may go upstream while at most `depth` replies are owed; null if none.
  /// QUIT waits until it is the oldest. The caller sends it and calls sent().
  [[nodiscard]] Exchange* next_to_send(std::size_t depth);
  void sent(Exchange& exchange, Instant now);
  /// A NOOP of ours was sent while the oldest is `received` and nothing is owed.
  void sent_noop(Instant now);

  /// Whose reply comes next from upstream; null if none is owed.
  [[nodiscard]] Exchange* owed();
  [[nodiscard]] const Exchange* owed() const;
  /// The reply to the oldest has come to its end, and goes on from here.
  void received();
  /// The same for what upstream is not asked for, which becomes the oldest now.
  void begin_local(Instant now);
  /// The reply to what owed() returned, a command of ours, has come.
  void swallow();
  /// Whether a command waits to go upstream.
  [[nodiscard]] bool queued() const;
  /// Whether the client waits for a reply that is not ready.
  [[nodiscard]] bool owes_client() const;

  /// Drops commands that did not go upstream, and local answers (the client is gone).
  void clear();

 private:
  [[nodiscard]] Exchange& insert_local(Exchange exchange);
  [[nodiscard]] Exchange& insert_local(const pop3::Command& command, Way way);

  std::vector<Exchange> exchanges_;  // short: moving the rest up is cheaper than a deque
  std::size_t outstanding_ = 0;
};

}  // namespace gatepost::session
