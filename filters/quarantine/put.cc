#include <unistd.h>

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "filters/quarantine/state.h"

// Quarantine::put(): how the message of a spool gets there, in a thread of its own.

namespace gatepost::filters {

namespace {

constexpr std::size_t kPiece = 64 * 1024;

/// Reads a ready spool from front to back, in any thread. The spool must outlive it.
class SpoolPieces {
 public:
  explicit SpoolPieces(const Spool& spool)
      : pieces_(spool.memory()), file_(spool.file()), size_(spool.size()) {}

  Result<std::string_view> next() { return file_ < 0 ? next_in_memory() : next_in_file(); }

 private:
  Result<std::string_view> next_in_memory() {
    while (index_ < pieces_.size()) {
      const std::string_view piece = pieces_[index_++];
      if (!piece.empty()) return piece;
    }
    return std::string_view();
  }

  Result<std::string_view> next_in_file() {
    if (offset_ == size_) return std::string_view();
    buffer_.resize(kPiece);
    ssize_t got = 0;
    do {
      got = ::pread(file_, buffer_.data(), std::min<std::uint64_t>(kPiece, size_ - offset_),
                    static_cast<off_t>(offset_));
    } while (got < 0 && errno == EINTR);
    if (got < 0)
      return fail(ErrorCode::system,
                  fmt::format("spool: {}", std::generic_category().message(errno)));
    if (got == 0) return fail(ErrorCode::system, "spool: it ends too early");
    offset_ += static_cast<std::uint64_t>(got);
    return std::string_view(buffer_.data(), static_cast<std::size_t>(got));
  }

  std::vector<std::string_view> pieces_;
  std::size_t index_ = 0;
  const int file_;
  const std::uint64_t size_;
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
