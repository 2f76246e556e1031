#include "filters/header_filter.h"

#include <optional>
#include <utility>

namespace gatepost::filters {

// This is how a filter works; one that does something else with a message is written like it.

namespace {

/// Works on one message, and is thrown away with it. All that it needs to know of the configuration
/// is a copy, or is held by a shared_ptr: a reload must not take it away.
class HeaderFilter : public MessageFilter {
 public:
  explicit HeaderFilter(const std::vector<HeaderEdit>& edits) : edits_(edits) {}

  /// Called again and again, with pieces that are cut anywhere, until it returns `finished`.
  Result<FilterStatus> step(Input in, Output out) override {
    // The pool is known only now, so the work begins here.
    if (!editor_) editor_.emplace(std::move(edits_), out.pool);
    // HeaderEditor moves what it can and says why it stopped, just as a filter has to. One that
    // works on the body would splice here (out.bytes.append(in.bytes.take(n)), nothing is copied),
    // and append(out.pool, text) what is new; it stops at out.room octets.
    switch (editor_->step(in.bytes, in.end, out.bytes, out.room)) {
      case HeaderEditor::Progress::need_input:
        return FilterStatus::need_input;  // only when in.bytes is empty, and in.end is not set
      case HeaderEditor::Progress::need_room:
        return FilterStatus::need_room;  // only when out.room is used up
      case HeaderEditor::Progress::finished:
        break;
    }
    // Only when in.end is set and everything is in out.bytes. Whatever cannot be done with a
    // message is an error instead, fail(ErrorCode::…, "why"): it is then treated as one that cannot
    // be scanned, never delivered by half.
    return FilterStatus::finished;
  }

  /// Octets that are in neither chain at the moment. Keep it bounded whatever a sender does.
  [[nodiscard]] std::size_t held() const override { return editor_ ? editor_->held() : 0; }

 private:
  std::vector<HeaderEdit> edits_;
  std::optional<HeaderEditor> editor_;
};

/// What was configured, checked once and shared by all workers: nothing here changes later.
class HeaderFilterKind : public FilterKind {
 public:
  explicit HeaderFilterKind(std::vector<HeaderEdit> edits) : edits_(std::move(edits)) {}
  [[nodiscard]] std::unique_ptr<MessageFilter> make() const override {
    return std::make_unique<HeaderFilter>(edits_);
  }

 private:
  std::vector<HeaderEdit> edits_;
};

}  // namespace

std::shared_ptr<const FilterKind> make_header_filter(std::vector<HeaderEdit> edits) {
  return std::make_shared<HeaderFilterKind>(std::move(edits));
}

}  // namespace gatepost::filters
