#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/quarantine/quarantine.h"
#include "proxy/base/digest.h"
#include "proxy/mailbox/extra_messages.h"
#include "proxy/pop3/command.h"
#include "proxy/session/ledger.h"
#include "proxy/session/services.h"

namespace gatepost::session {

/// Where a client's mailbox differs from upstream's because of the chain: released messages stand
/// behind upstream's, and with config::Sizes::exact LIST and STAT know what the chain makes of
/// messages seen before. Decides about commands, and puts those that need it into the ledger.
///
/// Where neither applies, no command is added or changed.
class ExtraMailbox {
 public:
  /// For the quarantine to say what is released, and upstream how many messages it has. Then the
  /// session goes on without released messages.
  static constexpr Duration kLooking{5'000};
  /// For the quarantine to note what the client deleted. Then the client is told that it is not.
  static constexpr Duration kSettling{10'000};
  /// Messages whose sizes are looked up; of others LIST and STAT say what upstream says.
  static constexpr std::size_t kMaxNamed = 50'000;

  class Owner {
   public:
    /// Something is new: call step(). From the loop, never from inside a call. The mailbox must not
    /// be destroyed during the call.
    virtual void on_mailbox_activity() = 0;

   protected:
    ~Owner() = default;
  };

  struct Account {
    std::string session;  ///< for the log
    std::string route;
    std::string user;  ///< as the client named itself
  };

  /// Whether a session with this chain needs one.
  [[nodiscard]] static bool needed(const filters::Host& host, const filters::Chain& chain);

  /// The login succeeded. `services` and `owner` must outlive it.
  ExtraMailbox(const Services& services, const filters::Chain& chain, Account account,
               Owner& owner);
  ~ExtraMailbox();
  ExtraMailbox(const ExtraMailbox&) = delete;
  ExtraMailbox& operator=(const ExtraMailbox&) = delete;

  /// Whether commands of the client have to wait: none may be read.
  [[nodiscard]] bool preparing() const;
  /// Whether that, or the end of a QUIT, hangs on the quarantine.
  [[nodiscard]] bool asks_quarantine() const;
  /// Puts a command of its own into the ledger, if it needs one. Whether it did.
  bool step(Ledger& ledger);
  /// Once !preparing(): a command that had to wait, to be taken again.
  [[nodiscard]] std::optional<pop3::Command> take_postponed();
  [[nodiscard]] bool has_postponed() const { return postponed_.has_value(); }

  /// In the order in which the client sent them; none while preparing(). True: it is in the ledger,
  /// or postponed. False: it is for upstream, unchanged.
  [[nodiscard]] bool take(const pop3::Command& command, Ledger& ledger);

  /// The client got so many octets for RETR of upstream's message `number`.
  void note_delivered(std::uint32_t number, std::uint64_t octets);

  /// Upstream said +OK to QUIT. False: there is nothing to wait for.
  [[nodiscard]] bool settle();
  [[nodiscard]] bool settling() const { return stage_ == Stage::settling; }
  /// After settle(): whether what the client deleted is gone; null while that is not certain.
  [[nodiscard]] std::optional<bool> settled() const { return settled_; }
  /// Where released messages are.
  [[nodiscard]] const std::shared_ptr<filters::Quarantine>& quarantine() const {
    return quarantine_;
  }

 private:
  enum class Stage : std::uint8_t {
    looking,   ///< the quarantine is asked
    found,     ///< there are some: upstream is to be asked
    counting,  ///< upstream owes the number of its messages
    ready,
    settling,  ///< the quarantine notes what was deleted
  };
  /// Upstream's UIDLs.
  enum class Names : std::uint8_t {
    unused,   ///< sizes are upstream's
    unknown,  ///< not asked yet
    asked,
    known,
  };
  struct Named {
    std::uint64_t number = 0;
    Digest key{};
  };

  void on_found(Result<std::vector<filters::QuarantineRecord>> found);
  void on_count(std::optional<std::uint64_t> count);
  void on_names(bool known);
  void on_limit();
  void on_settled(const Result<void>& done);
  void give_up(std::string_view problem);

  [[nodiscard]] bool needs_names(const pop3::Command& command) const;
  void ask_names(const pop3::Command& command, Ledger& ledger);
  void answer(const pop3::Command& command, Ledger& ledger);
  [[nodiscard]] bool change(const pop3::Command& command, Ledger& ledger);
  [[nodiscard]] const Digest* key_of(std::uint64_t number) const;
  [[nodiscard]] std::optional<std::uint64_t> size_of(std::uint64_t number) const;

  const Services& services_;
  const Account account_;
  Owner& owner_;
  // As they were with the login: those of the host may be others by now, or none.
  const std::shared_ptr<filters::Quarantine> quarantine_;
  const std::shared_ptr<filters::DeliveredSizes> sizes_;
  Stage stage_ = Stage::ready;
  std::vector<mailbox::ExtraMessage> found_;
  mailbox::ExtraMessages extra_;
  std::optional<bool> settled_;

  Names names_ = Names::unused;
  Digest mailbox_{};
  std::vector<Named> named_;  // by number
  bool any_size_ = false;     // of a message of this mailbox
  std::optional<pop3::Command> postponed_;

  Ticket ticket_;
  std::unique_ptr<Timer> limit_;
};

}  // namespace gatepost::session
