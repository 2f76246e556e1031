#include "filters/memory/verdict_memory.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace gatepost::filters {

namespace {

struct HashOfDigest {
  /// A digest is random already.
  std::size_t operator()(const Digest& digest) const {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof(hash));
    return hash;
  }
};

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

/// The least used go first; what is too old is not found.
template <class Value>
class Table {
 public:
  struct Entry {
    Digest key{};
    Value value;
    Instant until;
  };

  [[nodiscard]] const Value* find(const Digest& key, Instant now) {
    const auto at = index_.find(key);
    if (at == index_.end()) return nullptr;
    if (at->second->until <= now) {
      drop(at->second);
      return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, at->second);
    return &at->second->value;
  }
  void put(const Digest& key, Value value, Instant until, std::size_t most) {
    if (const auto at = index_.find(key); at != index_.end()) drop(at->second);
    if (most == 0) return;
    while (entries_.size() >= most) drop(std::prev(entries_.end()));
    entries_.push_front({key, std::move(value), until});
    index_.emplace(key, entries_.begin());
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  void drop(typename std::list<Entry>::iterator entry) {
    index_.erase(entry->key);
    entries_.erase(entry);
  }
  std::list<Entry> entries_;
  std::unordered_map<Digest, typename std::list<Entry>::iterator, HashOfDigest> index_;
};

}  // namespace

struct VerdictMemory::State {
  std::mutex mutex;
  std::size_t entries = 0;
  std::chrono::seconds max_age{};
  Table<Judgement> verdicts;
  Table<bool> timeouts;
};

VerdictMemory::VerdictMemory(std::size_t entries, std::chrono::seconds max_age)
    : state_(std::make_unique<State>()) {
  state_->entries = entries;
  state_->max_age = max_age;
}

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
  const Judgement* found = state_->verdicts.find(key, now);
  if (found == nullptr) return std::nullopt;
  Judgement judgement = *found;
  judgement.remembered = true;
  return judgement;
}

void VerdictMemory::remember(const Digest& key, const Judgement& judgement, Instant now) {
  const bool passing =
      std::ranges::any_of(judgement.trail, [](const Opinion& o) { return o.verdict.passing(); });
  if (passing || weight(judgement) > kMaxJudgement) return;
  const std::scoped_lock lock(state_->mutex);
  state_->verdicts.put(key, judgement, now + state_->max_age, state_->entries);
}

void VerdictMemory::note_timeout(const Digest& content, Instant until) {
  const std::scoped_lock lock(state_->mutex);
  state_->timeouts.put(content, true, until, state_->entries);
}

bool VerdictMemory::timed_out_before(const Digest& content, Instant now) {
  const std::scoped_lock lock(state_->mutex);
  return state_->timeouts.find(content, now) != nullptr;
}

std::size_t VerdictMemory::size() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->verdicts.size();
}

}  // namespace gatepost::filters
