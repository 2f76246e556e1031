#include "proxy/server/filter_stores.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "proxy/base/bytes.h"

namespace gatepost::server {

namespace {

std::unexpected<Error> at(std::string_view path, const Error& error) {
  return fail(ErrorCode::config, fmt::format("{}: {}", path, error.detail));
}

std::unexpected<Error> at(std::string_view path, const std::string& folder, int problem) {
  return at(path, system_failure(folder, problem).error());
}

}  // namespace

Result<void> prepare_folders(const config::Config& config,
                             const std::optional<process::Identity>& identity) {
  const std::string& folder = config.quarantine.folder;
  if (folder.empty()) return {};
  if (::mkdir(folder.c_str(), S_IRWXU) != 0) {
    // What is there belongs to whoever made it: opening it will tell.
    if (errno == EEXIST) return {};
    return at("/quarantine/folder", folder, errno);
  }
  if (identity && ::chown(folder.c_str(), identity->user, identity->group) != 0) {
    return at("/quarantine/folder", folder, errno);
  }
  return {};
}

Result<void> check_spool(const config::Config& config) {
  const bool spools = std::ranges::any_of(
      config.chains, [](const config::Chain& chain) { return !chain.scanners.empty(); });
  if (!spools) return {};
  const std::string& folder = config.spool.folder;
  struct stat facts{};
  if (::stat(folder.c_str(), &facts) != 0) return at("/spool/folder", folder, errno);
  if (!S_ISDIR(facts.st_mode)) return at("/spool/folder", folder, ENOTDIR);
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return at("/spool/folder", folder, errno);
  return {};
}

Result<FilterStores> open_stores(const config::Config& next, const config::Config& now,
                                 const FilterStores& stores) {
  FilterStores opened = stores;
  if (auto checked = check_spool(next); !checked) return std::unexpected(checked.error());
  if (!opened.room || next.spool != now.spool) {
    opened.room = std::make_shared<filters::SpoolRoom>(next.spool.folder, next.spool.max_message,
                                                       next.spool.max_total);
  }
  if (!opened.memory || next.verdict_memory != now.verdict_memory) {
    opened.memory = std::make_shared<filters::VerdictMemory>(next.verdict_memory.entries,
                                                             next.verdict_memory.max_age);
  }
  if (!opened.sizes || next.verdict_memory.entries != now.verdict_memory.entries) {
    opened.sizes = std::make_shared<filters::DeliveredSizes>(next.verdict_memory.entries);
  }
  if (next.quarantine.folder.empty()) {
    opened.quarantine.reset();
  } else if (!opened.quarantine || next.quarantine != now.quarantine) {
    auto quarantine = filters::Quarantine::open(next.quarantine);
    if (!quarantine) return at("/quarantine/folder", quarantine.error());
    opened.quarantine = std::move(*quarantine);
  }
  return opened;
}

metrics::RoomFacts room_facts(const config::Config& config, const FilterStores& stores,
                              std::uint64_t workers) {
  metrics::RoomFacts facts;
  facts.connections_limit = config.limits.connections;
  facts.io_blocks_limit = workers * (config.limits.memory / BlockPool::kBlockSize);
  if (stores.room) facts.spool_limit = stores.room->max_total();
  if (stores.quarantine) {
    facts.quarantine_octets = stores.quarantine->stored_octets();
    facts.quarantine_limit = stores.quarantine->max_octets();
  }
  return facts;
}

}  // namespace gatepost::server
