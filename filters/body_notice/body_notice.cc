#include "filters/body_notice/body_notice.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/body_notice/notice_forms.h"
#include "filters/body_notice/own_text.h"
#include "filters/message/charset.h"
#include "filters/options.h"
#include "filters/rewrite/template_text.h"
#include "filters/small_file.h"

namespace gatepost::filters {

namespace {

class BodyNotice final : public Rule {
 public:
  struct Settings {
    TemplateText text;
    TemplateText html;
    NoticePlace place = NoticePlace::top;
    bool wrap_protected = false;
    bool wrap_no_text = true;
  };
  explicit BodyNotice(Settings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] bool needs_body() const override { return true; }

  [[nodiscard]] Result<void> apply(const RuleInput& input, RewritePlan& plan) const override {
    const MimeStructure& structure = *input.structure;
    const Notice notice = fill(input);
    OwnText own = find_own_text(structure);
    std::erase_if(own.parts, [&plan](std::size_t index) { return plan.replaced(index); });
    if (own.is_protected) {
      // Mail programs open S/MIME at the top only: within a multipart nobody could read it.
      if (!structure.parts.front().is_multipart()) {
        plan.note("notice not added: S/MIME");
        return {};
      }
      return put_in_front(structure, notice, settings_.wrap_protected, "signed or encrypted", plan);
    }
    if (own.parts.empty()) {
      return put_in_front(structure, notice, settings_.wrap_no_text, "no text", plan);
    }
    if (own.odd) return put_in_front(structure, notice, true, "ambiguous", plan);
    std::vector<Inserted> all;
    for (const std::size_t index : own.parts) {
      const auto content = plan.content(index);
      if (!content && content.error().code != ErrorCode::limit) {
        return std::unexpected(content.error());
      }
      if (!content) return put_in_front(structure, notice, true, "too large", plan);
      if (has_inline_pgp(*content)) {
        return put_in_front(structure, notice, settings_.wrap_protected, "signed or encrypted",
                            plan);
      }
      auto inserted = insert_notice(structure.parts[index], *content, notice, settings_.place);
      if (!inserted) return put_in_front(structure, notice, true, "another charset", plan);
      all.push_back(*std::move(inserted));
    }
    put_in(structure, own.parts, all, plan);
    return {};
  }

 private:
  [[nodiscard]] Notice fill(const RuleInput& input) const {
    return {notice_lines(settings_.text.fill(input)),
            ascii_html(settings_.html.fill(input, TemplateText::Escape::html))};
  }

  static void put_in(const MimeStructure& structure, const std::vector<std::size_t>& parts,
                     const std::vector<Inserted>& all, RewritePlan& plan) {
    std::string where;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (all[i].text.empty()) continue;
      plan.insert(parts[i], all[i].offset, all[i].text);
      if (!all[i].charset.empty()) plan.set_charset(parts[i], all[i].charset);
      where += (where.empty() ? "" : ", ") + structure.parts[parts[i]].type();
    }
    plan.note(where.empty() ? "notice not added: it is there" : "notice added to " + where);
  }

  /// `wrap`: a part of its own in front; otherwise nothing is done.
  [[nodiscard]] static Result<void> put_in_front(const MimeStructure& structure,
                                                 const Notice& notice, bool wrap,
                                                 std::string_view why, RewritePlan& plan) {
    if (!wrap) {
      plan.note(fmt::format("notice not added: {}", why));
      return {};
    }
    auto there = begins_with_notice(structure, notice, plan);
    if (!there) return std::unexpected(there.error());
    if (*there) {
      plan.note("notice not added: it is there");
      return {};
    }
    plan.wrap(notice_part(notice));
    plan.note(fmt::format("notice added in front: {}", why));
    return {};
  }

  /// Whether the first part of the message is the notice and nothing else: another gateway was
  /// here.
  [[nodiscard]] static Result<bool> begins_with_notice(const MimeStructure& structure,
                                                       const Notice& notice, RewritePlan& plan) {
    const std::vector<MimePart>& parts = structure.parts;
    if (parts.size() < 2 || parts[0].type() != "multipart/mixed" || parts[1].parent != 0 ||
        parts[1].type() != "text/plain" || parts[1].attachment || plan.replaced(1)) {
      return false;
    }
    const auto content = plan.content(1);
    if (!content) {
      if (content.error().code == ErrorCode::limit) return false;
      return std::unexpected(content.error());
    }
    return notice_lines(*content) == notice.text;
  }

  Settings settings_;
};

/// The text of option `name`, or of the file that `name`_file says; "" without either. Sets `name`
/// to the option that it came from.
std::string text_or_file(Options& options, std::string& name) {
  const std::string file_name = name + "_file";
  std::string text = options.lines(name);
  const std::string file = options.text(file_name);
  if (!text.empty() && !file.empty()) {
    options.wrong(file_name, fmt::format("there is a \"{}\" as well", name));
  } else if (!file.empty()) {
    name = file_name;
    auto read = read_small_file(file, kMaxBodyNotice);
    if (!read) {
      options.wrong(name, read.error().detail);
    } else {
      text = *std::move(read);
      if (text.empty()) options.wrong(name, file + ": is empty");
    }
  }
  if (text.size() > kMaxBodyNotice) {
    options.wrong(name, fmt::format("larger than {} octets", kMaxBodyNotice));
  }
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (end > kMaxBodyNoticeLine) {
      options.wrong(name, fmt::format("a line is longer than {} octets", kMaxBodyNoticeLine));
      break;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return text;
}

TemplateText parse(Options& options, const std::string& name, std::string_view text) {
  auto parsed = TemplateText::parse(text);
  if (!parsed) {
    options.wrong(name, parsed.error().detail);
    return {};
  }
  return *std::move(parsed);
}

}  // namespace

Result<std::shared_ptr<const Rule>> make_body_notice(const config::Filter& rule) {
  Options options(rule);
  BodyNotice::Settings settings;
  std::string text_name = "text";
  const std::string text = text_or_file(options, text_name);
  if (notice_lines(text).empty()) options.wrong(text_name, "must be a text, not empty");
  settings.text = parse(options, text_name, text);
  std::string html_name = "html";
  const std::string html = text_or_file(options, html_name);
  const std::string lines = notice_lines(html);
  settings.html = lines.empty() ? parse(options, text_name, notice_html(text))
                                : parse(options, html_name, lines);
  if (options.word("at", {"top", "end"}) == "end") settings.place = NoticePlace::end;
  settings.wrap_protected = options.word("signed", {"skip", "wrap"}) == "wrap";
  settings.wrap_no_text = options.word("no_text", {"wrap", "skip"}) == "wrap";
  if (auto checked = options.finish(); !checked) return std::unexpected(checked.error());
  return std::make_shared<const BodyNotice>(std::move(settings));
}

}  // namespace gatepost::filters
