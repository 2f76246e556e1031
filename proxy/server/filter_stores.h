#pragma once

#include <memory>
#include <optional>

#include "config/config.h"
#include "filters/memory/delivered_sizes.h"
#include "filters/memory/verdict_memory.h"
#include "filters/quarantine/quarantine.h"
#include "filters/spool/spool.h"
#include "proxy/base/error.h"
#include "proxy/metrics/exporter.h"
#include "proxy/process/privileges.h"

namespace gatepost::server {

/// Where messages and verdicts are kept; shared by all workers.
struct FilterStores {
  std::shared_ptr<filters::SpoolRoom> room;
  std::shared_ptr<filters::VerdictMemory> memory;
  std::shared_ptr<filters::DeliveredSizes> sizes;
  std::shared_ptr<filters::Quarantine> quarantine;  ///< null where there is none
};

/// Makes the quarantine's folder when it is not there, for whom we are to become: to be called
/// while we may still do that. Fails with `config`, the JSON path in front.
[[nodiscard]] Result<void> prepare_folders(const config::Config& config,
                                           const std::optional<process::Identity>& identity);

/// Those of `next`; what has the settings that it had when `stores` were those of `now` stays.
/// Looks whether we, as we are, can use the folders. Fails with `config`, the JSON path in front.
[[nodiscard]] Result<FilterStores> open_stores(const config::Config& next,
                                               const config::Config& now,
                                               const FilterStores& stores);

/// Whether messages of `config` can be spooled, by us as we are. Fails in the same way.
[[nodiscard]] Result<void> check_spool(const config::Config& config);

/// What `config` and `stores` have room for, with so many workers.
[[nodiscard]] metrics::RoomFacts room_facts(const config::Config& config,
                                            const FilterStores& stores, std::uint64_t workers);

}  // namespace gatepost::server
