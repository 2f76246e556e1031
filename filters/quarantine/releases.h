#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "filters/host.h"

/// What a session wants of the quarantine on behalf of its user, asked for in the background. It is
/// the quarantine that the session began with: that of the host may be another one by now, or none.
namespace gatepost::filters {

using Released = std::move_only_function<void(Result<std::vector<QuarantineRecord>>)>;

/// Quarantine::released().
[[nodiscard]] Ticket find_released(Background& background, std::shared_ptr<Quarantine> quarantine,
                                   std::string route, std::string user, Released done);

/// The original, read and verified before any of it is ready(); `on_activity` as with every Spool.
/// `host` must outlive it.
[[nodiscard]] std::shared_ptr<const Spool> fetch_released(
    const Host& host, std::shared_ptr<Quarantine> quarantine, std::uint64_t number,
    std::uint64_t octets, std::move_only_function<void()> on_activity);

/// Quarantine::delivered(). Once begun it is done, whatever becomes of the ticket.
[[nodiscard]] Ticket settle_released(Background& background, std::shared_ptr<Quarantine> quarantine,
                                     std::vector<std::uint64_t> numbers,
                                     std::move_only_function<void(Result<void>)> done);

}  // namespace gatepost::filters
