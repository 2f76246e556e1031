// Any octets as what Redis says: the same replies however they arrive, and whatever they are, what
// a store makes of them keeps the promises of RecordStore.

#include <algorithm>
#include <string>
#include <vector>

#include "proxy/store/redis_reply.h"
#include "proxy/store/redis_wire.h"
#include "tests/fuzz/fuzz.h"

using namespace gatepost;
using namespace gatepost::store;
using fuzz::require;

namespace {

constexpr std::size_t kMaxOctets = 4'096;
constexpr std::size_t kMaxParts = 64;
constexpr std::size_t kMaxRecords = 16;

void count(const RedisReply& reply, std::size_t& parts) {
  ++parts;
  require(reply.items.empty() || reply.kind == RedisReply::Kind::list);
  for (const RedisReply& item : reply.items) count(item, parts);
}

bool same(const RedisReply& one, const RedisReply& other) {
  return one.kind == other.kind && one.number == other.number && one.text == other.text &&
         std::ranges::equal(one.items, other.items, same);
}

struct Heard {
  std::vector<RedisReply> replies;
  std::optional<ErrorCode> end;
};

Heard hear(std::string_view text, std::size_t piece) {
  RedisReader reader(kMaxOctets, kMaxParts);
  Heard heard;
  while (!text.empty() && !heard.end) {
    reader.feed(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
    for (;;) {
      auto reply = reader.next();
      if (!reply) heard.end = reply.error().code;
      if (!reply || !*reply) break;
      heard.replies.push_back(std::move(**reply));
    }
  }
  return heard;
}

void look_at(const RedisReply& reply) {
  std::size_t parts = 0;
  count(reply, parts);
  require(parts <= kMaxParts);
  if (reply.is_error()) require(error_of(reply).detail.size() <= 200);
  if (const auto entries = read_entries(reply, kMaxRecords)) {
    require(entries->size() <= kMaxRecords);
    require(std::ranges::adjacent_find(*entries, std::ranges::greater_equal(), &Entry::name) ==
            entries->end());
    for (const Entry& entry : *entries) {
      require(entry.version != 0 && !entry.value.empty());
      require(entry.value.size() <= RecordStore::kMaxValue);
    }
  }
  if (const auto committed = read_committed(reply, kMaxRecords)) {
    require(committed->written == committed->conflicts.empty());
    require(committed->written == reply.items.empty());
  }
  if (const auto accounts = read_accounts(reply)) {
    for (const auto& account : *accounts) require(account.written_at >= 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t piece = std::max<std::size_t>(input.octet(), 1);
  const Heard whole = hear(input.rest(), std::max<std::size_t>(input.rest().size(), 1));
  const Heard pieces = hear(input.rest(), piece);
  require(whole.end.has_value() == pieces.end.has_value());
  require(std::ranges::equal(whole.replies, pieces.replies, same));
  for (const RedisReply& reply : whole.replies) look_at(reply);
  return 0;
}
