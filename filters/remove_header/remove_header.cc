#include "filters/remove_header/remove_header.h"

#include <optional>
#include <utility>

#include "filters/message/header_edit.h"
#include "filters/options.h"

namespace gatepost::filters {

namespace {

class RemoveHeader : public MessageFilter {
 public:
  explicit RemoveHeader(const std::vector<HeaderEdit>& edits) : edits_(edits) {}

  Result<FilterStatus> step(Input in, Output out) override {
    if (!editor_) editor_.emplace(std::move(edits_), out.pool);
    switch (editor_->step(in.bytes, in.end, out.bytes, out.room)) {
      case HeaderEditor::Progress::need_input:
        return FilterStatus::need_input;
      case HeaderEditor::Progress::need_room:
        return FilterStatus::need_room;
      case HeaderEditor::Progress::finished:
        break;
    }
    return FilterStatus::finished;
  }
  [[nodiscard]] std::size_t held() const override { return editor_ ? editor_->held() : 0; }

 private:
  std::vector<HeaderEdit> edits_;
  std::optional<HeaderEditor> editor_;
};

class RemoveHeaderKind : public FilterKind {
 public:
  explicit RemoveHeaderKind(std::vector<HeaderEdit> edits) : edits_(std::move(edits)) {}
  [[nodiscard]] std::unique_ptr<MessageFilter> make() const override {
    return std::make_unique<RemoveHeader>(edits_);
  }

 private:
  std::vector<HeaderEdit> edits_;
};

}  // namespace

Result<std::shared_ptr<const FilterKind>> make_remove_header(const config::Filter& filter) {
  Options options(filter);
  std::vector<HeaderEdit> edits;
  for (std::string& name : options.texts("names")) {
    if (!is_field_name(name)) options.wrong("names", "each must be the name of a header field");
    HeaderEdit edit;
    edit.what = HeaderEdit::What::remove;
    edit.name = std::move(name);
    edits.push_back(std::move(edit));
  }
  if (auto checked = options.finish(); !checked) return std::unexpected(checked.error());
  return std::make_shared<RemoveHeaderKind>(std::move(edits));
}

}  // namespace gatepost::filters
