#include "proxy/store/redis_records.h"

#include <utility>

#include "proxy/store/record_table.h"
#include "proxy/store/redis_wire.h"

namespace gatepost::store {

namespace {

/// Hands what `read` makes of the reply to `done`.
template <class Done, class Read>
RedisClient::Done reading(Done done, Read read) {
  return [done = std::move(done), read](Result<RedisReply> reply) mutable {
    if (!reply) return done(std::unexpected(reply.error()));
    done(read(*std::move(reply)));
  };
}

}  // namespace

RedisRecords::RedisRecords(const RedisTools& tools, std::shared_ptr<const RedisAccess> access,
                           std::size_t max_records)
    : tools_(tools),
      prefix_(access->config.prefix),
      max_records_(max_records),
      client_(tools, std::move(access)) {}

Ticket RedisRecords::load(const HashedName& account, Loaded done) {
  return client_.ask(load_command(prefix_, account),
                     reading(std::move(done), [most = max_records_](RedisReply reply) {
                       return read_entries(std::move(reply), most);
                     }));
}

Ticket RedisRecords::commit(const HashedName& account, std::vector<Write> writes, std::int64_t now,
                            Done done) {
  if (auto checked = check_writes(writes); !checked) {
    auto teller =
        tools_.timers.make_timer([done = std::move(done), error = checked.error()]() mutable {
          auto told = std::move(done);
          told(std::unexpected(std::move(error)));
        });
    teller->start(Duration(0));
    return Ticket([held = std::move(teller)]() mutable { held.reset(); });
  }
  return client_.ask(commit_command(prefix_, account, writes, now, max_records_),
                     reading(std::move(done), [most = max_records_](const RedisReply& reply) {
                       return read_committed(reply, most);
                     }));
}

Ticket RedisRecords::accounts(std::size_t limit, Accounts done) {
  return client_.ask(
      accounts_command(prefix_, limit),
      reading(std::move(done), [](const RedisReply& reply) { return read_accounts(reply); }));
}

Ticket RedisRecords::check(Checked done) {
  return client_.ask(redis_command({"PING"}),
                     reading(std::move(done), [](const RedisReply& reply) -> Result<void> {
                       if (reply.is_error()) return std::unexpected(error_of(reply));
                       return {};
                     }));
}

}  // namespace gatepost::store
