#include "filters/add_header/add_header.h"

#include <optional>
#include <utility>

#include "filters/message/header_edit.h"
#include "filters/options.h"

namespace gatepost::filters {

namespace {

/// Works on one message, and is thrown away with it. All that it needs to know of the configuration
/// is a copy, or is held by a shared_ptr: a reload must not take it away.
class AddHeader : public MessageFilter {
 public:
  explicit AddHeader(const std::vector<HeaderEdit>& edits) : edits_(edits) {}

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
class AddHeaderKind : public FilterKind {
 public:
  explicit AddHeaderKind(std::vector<HeaderEdit> edits) : edits_(std::move(edits)) {}
  [[nodiscard]] std::unique_ptr<MessageFilter> make() const override {
    return std::make_unique<AddHeader>(edits_);
  }

 private:
  std::vector<HeaderEdit> edits_;
};

}  // namespace

Result<std::shared_ptr<const FilterKind>> make_add_header(const config::Filter& filter) {
  Options options(filter);
  std::vector<HeaderEdit> edits;
  const bool end = options.word("at", {"top", "end"}) == "end";
  for (const std::string& line : options.texts("lines")) {
    HeaderEdit edit;
    edit.what = HeaderEdit::What::add;
    edit.place = end ? HeaderEdit::Place::end : HeaderEdit::Place::top;
    const std::size_t colon = std::min(line.find(':'), line.size());
    edit.name = line.substr(0, colon);
    if (colon < line.size()) edit.value = line.substr(colon + 1);
    // All is checked here, so that nothing can go wrong with a message.
    if (!is_field_name(edit.name) || colon == line.size()) {
      options.wrong("lines", "each must be a header line, \"Name: value\"");
    }
    edits.push_back(std::move(edit));
  }
  if (auto checked = options.finish(); !checked) return std::unexpected(checked.error());
  return std::make_shared<AddHeaderKind>(std::move(edits));
}

}  // namespace gatepost::filters
