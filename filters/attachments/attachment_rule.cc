#include "filters/attachments/attachment_rule.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "filters/attachments/attachment_judge.h"
#include "filters/attachments/attachment_settings.h"
#include "filters/attachments/attachment_text.h"

namespace gatepost::filters {

namespace {

std::string_view done_word(AttachmentAction action) {
  switch (action) {
    case AttachmentAction::strip:
      return "stripped";
    case AttachmentAction::rename:
      return "renamed";
    case AttachmentAction::notice:
    case AttachmentAction::quarantine:
    case AttachmentAction::refuse:
      break;
  }
  return "objected to";
}

std::optional<config::Action> stop_action(AttachmentAction action) {
  switch (action) {
    case AttachmentAction::strip:
    case AttachmentAction::rename:
      return std::nullopt;
    case AttachmentAction::notice:
      return config::Action::notice;
    case AttachmentAction::quarantine:
      return config::Action::quarantine;
    case AttachmentAction::refuse:
      return config::Action::refuse;
  }
  return config::Action::refuse;
}

class Attachments final : public Rule {
 public:
  Attachments(AttachmentSettings settings, std::shared_ptr<const FileTypes> types)
      : settings_(std::move(settings)), types_(std::move(types)) {}

  [[nodiscard]] bool needs_body() const override { return true; }
  [[nodiscard]] bool protects() const override { return true; }

  [[nodiscard]] Result<void> apply(const RuleInput& input, RewritePlan& plan) const override {
    const MimeStructure& structure = *input.structure;
    if (structure.too_complex) return fail(ErrorCode::limit, "the message has too many parts");
    AttachmentJudge judge(settings_, *types_);
    std::optional<AttachmentFinding> worst;
    for (std::size_t i = 0; i < structure.parts.size(); ++i) {
      if (plan.replaced(i)) continue;
      auto found = judge.judge(*input.text, structure.parts[i]);
      if (!found) return std::unexpected(found.error());
      if (found->objection == Objection::none) continue;
      plan.note(fmt::format("{} \"{}\" ({}): {}", done_word(settings_.action),
                            shown_name(found->name), shown_name(found->type),
                            objection_text(*found)));
      if (stop_action(settings_.action)) {
        if (!worst || worst->objection < found->objection) worst = *std::move(found);
      } else {
        change(structure.parts[i], i, *found, plan);
      }
    }
    if (worst) stop(*worst, plan);
    return {};
  }

 private:
  void change(const MimePart& part, std::size_t index, const AttachmentFinding& found,
              RewritePlan& plan) const {
    if (settings_.action == AttachmentAction::rename) {
      return plan.replace_content_fields(index, renamed_fields(part, found.name, settings_.suffix));
    }
    RemovalNote note = removal_note(found, *settings_.language);
    plan.replace_part(index, std::move(note.fields), std::move(note.body));
  }

  void stop(const AttachmentFinding& worst, RewritePlan& plan) const {
    const bool encrypted = worst.objection == Objection::encrypted;
    const std::string name = shown_name(worst.name.empty() ? worst.type : worst.name);
    plan.stop({*stop_action(settings_.action),
               Verdict::of(encrypted ? Cause::encrypted : Cause::attachment,
                           fmt::format("{}: {}", name, objection_text(worst)))});
  }

  AttachmentSettings settings_;
  std::shared_ptr<const FileTypes> types_;
};

}  // namespace

Result<std::shared_ptr<const Rule>> make_attachments(const config::Filter& filter) {
  auto settings = read_attachment_settings(filter);
  if (!settings) return std::unexpected(settings.error());
  if (auto checked = ArchiveLook::check_library(); !checked) {
    return std::unexpected(checked.error());
  }
  auto types = FileTypes::shared();
  if (!types) return std::unexpected(types.error());
  return std::make_shared<Attachments>(*std::move(settings), *std::move(types));
}

}  // namespace gatepost::filters
