#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "filters/retention/counters.h"

namespace gatepost::filters {

/// A policy of config::Retention, ready for use. Immutable.
struct RetentionPolicy {
  config::RetentionPolicy config;
  /// Made by policy_for(): the account is under a legal hold. Its type is `keep` then (`read_only`
  /// stays), it is no dry run, and not even an administrator's purge removes anything.
  bool held = false;
  std::shared_ptr<PolicyCounters> counters;  ///< never null
  std::string path = {};                     ///< in the configuration: "/retention/policies/0"

  /// Whether a session under it needs a mailbox of its own; false: the client decides and upstream
  /// hears nothing but the client.
  [[nodiscard]] bool needs_book() const;
  /// Whether what the client deletes is what is removed: `client` with a brake, and dry runs.
  [[nodiscard]] bool client_decides() const;
  /// Whether what it decides stands in the store: all but `client`.
  [[nodiscard]] bool needs_store() const;
  /// For CAPA (RFC 2449 section 6.7): "NEVER", "30"; null: what upstream says. Of messages that the
  /// client leaves alone: where upstream itself says less, that is the truth.
  [[nodiscard]] std::optional<std::string> expire() const;
};

/// The policy of a user: `chosen`, or one that keeps everything if the user is under a legal hold
/// (compared case-blind). Null: the client decides. A hold of a user without a policy has counters
/// that nobody else sees: better hand a policy of type `client`.
[[nodiscard]] std::shared_ptr<const RetentionPolicy> policy_for(
    std::shared_ptr<const RetentionPolicy> chosen, const std::vector<std::string>& hold,
    std::string_view user);

/// Whether one of the patterns is that of the user.
[[nodiscard]] bool is_held(const std::vector<std::string>& hold, std::string_view user);

/// Which client of an account this is, by the first of config().devices that there is: "" if none
/// is. `suffix`: what the route cut off.
struct DeviceFacts {
  std::string_view certificate;
  std::string_view suffix;
  std::string_view network;  ///< the address, or the first 64 bits of IPv6
};
[[nodiscard]] std::string device_of(const config::RetentionPolicy& policy,
                                    const DeviceFacts& facts);

}  // namespace gatepost::filters
