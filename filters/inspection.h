#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "filters/chain.h"
#include "filters/host.h"

namespace gatepost::filters {

/// One message on its way through a chain: takes its text as it comes from upstream, and gives what
/// the client is to get. In between it makes the text canonical, runs the filters, spools, asks the
/// memory and the scanners, applies the policy, and keeps the original in quarantine.
///
/// Nothing comes out before the verdict (of a chain without scanners: at once). What comes out is
/// what the scanners saw, but for the header lines that the policy or a scanner adds.
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

  /// `limit` is the time until the verdict, from now on; after it the cause is `timeout`.
  Inspection(const Host& host, std::shared_ptr<const Chain> chain, MessageFacts facts,
             Duration limit, Owner& owner);
  ~Inspection();  ///< gives up whatever is under way
  Inspection(const Inspection&) = delete;
  Inspection& operator=(const Inspection&) = delete;

  /// The next piece of the message, without dot-stuffing (DotDecoder::Form::unstuffed). Always
  /// taken, and perhaps dropped: a message that is refused has to be read to its end all the same.
  void feed(ByteChain&& text);
  /// The message is complete.
  void end();
  /// Feed again after on_inspection_activity().
  [[nodiscard]] bool congested() const;

  enum class Outcome : std::uint8_t {
    undecided,
    pass,     ///< take() gives a message: the original, tagged or not, or a notice
    refused,  ///< the client gets -ERR [SYS/TEMP] with refusal()
  };
  [[nodiscard]] Outcome outcome() const;
  [[nodiscard]] std::string_view refusal() const;

  enum class Progress : std::uint8_t { data, wait, end, broken };
  /// After `pass`: the next piece for the client is appended, canonical, not dot-stuffed; `out`
  /// grows by at most about 128 KiB. `broken`: the rest cannot be had (problem() says why); what
  /// went out must not look complete.
  [[nodiscard]] Progress take(ByteChain& out);
  [[nodiscard]] const std::string& problem() const;

  /// For the log, once decided.
  [[nodiscard]] Cause cause() const;
  [[nodiscard]] Action action() const;
  [[nodiscard]] const Judgement& judgement() const;
  [[nodiscard]] std::uint64_t octets() const;             ///< of the canonical message so far
  [[nodiscard]] std::uint64_t quarantine_number() const;  ///< 0: none
  /// The session had said +OK when the scan timed out, see config::Waiting::refuse_again.
  void note_timeout_after_ok();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gatepost::filters
