#include <algorithm>
#include <optional>
#include <utility>

#include "filters/quarantine/state.h"

// Quarantine::put(): how the message of a spool gets there, in a thread of its own.

namespace gatepost::filters {

namespace {

constexpr std::size_t kPiece = 64 * 1024;

/// Reads a ready spool from front to back, in any thread. The spool must outlive it.
class SpoolPieces {
 public:
  explicit SpoolPieces(const Spool& spool) : spool_(spool) {}

  Result<std::string_view> next() {
    buffer_.resize(std::min<std::uint64_t>(kPiece, spool_.size() - offset_));
    if (auto done = spool_.read(offset_, buffer_); !done) return std::unexpected(done.error());
    offset_ += buffer_.size();
    return std::string_view(buffer_);
  }

 private:
  const Spool& spool_;
  std::uint64_t offset_ = 0;
  std::string buffer_;
};

}  // namespace

Ticket Quarantine::put(Background& background, std::shared_ptr<const Spool> message,
                       QuarantineRecord record, Stored done) {
  // Both closures share it: one writes it, then the other reads it.
  auto result = std::make_shared<std::optional<Result<std::uint64_t>>>();
  auto work = [state = state_, message = std::move(message), record = std::move(record),
               result]() mutable {
    SpoolPieces pieces(*message);
    *result =
        state->keep(message->digest(), [&pieces] { return pieces.next(); }, std::move(record));
  };
  return background.run(std::move(work),
                        [result, done = std::move(done)]() mutable { done(result->value()); });
}

}  // namespace gatepost::filters
