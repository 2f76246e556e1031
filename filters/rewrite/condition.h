#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "filters/rewrite/rule.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// A config::When, checked and made ready.
class Condition {
 public:
  /// Of a pattern for a header; and memory that it may take.
  static constexpr std::size_t kMaxPattern = 2'000;
  static constexpr std::int64_t kMaxPatternMemory = 1024 * 1024;

  /// Fails with `config`: "/headers/0/pattern: …".
  [[nodiscard]] static Result<Condition> create(const config::When& when);

  /// Whether nothing was asked for: it holds for everything.
  [[nodiscard]] bool empty() const { return empty_; }
  /// Whether the size has to be known.
  [[nodiscard]] bool asks_for_size() const;
  /// Whether it has to be known if the message is external.
  [[nodiscard]] bool asks_for_origin() const { return when_.external.has_value(); }
  /// Where a message has several senders, or several fields of a name, one that fits is enough;
  /// with `every` all of them must: so that nobody gets out of a rule by one more.
  [[nodiscard]] bool holds(const RuleInput& input, bool every = false) const;

 private:
  struct Patterns;
  [[nodiscard]] bool sender_fits(std::string_view header, bool every) const;
  config::When when_;
  std::shared_ptr<const Patterns> patterns_;
  bool empty_ = true;
};

}  // namespace gatepost::filters
