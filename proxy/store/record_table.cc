#include "proxy/store/record_table.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proxy/base/compute.h"

namespace gatepost::store {

Ticket TableRecords::load(const HashedName& account, Loaded done) {
  return compute(
      background_, [table = table_, account] { return table->load(account); }, std::move(done));
}

Ticket TableRecords::commit(const HashedName& account, std::vector<Write> writes, std::int64_t now,
                            Done done) {
  return compute(
      background_,
      [table = table_, account, writes = std::move(writes), now] {
        return table->commit(account, writes, now);
      },
      std::move(done));
}

Ticket TableRecords::accounts(std::size_t limit, Accounts done) {
  return compute(
      background_, [table = table_, limit] { return table->accounts(limit); }, std::move(done));
}

Ticket TableRecords::check(Checked done) {
  return compute(background_, [table = table_] { return table->check(); }, std::move(done));
}

Result<void> check_writes(const std::vector<Write>& writes) {
  const auto longest =
      std::ranges::max_element(writes, {}, [](const Write& write) { return write.value.size(); });
  if (longest == writes.end() || longest->value.size() <= RecordStore::kMaxValue) return {};
  return fail(ErrorCode::limit, fmt::format("a record of {} octets: at most {}",
                                            longest->value.size(), RecordStore::kMaxValue));
}

std::unexpected<Error> too_many_records(std::size_t most) {
  return fail(ErrorCode::limit, fmt::format("an account has more than {} records", most));
}

}  // namespace gatepost::store
