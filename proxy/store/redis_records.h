#pragma once

#include <memory>
#include <string>

#include "proxy/store/record_store.h"
#include "proxy/store/redis_client.h"

namespace gatepost::store {

/// Records in Redis or Valkey (5 or newer), for several gateways: one object a worker. They are as
/// durable as the server is told to be ("appendonly yes", "appendfsync always"), see warning().
class RedisRecords final : public RecordStore {
 public:
  RedisRecords(const RedisTools& tools, std::shared_ptr<const RedisAccess> access,
               std::size_t max_records = kMaxRecords);

  [[nodiscard]] Ticket load(const HashedName& account, Loaded done) override;
  [[nodiscard]] Ticket commit(const HashedName& account, std::vector<Write> writes,
                              std::int64_t now, Done done) override;
  [[nodiscard]] Ticket accounts(std::size_t limit, Accounts done) override;
  [[nodiscard]] Ticket check(Checked done) override;

  /// Why the server may forget what it was told; empty: no reason known, or not connected yet.
  [[nodiscard]] const std::string& warning() const { return client_.warning(); }

 private:
  const RedisTools tools_;
  const std::string prefix_;
  const std::size_t max_records_;
  RedisClient client_;
};

}  // namespace gatepost::store
