#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "filters/inspection.h"
#include "proxy/base/digest.h"
#include "proxy/base/log.h"

namespace gatepost::filters {

/// Lets a chain's shadow (config::Chain::shadow) look at the messages of one worker, without
/// effect: nobody gets what it makes of them, nothing goes to quarantine. Where it comes to another
/// result, the log says so. A shadow may take longer than the message that it belongs to.
class Shadows {
 public:
  /// At a time; further messages are left out, and counted.
  static constexpr std::size_t kMost = 64;

  /// All of `host` and `log` outlive it.
  Shadows(const Host& host, Log& log);
  ~Shadows();
  Shadows(const Shadows&) = delete;
  Shadows& operator=(const Shadows&) = delete;

  /// An inspection by `chain`, which has a shadow. `owner` as of make_inspection().
  [[nodiscard]] std::unique_ptr<Inspection> make(std::shared_ptr<const Chain> chain,
                                                 const MessageFacts& facts, Duration limit,
                                                 Inspection::Owner& owner);
  [[nodiscard]] std::size_t running() const { return running_.size(); }

  /// What came of one message.
  struct Result {
    Inspection::Outcome outcome = Inspection::Outcome::undecided;
    Action action = Action::deliver;
    Cause cause = Cause::clean;
    std::string trail;
    std::string rules;
    std::uint64_t octets = 0;  ///< delivered
    Digest digest{};           ///< of them
    [[nodiscard]] bool same_as(const Result& other) const;
  };

 private:
  class Watched;
  class Seen;
  void compare(const Watched& watched);
  void let_go(Watched& watched);
  /// The settings of today, and no quarantine.
  void renew_host();

  const Host& host_;
  Log& log_;
  MessageCounters counters_;  // of the shadows' own verdicts: nobody asks for them
  Host dry_;
  std::vector<std::unique_ptr<Watched>> running_;
  std::vector<std::unique_ptr<Watched>> over_;  // until nobody is inside of them
  std::unique_ptr<Timer> sweeper_;
};

}  // namespace gatepost::filters
