#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "config/config.h"
#include "filters/retention/counters.h"
#include "filters/retention/record.h"

/// What a policy says about one message, by its record alone. Nothing here knows whether the client
/// decides after all (RetentionPolicy::client_decides()), or of holds.
namespace gatepost::filters {

/// Whether a client does not see it. `device`: null: nothing tells it apart, so what is hidden from
/// single devices is not hidden from it.
[[nodiscard]] bool is_hidden(const config::RetentionPolicy& policy, const Record& record,
                             std::optional<std::uint64_t> device);

enum class RemovalCause : std::uint8_t {
  client,  ///< DELE of the client
  period,  ///< its time has come
  purge,   ///< the administrator asked for it
};

struct Due {
  std::int64_t since = 0;  ///< when it may go
  RemovalCause cause = RemovalCause::period;
};
/// When it may go without the client's DELE, guards aside: by the policy's period, or by a purge.
/// An undelete starts the period anew. Null: as things stand, never.
[[nodiscard]] std::optional<Due> due_of(const config::RetentionPolicy& policy,
                                        const Record& record);

/// What keeps it all the same.
[[nodiscard]] std::optional<RetentionGuard> guard_of(const Record& record);

/// Whether periods run from the first sight, which has to be noted then.
[[nodiscard]] bool needs_first_sight(const config::RetentionPolicy& policy);

/// How many of `messages` may be removed in one session: the smaller one of both limits.
[[nodiscard]] std::size_t brake_limit(const config::Brake& brake, std::size_t messages);

/// For audit lines: "deleted by the client", "30d after it was seen", …
[[nodiscard]] std::string removal_reason(const config::RetentionPolicy& policy, RemovalCause cause);

}  // namespace gatepost::filters
