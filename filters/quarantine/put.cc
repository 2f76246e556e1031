#include <algorithm>
#include <optional>
#include <utility>

#include "filters/quarantine/state.h"
#include "proxy/base/compute.h"

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
  auto work = [state = state_, message = std::move(message), record = std::move(record)]() mutable {
    SpoolPieces pieces(*message);
    return state->keep(message->digest(), [&pieces] { return pieces.next(); }, std::move(record));
  };
  return compute(background, std::move(work), std::move(done));
}

}  // namespace gatepost::filters
