#include "filters/delivery.h"

#include <algorithm>
#include <utility>

namespace gatepost::filters {

Delivery::Delivery(BlockPool& pool, std::shared_ptr<const Spool> spool, std::vector<Splice> splices,
                   std::vector<HeaderEdit> edits, std::move_only_function<void()> on_activity)
    : spool_(std::move(spool)), on_activity_(std::move(on_activity)) {
  if (!splices.empty()) splicer_.emplace(std::move(splices), pool);
  if (!edits.empty()) editor_.emplace(std::move(edits), pool);
}

void Delivery::fail(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
}

/// Whether it got any further.
bool Delivery::read_spool() {
  if (spool_->failure()) {
    fail(spool_->failure()->detail);
    return false;
  }
  if (!spool_->ready()) return false;
  if (!reader_) reader_.emplace(spool_, [this] { on_activity_(); });
  switch (reader_->next(source_)) {
    case SpoolReader::Progress::data:
      return true;
    case SpoolReader::Progress::wait:
      return false;
    case SpoolReader::Progress::end:
      reader_.reset();
      spool_.reset();
      return true;
    case SpoolReader::Progress::failed:
      break;
  }
  fail(reader_->failure() ? reader_->failure()->detail : "the spool cannot be read");
  return false;
}

/// Puts more into source_, which is empty, or comes to know that there is no more.
bool Delivery::refill() {
  if (spool_) return read_spool();
  if (behind_.empty()) return false;
  source_.append(std::move(behind_));
  return true;
}

/// From source_ to `out`; says whether that was the end of the message.
bool Delivery::move(ByteChain& out, std::size_t room) {
  bool last = !spool_ && ended_ && behind_.empty();
  if (splicer_ && !all_spliced_ && spliced_.size() < kPiece) {
    const auto progress = splicer_->step(source_, last, spliced_, kPiece);
    all_spliced_ = progress == Splicer::Progress::finished;
  }
  ByteChain& from = splicer_ ? spliced_ : source_;
  if (splicer_) last = all_spliced_;
  if (editor_) return editor_->step(from, last, out, room) == HeaderEditor::Progress::finished;
  out.append(from.take(std::min(room, from.size())));
  return last && from.empty();
}

Delivery::Progress Delivery::take(ByteChain& out) {
  const std::size_t before = out.size();
  const std::size_t full = before + kPiece;
  while (!finished_ && out.size() < full) {
    const bool refilled = source_.empty() && refill();
    if (!problem_.empty()) break;
    const std::size_t had = source_.size() + spliced_.size();
    const std::size_t written = out.size();
    finished_ = move(out, full - written);
    if (!refilled && source_.size() + spliced_.size() == had && out.size() == written) break;
  }
  if (out.size() > before) return Progress::data;
  if (finished_) return Progress::end;
  return problem_.empty() ? Progress::wait : Progress::broken;
}

}  // namespace gatepost::filters
