#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "filters/verdict.h"
#include "proxy/base/digest.h"
#include "proxy/base/timer.h"

namespace gatepost::filters {

/// Verdicts of messages seen before, so that the next device, or the same one tomorrow, does not
/// have them scanned again. Shared by all workers, thread-safe, bounded; the least used go first.
class VerdictMemory {
 public:
  /// Octets that a judgement may take up here; a larger one is not remembered.
  static constexpr std::size_t kMaxJudgement = 8 * 1024;

  VerdictMemory(std::size_t entries, std::chrono::seconds max_age);
  ~VerdictMemory();

  /// Depends on nothing that an upstream or a sender can choose freely but the content itself.
  [[nodiscard]] static Digest key(const Digest& content, std::string_view chain_fingerprint,
                                  std::string_view versions);
  [[nodiscard]] std::optional<Judgement> find(const Digest& key, Instant now);
  /// What holds a passing verdict is not remembered.
  void remember(const Digest& key, const Judgement& judgement, Instant now);

  /// The scan of this content ended in a time-out after +OK was said; see config::Waiting.
  void note_timeout(const Digest& content, Instant until);
  [[nodiscard]] bool timed_out_before(const Digest& content, Instant now);

  [[nodiscard]] std::size_t size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gatepost::filters
