#include "proxy/store/redis_wire.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "proxy/store/record_table.h"

namespace gatepost::store {

namespace {

using Kind = RedisReply::Kind;

// A script runs alone, and its writes reach the file and the replicas together. But an error does
// not undo what it wrote before: everything is looked at first.
//
// A version is the time in microseconds, or one more than the last if that is later: so none is
// used again, not even when a failover has lost the last commits.
//
// Each write: name, version that is expected (0: none), blank, value. Answers with the names that
// have another version, or LIMIT.
constexpr std::string_view kCommit = R"lua(
local account, accounts, counter = KEYS[1], KEYS[2], KEYS[3]
local now, max_records = ARGV[1], tonumber(ARGV[2])
redis.call('ZCARD', accounts)
local time = redis.call('TIME')
local version = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = tonumber(redis.call('GET', counter) or '0')
if version <= last then version = last + 1 end
version = string.format('%.0f', version)

local conflicts, growth = {}, 0
for i = 3, #ARGV do
  local name = string.sub(ARGV[i], 1, 16)
  local blank = string.find(ARGV[i], ' ', 17, true)
  local expected = string.sub(ARGV[i], 17, blank - 1)
  local kept = redis.call('HGET', account, name)
  local has = '0'
  if kept then has = string.match(kept, '^(%d+) ') end
  if has ~= expected then
    conflicts[#conflicts + 1] = name
  elseif blank == #ARGV[i] then
    if kept then growth = growth - 1 end
  elseif not kept then
    growth = growth + 1
  end
end
if #conflicts > 0 then return conflicts end
if growth > 0 and redis.call('HLEN', account) + growth > max_records then
  return redis.status_reply('LIMIT')
end

redis.call('SET', counter, version)
for i = 3, #ARGV do
  local name = string.sub(ARGV[i], 1, 16)
  local blank = string.find(ARGV[i], ' ', 17, true)
  if blank == #ARGV[i] then
    redis.call('HDEL', account, name)
  else
    redis.call('HSET', account, name, version .. string.sub(ARGV[i], blank))
  end
end
local member = string.match(account, '{(%x+)}$')
if redis.call('EXISTS', account) == 1 then
  redis.call('ZADD', accounts, now, member)
else
  redis.call('ZREM', accounts, member)
end
return {}
)lua";

// Name, time and number of records of each.
constexpr std::string_view kAccounts = R"lua(
if ARGV[1] == '0' then return {} end
local found = redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')
local reply = {}
for i = 1, #found, 2 do
  reply[#reply + 1] = found[i]
  reply[#reply + 1] = found[i + 1]
  reply[#reply + 1] = redis.call('HLEN', ARGV[2] .. '{' .. found[i] .. '}')
end
return reply
)lua";

std::string hex(const HashedName& name) {
  return fmt::format("{:02x}", fmt::join(name.octets, ""));
}
std::string account_key(const std::string& prefix, const HashedName& account) {
  return prefix + "{" + hex(account) + "}";
}

std::string_view octets(const HashedName& name) {
  return {reinterpret_cast<const char*>(name.octets.data()), name.octets.size()};
}
std::optional<HashedName> name_of_octets(std::string_view text) {
  HashedName name;
  if (text.size() != name.octets.size()) return std::nullopt;
  std::ranges::copy(text, name.octets.begin());
  return name;
}
std::optional<HashedName> name_of_hex(std::string_view text) {
  HashedName name;
  if (text.size() != 2 * name.octets.size()) return std::nullopt;
  for (std::uint8_t& octet : name.octets) {
    const auto read = std::from_chars(text.data(), text.data() + 2, octet, 16);
    if (read.ec != std::errc() || read.ptr != text.data() + 2) return std::nullopt;
    text.remove_prefix(2);
  }
  return name;
}

/// All of `text` as a number that is not negative.
template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  if (number < 0) return std::nullopt;
  return number;
}

/// A field of an account's hash and its value.
std::optional<Entry> entry_of(const RedisReply& field, RedisReply& value) {
  if (field.kind != Kind::text || value.kind != Kind::text) return std::nullopt;
  const auto name = name_of_octets(field.text);
  const std::size_t blank = value.text.find(' ');
  if (!name || blank == std::string::npos) return std::nullopt;
  const auto version = number_of<std::uint64_t>(std::string_view(value.text).substr(0, blank));
  value.text.erase(0, blank + 1);
  const bool good_size = !value.text.empty() && value.text.size() <= RecordStore::kMaxValue;
  if (!version || *version == 0 || !good_size) return std::nullopt;
  return Entry{*name, *version, std::move(value.text)};
}

}  // namespace

std::string load_command(const std::string& prefix, const HashedName& account) {
  return redis_command({"HGETALL", account_key(prefix, account)});
}

std::string commit_command(const std::string& prefix, const HashedName& account,
                           const std::vector<Write>& writes, std::int64_t now,
                           std::size_t max_records) {
  const std::vector<std::string> head = {account_key(prefix, account), prefix + "accounts",
                                         prefix + "version", std::to_string(now),
                                         std::to_string(max_records)};
  std::vector<std::string> packed;
  packed.reserve(writes.size());
  for (const Write& write : writes) {
    packed.push_back(fmt::format("{}{} {}", octets(write.name), write.expected, write.value));
  }
  std::vector<std::string_view> words = {"EVAL", kCommit, "3"};
  words.insert(words.end(), head.begin(), head.end());
  words.insert(words.end(), packed.begin(), packed.end());
  return redis_command(words);
}

std::string accounts_command(const std::string& prefix, std::size_t limit) {
  const std::string key = prefix + "accounts";
  const std::string most = std::to_string(std::min(limit, kMaxAccountsListed));
  return redis_command({"EVAL", kAccounts, "1", key, most, prefix});
}

Result<std::vector<Entry>> read_entries(RedisReply reply, std::size_t max_records) {
  if (reply.is_error()) return std::unexpected(error_of(reply));
  if (reply.kind != Kind::list || reply.items.size() % 2 != 0) return not_an_answer("HGETALL");
  if (reply.items.size() / 2 > max_records) return too_many_records(max_records);
  std::vector<Entry> entries;
  entries.reserve(reply.items.size() / 2);
  for (std::size_t i = 0; i < reply.items.size(); i += 2) {
    auto entry = entry_of(reply.items[i], reply.items[i + 1]);
    if (!entry) return fail(ErrorCode::protocol, "Redis: a record is not understood");
    entries.push_back(*std::move(entry));
  }
  std::ranges::sort(entries, {}, &Entry::name);
  if (std::ranges::adjacent_find(entries, {}, &Entry::name) != entries.end()) {
    return fail(ErrorCode::protocol, "Redis: a record came twice");
  }
  return entries;
}

Result<RecordStore::Committed> read_committed(const RedisReply& reply, std::size_t max_records) {
  if (reply.is_error()) return std::unexpected(error_of(reply));
  if (reply.kind == Kind::status && reply.text == "LIMIT") return too_many_records(max_records);
  if (reply.kind != Kind::list) return not_an_answer("a commit");
  RecordStore::Committed outcome;
  for (const RedisReply& item : reply.items) {
    const auto name = name_of_octets(item.text);
    if (item.kind != Kind::text || !name) return not_an_answer("a commit");
    outcome.conflicts.push_back(*name);
  }
  outcome.written = outcome.conflicts.empty();
  return outcome;
}

Result<std::vector<RecordStore::AccountInfo>> read_accounts(const RedisReply& reply) {
  if (reply.is_error()) return std::unexpected(error_of(reply));
  constexpr std::size_t kParts = 3;
  if (reply.kind != Kind::list || reply.items.size() % kParts != 0) {
    return not_an_answer("a list of accounts");
  }
  std::vector<RecordStore::AccountInfo> found;
  for (std::size_t i = 0; i < reply.items.size(); i += kParts) {
    const auto name = name_of_hex(reply.items[i].text);
    const auto written_at = number_of<std::int64_t>(reply.items[i + 1].text);
    const RedisReply& records = reply.items[i + 2];
    if (!name || !written_at || records.kind != Kind::number || records.number < 0) {
      return not_an_answer("a list of accounts");
    }
    found.push_back({*name, *written_at, static_cast<std::uint64_t>(records.number)});
  }
  return found;
}

}  // namespace gatepost::store
