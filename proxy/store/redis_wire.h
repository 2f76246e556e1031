#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/store/record_store.h"
#include "proxy/store/redis_reply.h"

// How records are kept in Redis. A hash for each account, {prefix}{{account}}: field: the name, 16
// octets; value: version, blank, value. A sorted set {prefix}accounts: those that have records, by
// the time of their last commit. A text {prefix}version: the last version that was given. One
// command uses all three: Redis Cluster is not supported.
namespace gatepost::store {

/// Accounts that are listed at most, whatever is asked for.
inline constexpr std::size_t kMaxAccountsListed = 100'000;

[[nodiscard]] std::string load_command(const std::string& prefix, const HashedName& account);
[[nodiscard]] std::string commit_command(const std::string& prefix, const HashedName& account,
                                         const std::vector<Write>& writes, std::int64_t now,
                                         std::size_t max_records);
[[nodiscard]] std::string accounts_command(const std::string& prefix, std::size_t limit);

// What comes back. Whatever it is: an error, or something that keeps the promises of RecordStore.

[[nodiscard]] Result<std::vector<Entry>> read_entries(RedisReply reply, std::size_t max_records);
[[nodiscard]] Result<RecordStore::Committed> read_committed(const RedisReply& reply,
                                                            std::size_t max_records);
[[nodiscard]] Result<std::vector<RecordStore::AccountInfo>> read_accounts(const RedisReply& reply);

}  // namespace gatepost::store
