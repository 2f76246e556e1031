#include "filters/defang/defang_rule.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "filters/defang/html_defang.h"
#include "filters/message/charset.h"
#include "filters/options.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

constexpr std::string_view kHtml = "text/html";
constexpr std::array<std::string_view, 5> kEndings = {".HTM", ".HTML", ".SHTML", ".XHTML", ".XHT"};

bool is_named_html(const MimePart& part) {
  return std::ranges::any_of(part.names, [](const std::string& name) {
    std::string upper = pop3::to_upper(name);
    // Windows drops these from the end of a name.
    while (upper.ends_with('.') || upper.ends_with(' ')) upper.pop_back();
    return std::ranges::any_of(
        kEndings, [&upper](std::string_view ending) { return upper.ends_with(ending); });
  });
}

bool may_be_html(const MimePart& part) {
  return part.may_be(kHtml) || part.may_be("application/xhtml+xml");
}

/// The part is text/html to everybody, and everybody decodes it alike.
bool is_plain_html(const MimePart& part) {
  return part.types.size() == 1 && part.type() == kHtml && part.encodings.size() == 1 && !part.odd;
}

/// What some programs take for UTF-7 where no charset, or one they do not know, is declared: "<".
bool looks_like_utf7(std::string_view text) {
  return text.find("+AD") != std::string_view::npos || text.find("+/v") != std::string_view::npos;
}

/// A byte order mark counts more than what is declared.
std::string_view charset_of_mark(std::string_view octets) {
  if (octets.starts_with("\xef\xbb\xbf")) return "utf-8";
  if (octets.starts_with("\xff\xfe") || octets.starts_with("\xfe\xff")) return "utf-16";
  return {};
}

class DefangRule final : public Rule {
 public:
  DefangRule(DefangOptions options, bool attachments, bool keep_signed)
      : options_(std::move(options)), attachments_(attachments), keep_signed_(keep_signed) {}

  [[nodiscard]] bool needs_body() const override { return true; }

  [[nodiscard]] Result<void> apply(const RuleInput& input, RewritePlan& plan) const override {
    for (std::size_t i = 0; i < input.structure->parts.size(); ++i) {
      const MimePart& part = input.structure->parts[i];
      const bool html = may_be_html(part) || (attachments_ && is_named_html(part));
      if (!html || plan.replaced(i)) continue;
      if (keep_signed_ && is_signed(*input.structure, i)) {
        plan.note("defang: a signed part stays as it is");
        continue;
      }
      if (part.is_container()) {
        // Text for some, and a multipart for others: there is no text that is right for both.
        replace_by_note(i, "could be read in two ways", plan);
        continue;
      }
      if (auto done = defang(i, part, plan); !done) return done;
    }
    return {};
  }

 private:
  [[nodiscard]] static bool is_signed(const MimeStructure& structure, std::size_t index) {
    for (; index != MimePart::kNone; index = structure.parts[index].parent) {
      if (structure.parts[index].may_be("multipart/signed")) return true;
    }
    return false;
  }

  [[nodiscard]] Result<void> defang(std::size_t index, const MimePart& part,
                                    RewritePlan& plan) const {
    const auto content = plan.content(index);
    if (!content) {
      if (content.error().code != ErrorCode::limit) return std::unexpected(content.error());
      replace_by_note(index, "is too large to be made harmless", plan);
      return {};
    }
    bool everybody_reads_it = false;
    const bool text = part.type().starts_with("text/");
    const Defanged result = defang_octets(*content, part, text, everybody_reads_it);
    if (result.too_large) {
      replace_by_note(index, "is too large to be made harmless", plan);
      return {};
    }
    if (!result.removed.any() && everybody_reads_it) return {};
    plan.note(fmt::format("defang: {}", result.removed.any() ? result.removed.text()
                                                             : "written anew, its charset is odd"));
    if (!is_plain_html(part) && may_be_html(part)) {
      plan.replace_part(index,
                        "Content-Type: text/html; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: base64\r\n",
                        encode_base64_lines(result.html));
      return {};
    }
    plan.set_content(index, result.html);
    if (text) plan.set_charset(index, "utf-8");
    return {};
  }

  /// `everybody_reads_it`: what is not HTML for us is not for others.
  [[nodiscard]] Defanged defang_octets(std::string_view octets, const MimePart& part, bool text,
                                       bool& everybody_reads_it) const {
    std::string charset(charset_of_mark(octets));
    const bool marked = !charset.empty();
    if (!marked) charset = part.charset;
    if (charset.empty()) charset = declared_charset(octets);
    DefangOptions options = options_;
    options.charset = part.charset;
    // A file, which nothing accompanies that could say a charset.
    options.ascii = !text;
    everybody_reads_it = true;
    Defanged result = defang_html(to_utf8(octets, charset, &everybody_reads_it), options);
    const CharsetKind kind = charset_kind(charset);
    const bool plain = kind == CharsetKind::ascii || kind == CharsetKind::utf8 ||
                       kind == CharsetKind::single || kind == CharsetKind::multi;
    everybody_reads_it = everybody_reads_it && plain && !result.too_large &&
                         (kind != CharsetKind::ascii || !looks_like_utf7(octets)) &&
                         part.encodings.size() == 1 && (!marked || kind == CharsetKind::utf8);
    if (everybody_reads_it && kind == CharsetKind::multi) {
      // One octet of a character may be a quote for who does not know the charset.
      everybody_reads_it = !defang_html(to_utf8(octets, "windows-1252"), options).removed.any();
    }
    return result;
  }

  static void replace_by_note(std::size_t index, std::string_view what, RewritePlan& plan) {
    plan.note(fmt::format("defang: replaced, it {}", what));
    plan.replace_part(
        index, "Content-Type: text/plain; charset=us-ascii\r\n",
        fmt::format("Here was HTML text that {}.\r\nIt was left out of the message.\r\n", what));
  }

  DefangOptions options_;
  bool attachments_;
  bool keep_signed_;
};

}  // namespace

Result<std::shared_ptr<const Rule>> make_defang(const config::Filter& rule) {
  Options options(rule);
  DefangOptions defang;
  if (options.word("remote_images", {"block", "keep"}) == "keep") {
    defang.remote_images = DefangOptions::RemoteImages::keep;
  }
  if (options.word("links", {"keep", "show"}) == "show") defang.links = DefangOptions::Links::show;
  const bool attachments = options.flag("attachments", true);
  const bool keep_signed = options.word("signed", {"change", "keep"}) == "keep";
  if (auto checked = options.finish(); !checked) return std::unexpected(checked.error());
  return std::make_shared<const DefangRule>(std::move(defang), attachments, keep_signed);
}

}  // namespace gatepost::filters
