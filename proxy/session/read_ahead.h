#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/session/retrieval.h"

namespace gatepost::session {

/// The messages of a session that are fetched and scanned before the client asks for them: which
/// ones, and what has come of them. Only for a client that goes through its mailbox in order; for
/// one that jumps about nothing is fetched ahead until it is in order again.
class ReadAhead {
 public:
  /// So many RETRs in order, then the next messages are fetched ahead.
  static constexpr std::uint32_t kInOrder = 2;

  struct Message {
    enum class Stage : std::uint8_t {
      asked,     ///< upstream owes its reply
      coming,    ///< upstream said +OK
      whole,     ///< all of it is here
      refused,   ///< upstream said -ERR
      unwanted,  ///< nobody will get it: what upstream still says of it is dropped
    };
    std::uint32_t number = 0;
    Stage stage = Stage::asked;
    bool claimed = false;                  ///< the client asked for it
    std::unique_ptr<Retrieval> retrieval;  ///< coming or whole, until the session took it
    std::string refusal;                   ///< refused: upstream's line
  };

  /// Fetches so many ahead at most.
  explicit ReadAhead(std::uint32_t most) : most_(most) {}

  /// The client says RETR. True: that was fetched ahead, or is being, and is the client's now.
  /// False: it has to be fetched, and what was fetched ahead is dropped.
  [[nodiscard]] bool claim(std::uint32_t number);
  /// The client says DELE: then RETR is upstream's to answer.
  void forget(std::uint32_t number);
  /// Nothing more is fetched ahead; what nobody asked for is dropped.
  void stop();
  /// What is not needed any more makes room for what the client waits for.
  void give_way();

  /// Which message is to be fetched now; null: none.
  [[nodiscard]] std::optional<std::uint32_t> next() const;
  /// RETR is in the ledger for what next() said.
  void asked(std::uint32_t number);
  /// Null: there is none. Valid until the next change.
  [[nodiscard]] Message* find(std::uint32_t number);
  [[nodiscard]] const Message* find(std::uint32_t number) const;
  /// Upstream said -ERR, with this line. Nothing further is asked for.
  void refused(std::uint32_t number, std::string line);
  /// Upstream's reply is complete.
  void complete(std::uint32_t number);
  /// The client's answer is in the session's hands.
  void taken(std::uint32_t number);

  /// One for each message that was dropped since the last call, to be closed; null where nothing of
  /// it had come.
  [[nodiscard]] std::vector<std::unique_ptr<Retrieval>> take_dropped();

 private:
  void drop(Message& message);
  void tidy();

  const std::uint32_t most_;
  std::vector<Message> messages_;  // numbers are in order, each once
  std::vector<std::unique_ptr<Retrieval>> dropped_;
  std::uint32_t last_ = 0;      // RETR of the client
  std::uint32_t in_order_ = 0;  // of its RETRs
  std::uint32_t asked_ = 0;     // the last one ahead
  bool stopped_ = false;
};

}  // namespace gatepost::session
