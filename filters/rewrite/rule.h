#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "filters/message/mime_scanner.h"
#include "filters/rewrite/message_text.h"
#include "filters/rewrite/rewrite_plan.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// What is known of a message when its rules are applied: after the verdict.
struct RuleInput {
  std::string user;            ///< as the client named itself
  std::string client_address;  ///< without port; empty over a Unix socket
  std::string route;
  std::string verdict;  ///< "clean", "spam", … (config::kCauseNames); "" without scanners
  std::optional<double> score;
  std::uint64_t size = 0;   ///< octets; 0: not known yet
  bool external = false;    ///< not from one of our own (config::Internal)
  std::string_view header;  ///< of the message: all its lines, without the empty one
  /// Null for a rule that does not need the body.
  const MessageText* text = nullptr;
  const MimeStructure* structure = nullptr;
};

/// A configured rule. Immutable, shared by all messages and threads.
class Rule {
 public:
  virtual ~Rule() = default;
  /// Whether it looks at more than the header: the message is complete then, and `text` and
  /// `structure` are set.
  [[nodiscard]] virtual bool needs_body() const = 0;
  /// Whether it keeps something from users, so that a message of which it cannot see all must not
  /// get past it: pieces of messages (message/partial) then are a cause of their own.
  [[nodiscard]] virtual bool protects() const { return false; }
  /// Names of header fields that are this rule's word alone: the gateway takes them out of every
  /// message that comes in, also where the rule does not apply.
  [[nodiscard]] virtual std::vector<std::string> own_fields() const { return {}; }
  /// Says in `plan` what is to become of the message; what rules before it wished is there already.
  /// May block and take its time, in any thread. An error gives the message up: it is then
  /// `unscannable`.
  [[nodiscard]] virtual Result<void> apply(const RuleInput& input, RewritePlan& plan) const = 0;
};

/// By the name of its type (filters/rewrite/rules.cc). Errors as of make_filter().
[[nodiscard]] Result<std::shared_ptr<const Rule>> make_rule(const config::Filter& rule);
/// All names that make_rule() knows.
[[nodiscard]] std::vector<std::string> rule_types();

}  // namespace gatepost::filters
