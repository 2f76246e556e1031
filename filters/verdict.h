#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "filters/message/header_edit.h"

namespace gatepost::filters {

using config::Action;
using config::Cause;

/// "infected", "not_understood", …: labels of metrics and words of the log.
[[nodiscard]] std::string_view to_string(Cause cause);
[[nodiscard]] std::string_view to_string(Action action);

/// Whether nobody knows what is in the message.
[[nodiscard]] bool no_verdict(Cause cause);

/// What one scanner says. There is no way to make a clean verdict by accident.
struct Verdict {
  /// Of a threat's name or an explanation: longer ones are cut, and octets outside printable ASCII
  /// become '?'.
  static constexpr std::size_t kMaxDetail = 200;
  static constexpr std::size_t kMaxEdits = 64;

  Cause cause = Cause::not_understood;
  std::string detail;  ///< the threat, or what went wrong
  std::optional<double> score;
  std::vector<HeaderEdit> edits;

  [[nodiscard]] static Verdict clean() { return of(Cause::clean, {}); }
  /// The only way for a peer's text into a verdict.
  [[nodiscard]] static Verdict of(Cause cause, std::string_view detail);
  /// Whether asking again may give another answer: never remembered.
  [[nodiscard]] bool passing() const;
};

/// A verdict with who gave it.
struct Opinion {
  std::string scanner;
  Verdict verdict;
  Duration took{};
};

/// What all scanners of a chain say together.
struct Judgement {
  std::vector<Opinion> trail;  ///< every scanner's, as configured
  bool remembered = false;     ///< nobody was asked

  /// The worst: what stops a message goes before what lets it pass, then the order of Cause. Null
  /// if there is nobody.
  [[nodiscard]] const Opinion* worst(const config::Policy& policy) const;
  /// "clamd=infected(Eicar-Test-Signature) rspamd=clean", for the log.
  [[nodiscard]] std::string to_string() const;
};

}  // namespace gatepost::filters
