#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/chain.h"
#include "filters/host.h"

namespace gatepost::filters {

/// One message on its way through a chain: takes its text as it comes from upstream, and gives what
/// the client is to get. In between it makes the text canonical, runs the filters, spools, asks the
/// memory and the scanners, applies the policy and the rules, and keeps the original in quarantine.
///
/// Nothing comes out before the verdict (of a chain that has nothing to wait for: at once). What
/// comes out is what the scanners saw, but for what the policy, a scanner or a rule changes.
class Inspection {
 public:
  class Owner {
   public:
    /// Something is new: not congested any more, decided, or more to take. From the loop, never
    /// from inside a call. The inspection must not be destroyed during the call.
    virtual void on_inspection_activity() = 0;

   protected:
    ~Owner() = default;
  };

  Inspection() = default;
  virtual ~Inspection() = default;  ///< gives up whatever is under way
  Inspection(const Inspection&) = delete;
  Inspection& operator=(const Inspection&) = delete;

  /// The next piece of the message, without dot-stuffing (DotDecoder::Form::unstuffed). Always
  /// taken, and perhaps dropped: a message that is refused has to be read to its end all the same.
  virtual void feed(ByteChain&& text) = 0;
  /// The message is complete.
  virtual void end() = 0;
  /// Feed again after on_inspection_activity().
  [[nodiscard]] virtual bool congested() const = 0;

  enum class Outcome : std::uint8_t {
    undecided,
    pass,     ///< take() gives a message: the original, tagged or not, or a notice
    refused,  ///< the client gets -ERR [SYS/TEMP] with refusal()
  };
  [[nodiscard]] virtual Outcome outcome() const = 0;
  [[nodiscard]] virtual std::string_view refusal() const = 0;

  enum class Progress : std::uint8_t { data, wait, end, broken };
  /// After `pass`: the next piece for the client is appended, canonical, not dot-stuffed; `out`
  /// grows by at most about 128 KiB. `broken`: the rest cannot be had (problem() says why); what
  /// went out must not look complete.
  [[nodiscard]] virtual Progress take(ByteChain& out) = 0;
  [[nodiscard]] virtual const std::string& problem() const = 0;

  /// For the log, once decided.
  [[nodiscard]] virtual Cause cause() const = 0;
  [[nodiscard]] virtual Action action() const = 0;
  [[nodiscard]] virtual const Judgement& judgement() const = 0;
  [[nodiscard]] virtual std::uint64_t octets() const = 0;  ///< of the canonical message so far
  [[nodiscard]] virtual std::uint64_t quarantine_number() const = 0;  ///< 0: none
  /// After `pass`: whether the client gets all that the original has; rules may have left something
  /// out. A notice does not count as that.
  [[nodiscard]] virtual bool keeps_all() const = 0;
  /// What rules did, a line each; complete once nothing more is to be taken.
  [[nodiscard]] virtual const std::vector<std::string>& notes() const {
    static const std::vector<std::string> none;
    return none;
  }
  /// Why it was decided so, for people who ask.
  struct Reasons {
    /// The key that made action() of cause(), as a JSON pointer below the chain:
    /// "/policy/infected", "/rewrite/2"; "" if no chain decided.
    std::string key = {};
    /// Rules that did not apply, a line each: "/rewrite/0/when does not hold".
    std::vector<std::string> passed_by;
  };
  /// Once decided; complete as notes() is.
  [[nodiscard]] virtual Reasons reasons() const = 0;
  /// The session had said +OK when the scan timed out, see config::Waiting::refuse_again.
  virtual void note_timeout_after_ok() = 0;
};

/// How a worker's sessions get theirs. `limit` is the time until the verdict, from now on; after it
/// the cause is `timeout`.
using InspectionMaker = std::function<std::unique_ptr<Inspection>(
    std::shared_ptr<const Chain> chain, MessageFacts facts, Duration limit,
    Inspection::Owner& owner)>;

/// The usual maker. `host` must outlive what it makes, and so must the owner.
[[nodiscard]] InspectionMaker inspection_maker(const Host& host);

/// `host` and `owner` must outlive it.
[[nodiscard]] std::unique_ptr<Inspection> make_inspection(const Host& host,
                                                          std::shared_ptr<const Chain> chain,
                                                          MessageFacts facts, Duration limit,
                                                          Inspection::Owner& owner);

}  // namespace gatepost::filters
