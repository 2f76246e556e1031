#include "filters/rewrite/header_rules.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/message/header_edit.h"
#include "filters/message/header_scanner.h"
#include "filters/options.h"
#include "filters/rewrite/template_text.h"

namespace gatepost::filters {

namespace {

using What = HeaderEdit::What;

/// An edit whose value has yet to be filled in.
struct EditTemplate {
  HeaderEdit edit;
  TemplateText value;
};

class HeaderRule final : public Rule {
 public:
  HeaderRule(std::vector<EditTemplate> edits, std::vector<std::string> own)
      : edits_(std::move(edits)), own_(std::move(own)) {}

  [[nodiscard]] bool needs_body() const override { return false; }
  [[nodiscard]] std::vector<std::string> own_fields() const override { return own_; }
  [[nodiscard]] Result<void> apply(const RuleInput& input, RewritePlan& plan) const override {
    for (const EditTemplate& one : edits_) {
      HeaderEdit edit = one.edit;
      if (edit.what != What::rename) edit.value = one.value.fill(input);
      plan.edit_header(std::move(edit));
    }
    return {};
  }

 private:
  std::vector<EditTemplate> edits_;
  std::vector<std::string> own_;
};

HeaderEdit::Place place_of(Options& options) {
  return options.word("at", {"top", "end"}) == "end" ? HeaderEdit::Place::end
                                                     : HeaderEdit::Place::top;
}

TemplateText template_of(Options& options, const std::string& name, std::string_view text) {
  auto parsed = TemplateText::parse(text);
  if (parsed) return std::move(*parsed);
  options.wrong(name, parsed.error().detail);
  return {};
}

struct Line {
  std::string name;
  std::string value;
};

/// "Name: value". Wrong where the name is none.
std::vector<Line> lines_of(Options& options, const std::string& option) {
  std::vector<Line> lines;
  for (const std::string& text : options.texts(option)) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos || !is_field_name(text.substr(0, colon))) {
      options.wrong(option, "each must be \"Name: value\"");
      break;
    }
    const std::size_t value = std::min(text.find_first_not_of(" \t", colon + 1), text.size());
    lines.push_back({text.substr(0, colon), text.substr(value)});
  }
  return lines;
}

Result<std::shared_ptr<const Rule>> made(Options& options, std::vector<EditTemplate> edits,
                                         std::vector<std::string> own = {}) {
  if (auto checked = options.finish(); !checked) return std::unexpected(checked.error());
  return std::make_shared<const HeaderRule>(std::move(edits), std::move(own));
}

/// Lines that are added, or replace what is there.
std::vector<EditTemplate> line_edits(Options& options, What what) {
  std::vector<EditTemplate> edits;
  const HeaderEdit::Place place = place_of(options);
  for (const Line& line : lines_of(options, "lines")) {
    edits.push_back({{.what = what, .name = line.name, .value = {}, .place = place},
                     template_of(options, "lines", line.value)});
  }
  return edits;
}

}  // namespace

Result<std::shared_ptr<const Rule>> make_add_header_rule(const config::Filter& rule) {
  Options options(rule);
  std::vector<EditTemplate> edits = line_edits(options, What::add);
  std::vector<std::string> own;
  const bool remove = options.word("forged", {"remove", "keep"}) == "remove";
  for (const EditTemplate& one : edits) {
    if (remove && same_name(one.edit.name.substr(0, 2), "X-")) own.push_back(one.edit.name);
  }
  return made(options, std::move(edits), std::move(own));
}

Result<std::shared_ptr<const Rule>> make_replace_header_rule(const config::Filter& rule) {
  Options options(rule);
  return made(options, line_edits(options, What::replace));
}

Result<std::shared_ptr<const Rule>> make_remove_header_rule(const config::Filter& rule) {
  Options options(rule);
  std::vector<EditTemplate> edits;
  for (const std::string& name : options.texts("names")) {
    if (!is_field_name(name)) options.wrong("names", "each must be the name of a header field");
    edits.push_back({{.what = What::remove, .name = name, .value = {}}, {}});
  }
  return made(options, std::move(edits));
}

Result<std::shared_ptr<const Rule>> make_rename_header_rule(const config::Filter& rule) {
  Options options(rule);
  std::vector<EditTemplate> edits;
  for (const Line& line : lines_of(options, "names")) {
    if (!is_field_name(line.value)) options.wrong("names", "each must be \"Old-Name: New-Name\"");
    edits.push_back({{.what = What::rename, .name = line.name, .value = line.value}, {}});
  }
  return made(options, std::move(edits));
}

Result<std::shared_ptr<const Rule>> make_tag_subject_rule(const config::Filter& rule) {
  Options options(rule);
  const std::string tag = options.text("tag");
  if (tag.empty()) options.wrong("tag", "must be a text, not empty");
  std::vector<EditTemplate> edits;
  edits.push_back(
      {{.what = What::prefix, .name = "Subject", .value = {}}, template_of(options, "tag", tag)});
  return made(options, std::move(edits));
}

}  // namespace gatepost::filters
