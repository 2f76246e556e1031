#include <algorithm>
#include <utility>

#include "filters/spool/spool.h"

namespace gatepost::filters {

struct SpoolReader::State {
  /// One piece on its way from the file; a worker's thread has it while `reading`.
  struct Read {
    std::shared_ptr<const Spool> spool;
    std::uint64_t offset = 0;
    std::string text;
    std::optional<Error> failure;
    void run() {
      if (auto done = spool->read(offset, text); !done) failure = done.error();
    }
  };

  std::shared_ptr<const Spool> spool;
  std::move_only_function<void()> on_activity;
  std::uint64_t offset = 0;  // of what is not in `piece` and was not given
  std::shared_ptr<Read> piece;
  bool reading = false;
  std::optional<Error> failure;
  Ticket ticket;
};

SpoolReader::SpoolReader(std::shared_ptr<const Spool> spool,
                         std::move_only_function<void()> on_activity)
    : state_(std::make_unique<State>()) {
  state_->spool = std::move(spool);
  state_->on_activity = std::move(on_activity);
}

SpoolReader::~SpoolReader() = default;

SpoolReader::Progress SpoolReader::next(ByteChain& out) {
  State& s = *state_;
  if (s.failure) return Progress::failed;
  if (s.reading) return Progress::wait;
  if (const auto read = std::exchange(s.piece, nullptr)) {
    if (read->failure) {
      s.failure = read->failure;
      return Progress::failed;
    }
    // Copied: blocks of the pool are for the loop's thread only.
    out.append(s.spool->pool(), read->text);
    s.offset += read->text.size();
    return Progress::data;
  }
  const std::uint64_t left = s.spool->size() - s.offset;
  if (left == 0) return Progress::end;
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, kPiece));
  if (s.spool->file() < 0) {
    out.append(s.spool->pool(), s.spool->memory().substr(s.offset, size));
    s.offset += size;
    return Progress::data;
  }
  s.piece = std::make_shared<State::Read>();
  s.piece->spool = s.spool;
  s.piece->offset = s.offset;
  s.piece->text.resize(size);
  s.reading = true;
  s.ticket = s.spool->background().run([read = s.piece] { read->run(); },
                                       [&s] {
                                         s.reading = false;
                                         s.on_activity();
                                       });
  return Progress::wait;
}

const std::optional<Error>& SpoolReader::failure() const { return state_->failure; }

}  // namespace gatepost::filters
