#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::mailbox {

/// A message that the client's mailbox has and upstream's has not.
struct ExtraMessage {
  std::uint64_t key = 0;   ///< the owner's: the number in quarantine
  std::uint64_t size = 0;  ///< octets as RETR gives them
  std::string uidl;        ///< 1 to 70 characters, 0x21 to 0x7e (RFC 1939 section 7)
};

/// "gatepost-quarantine-17"
[[nodiscard]] std::string quarantine_uidl(std::uint64_t number);

/// The messages of one session that come after upstream's, in the order given, and what the client
/// did with them. No I/O: its owner calls it for each command in the order in which the client sent
/// them, when the command is taken (not when upstream's reply comes, because DELE and RSET may have
/// followed by then), and sends on what is not for these messages.
///
/// All replies are lines without CRLF; bodies have CRLF, without the final ".".
class ExtraMessages {
 public:
  /// None: nothing is ever ours, nothing is added.
  ExtraMessages() = default;
  /// `upstream_count`: of messages, as upstream's STAT said after the login, before anything was
  /// deleted. It is the same until the end of the session (RFC 1939 section 5).
  ExtraMessages(std::vector<ExtraMessage> messages, std::uint64_t upstream_count);

  [[nodiscard]] bool empty() const { return messages_.empty(); }

  /// The number that a command's first argument ("5", "5 10") names if it is one of ours, deleted
  /// or not. Null: upstream is to answer, also to what is no number and to numbers beyond ours.
  [[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view arguments) const;

  /// The same for a number that was parsed already.
  [[nodiscard]] bool has(std::uint64_t number) const {
    return number > upstream_count_ && number - upstream_count_ <= messages_.size();
  }

  // What is added to upstream's replies.

  /// Those not deleted.
  struct Totals {
    std::uint64_t count = 0;
    std::uint64_t octets = 0;
  };
  [[nodiscard]] Totals totals() const;
  /// "+OK 3 1200" of upstream with `more` added; what follows the numbers stays. A reply that is
  /// not
  /// "+OK number number" comes back as it is.
  [[nodiscard]] static std::string add_to_stat(std::string_view reply, const Totals& more);
  /// The status line of a LIST or UIDL without arguments: what upstream counts there is not true
  /// any more. -ERR stays.
  [[nodiscard]] static std::string without_counts(std::string_view reply);
  /// What comes behind upstream's lines in LIST without arguments: "4 1200\r\n…".
  [[nodiscard]] std::string list_lines() const;
  /// The same for UIDL.
  [[nodiscard]] std::string uidl_lines() const;

  // Replies for a number_of().

  [[nodiscard]] std::string list(std::uint64_t number) const;
  [[nodiscard]] std::string uidl(std::uint64_t number) const;
  /// Marks it.
  [[nodiscard]] std::string dele(std::uint64_t number);
  /// For RETR and TOP: the message to be sent, null if it is deleted (no_such_message() then).
  /// Valid as long as this object.
  [[nodiscard]] const ExtraMessage* find(std::uint64_t number) const;
  [[nodiscard]] static std::string no_such_message();

  /// Upstream gets the command, too.
  void rset();
  /// What is to be settled after QUIT was said: the keys of those that are marked. With any other
  /// end of the session nothing is.
  [[nodiscard]] std::vector<std::uint64_t> deleted() const;

 private:
  struct Message {
    ExtraMessage message;
    bool deleted = false;
  };
  [[nodiscard]] const Message& at(std::uint64_t number) const;
  template <class Text>
  [[nodiscard]] std::string lines(Text text) const;

  std::vector<Message> messages_;
  std::uint64_t upstream_count_ = 0;
};

}  // namespace gatepost::mailbox
