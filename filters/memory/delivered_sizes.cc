#include "filters/memory/delivered_sizes.h"

#include <algorithm>
#include <mutex>
#include <string>

#include "filters/memory/hash_of_digest.h"
#include "proxy/base/bounded_table.h"

namespace gatepost::filters {

namespace {

/// With its length in front no part can pass for the end of the one before.
void add(Sha256& hash, std::string_view part) {
  hash.update(std::to_string(part.size()) + ":");
  hash.update(part);
}

void add(Sha256& hash, const Digest& digest) {
  hash.update({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace

struct DeliveredSizes::State {
  explicit State(std::size_t capacity)
      : entries(capacity), octets(std::max<std::size_t>(capacity, 1)) {}

  std::mutex mutex;
  const std::size_t entries;  // 0: the table stays empty
  BoundedTable<Digest, std::uint64_t, HashOfDigest> octets;
};

DeliveredSizes::DeliveredSizes(std::size_t entries) : state_(std::make_unique<State>(entries)) {}

DeliveredSizes::~DeliveredSizes() = default;

Digest DeliveredSizes::mailbox(std::string_view route, std::string_view user, const Chain& chain) {
  Sha256 hash;
  add(hash, route);
  add(hash, user);
  // All that makes a message longer or shorter: filters and scanners, then rules and the policy.
  add(hash, chain.fingerprint);
  add(hash, chain.rules_fingerprint);
  for (const config::Action action : chain.config.policy) {
    add(hash, std::to_string(static_cast<int>(action)));
  }
  const config::Notice& notice = chain.config.notice;
  for (const std::string* text :
       {&chain.config.tag_header, &chain.config.tag_subject, &notice.language, &notice.text_file,
        &notice.html_file, &notice.contact}) {
    add(hash, *text);
  }
  return hash.finish();
}

Digest DeliveredSizes::key(const Digest& mailbox, std::string_view uidl) {
  Sha256 hash;
  add(hash, mailbox);
  hash.update(uidl);
  return hash.finish();
}

std::optional<std::uint64_t> DeliveredSizes::find(const Digest& key) {
  const std::scoped_lock lock(state_->mutex);
  if (state_->octets.find(key) == nullptr) return std::nullopt;
  return state_->octets.touch(key);
}

void DeliveredSizes::remember(const Digest& key, std::uint64_t octets) {
  if (state_->entries == 0) return;
  const std::scoped_lock lock(state_->mutex);
  state_->octets.touch(key) = octets;
}

std::size_t DeliveredSizes::size() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->octets.size();
}

}  // namespace gatepost::filters
