#include "filters/memory/verdict_memory.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <variant>

#include "filters/memory/hash_of_digest.h"
#include "proxy/base/bounded_table.h"

namespace gatepost::filters {

namespace {

std::size_t weight(const Judgement& judgement) {
  std::size_t octets = 0;
  for (const Opinion& opinion : judgement.trail) {
    octets += sizeof(Opinion) + opinion.scanner.size() + opinion.verdict.detail.size();
    for (const HeaderEdit& edit : opinion.verdict.edits) {
      octets += sizeof(HeaderEdit) + edit.name.size() + edit.value.size();
    }
  }
  return octets;
}

template <class Value>
struct Aging {
  Value value;
  Instant until;
};
/// The least used go first.
template <class Value>
using Table = BoundedTable<Digest, Aging<Value>, HashOfDigest>;

/// Null, too, for what is too old, which goes.
template <class Value>
const Value* find_young(Table<Value>& table, const Digest& key, Instant now) {
  const Aging<Value>* const found = table.find(key);
  if (found == nullptr) return nullptr;
  if (found->until > now) return &table.touch(key).value;
  table.erase(key);
  return nullptr;
}

}  // namespace

struct VerdictMemory::State {
  State(std::size_t capacity, std::chrono::seconds age)
      : entries(capacity),
        max_age(age),
        verdicts(std::max<std::size_t>(capacity, 1)),
        timeouts(std::max<std::size_t>(capacity, 1)) {}

  std::mutex mutex;
  const std::size_t entries;  // 0: both tables stay empty
  const std::chrono::seconds max_age;
  Table<Judgement> verdicts;
  Table<std::monostate> timeouts;
};

VerdictMemory::VerdictMemory(std::size_t entries, std::chrono::seconds max_age)
    : state_(std::make_unique<State>(entries, max_age)) {}

VerdictMemory::~VerdictMemory() = default;

Digest VerdictMemory::key(const Digest& content, std::string_view chain_fingerprint,
                          std::string_view versions) {
  Sha256 hash;
  hash.update({reinterpret_cast<const char*>(content.data()), content.size()});
  // With its length in front no part can pass for the end of the one before.
  hash.update(std::to_string(chain_fingerprint.size()) + ":");
  hash.update(chain_fingerprint);
  hash.update(versions);
  return hash.finish();
}

std::optional<Judgement> VerdictMemory::find(const Digest& key, Instant now) {
  const std::scoped_lock lock(state_->mutex);
  const Judgement* found = find_young(state_->verdicts, key, now);
  if (found == nullptr) return std::nullopt;
  Judgement judgement = *found;
  judgement.remembered = true;
  return judgement;
}

void VerdictMemory::remember(const Digest& key, const Judgement& judgement, Instant now) {
  const bool passing =
      std::ranges::any_of(judgement.trail, [](const Opinion& o) { return o.verdict.passing(); });
  if (state_->entries == 0 || passing || weight(judgement) > kMaxJudgement) return;
  const std::scoped_lock lock(state_->mutex);
  state_->verdicts.touch(key) = {judgement, now + state_->max_age};
}

void VerdictMemory::note_timeout(const Digest& content, Instant until) {
  if (state_->entries == 0) return;
  const std::scoped_lock lock(state_->mutex);
  state_->timeouts.touch(content) = {{}, until};
}

bool VerdictMemory::timed_out_before(const Digest& content, Instant now) {
  const std::scoped_lock lock(state_->mutex);
  return find_young(state_->timeouts, content, now) != nullptr;
}

std::size_t VerdictMemory::size() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->verdicts.size();
}

}  // namespace gatepost::filters
