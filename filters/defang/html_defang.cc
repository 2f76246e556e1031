#include "filters/defang/html_defang.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "filters/defang/harmless_css.h"
#include "filters/defang/harmless_html.h"
#include "filters/defang/harmless_url.h"
#include "filters/defang/html_writer.h"
#include "filters/defang/second_reader.h"
#include "filters/message/charset.h"
#include "filters/message/html_tokens.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

constexpr std::string_view kMeta =
    R"(<meta http-equiv="Content-Type" content="text/html; charset=utf-8">)";

constexpr std::size_t kNowhere = std::string_view::npos;

bool same_word(std::string_view one, std::string_view other) {
  return pop3::to_upper(one) == pop3::to_upper(other);
}

std::string_view value_of(const HtmlToken& token, std::string_view name) {
  const auto found = std::ranges::find(token.attributes, name, &HtmlAttribute::name);
  return found == token.attributes.end() ? std::string_view() : found->value;
}

/// The charset that a <meta> declares; empty for none.
std::string charset_of_meta(const HtmlToken& token) {
  std::string_view charset = value_of(token, "charset");
  if (charset.empty() && same_word(value_of(token, "http-equiv"), "content-type")) {
    const std::string_view content = value_of(token, "content");
    const std::size_t at = pop3::to_upper(content).find("CHARSET=");
    if (at != kNowhere) charset = content.substr(at + 8);
  }
  while (!charset.empty() && std::string_view(" \t\"'").find(charset.front()) != kNowhere) {
    charset.remove_prefix(1);
  }
  return decode_references(charset.substr(0, charset.find_first_of(" \t\r\n\"';,")));
}

/// Reads a text piece by piece and has the writer write what stays.
class Defanger {
 public:
  Defanger(std::string_view html, const DefangOptions& options, bool tags)
      : tokens_(html), options_(options), tags_(tags), writer_(options.ascii) {}

  Defanged run() {
    HtmlToken token;
    Defanged result;
    while (tokens_.next(token) && !result.too_large) {
      take(token);
      result.too_large = writer_.size() > kMaxDefanged;
    }
    writer_.finish();
    removed_.links += writer_.shown_links();
    result.html = writer_.take();
    result.too_large = result.too_large || result.html.size() > kMaxDefanged;
    result.removed = removed_;
    return result;
  }

 private:
  void take(const HtmlToken& token);
  void take_text(std::string_view text);
  void take_raw_text(const HtmlToken& token);
  void take_start(const HtmlToken& token);
  void take_meta(const HtmlToken& token);
  void take_comment(const HtmlToken& token);
  void take_doctype(const HtmlToken& token);
  void count(std::string_view element);
  [[nodiscard]] std::string attributes(const HtmlToken& token);
  [[nodiscard]] std::string value(std::string_view element, const HtmlAttribute& attribute);
  [[nodiscard]] std::string image(std::string_view raw);
  [[nodiscard]] std::string address(const Url& url) const {
    return html_attribute(escape_references(url.text), options_.ascii);
  }

  HtmlTokens tokens_;
  DefangOptions options_;
  bool tags_;  // or only the text
  HtmlWriter writer_;
  Removed removed_;
  std::string style_media_;   // of the style whose content comes next
  bool shows_image_ = false;  // the attributes that were read last have a "src" that stays
};

void Defanger::take(const HtmlToken& token) {
  using Kind = HtmlToken::Kind;
  if (token.odd && token.kind != Kind::comment) ++removed_.others;
  switch (token.kind) {
    case Kind::text:
      return take_text(tokens_.text_of(token));
    case Kind::raw_text:
      return take_raw_text(token);
    case Kind::start_tag:
      return take_start(token);
    case Kind::end_tag:
      if (token.name == "br") return take_start(token);
      return writer_.end(token.name);
    case Kind::comment:
      return take_comment(token);
    case Kind::doctype:
      return take_doctype(token);
    case Kind::bogus:
      ++removed_.others;
  }
}

void Defanger::take_text(std::string_view text) {
  if (text.find('\0') != kNowhere) ++removed_.others;
  writer_.put(html_text(text, options_.ascii), true);
}

void Defanger::take_raw_text(const HtmlToken& token) {
  const std::string_view text = tokens_.text_of(token);
  if (token.name == "style") {
    const Css css = harmless_sheet(text);
    if (css.harmful) ++removed_.styles;
    if (css.text.empty() || !tags_) return;
    writer_.put(fmt::format("<style type=\"text/css\"{}>\r\n{}</style>", style_media_, css.text),
                false);
  } else if (token.name == "title") {
    if (!writer_.in_head()) return;
    writer_.put(fmt::format("<title>{}</title>", html_text(text, options_.ascii)), false);
  } else if (token.name == "textarea") {
    writer_.put(html_text(text, options_.ascii), true);
  } else if (token.name == "xmp" || token.name == "plaintext") {
    if (tags_) writer_.start(*find_element("pre"), "");
    writer_.put(html_text(escape_references(text), options_.ascii), true);
    writer_.end("pre");
  }
}

void Defanger::count(std::string_view element) {
  switch (harm_kind(element)) {
    case HarmKind::script:
      ++removed_.scripts;
      break;
    case HarmKind::form:
      ++removed_.forms;
      break;
    case HarmKind::object:
      ++removed_.objects;
      break;
    case HarmKind::other:
      ++removed_.others;
  }
}

void Defanger::take_start(const HtmlToken& token) {
  if (token.name == "meta") return take_meta(token);
  const bool is_image = token.name == "img" || token.name == "image";
  const Element* const element = find_element(is_image ? "img" : token.name);
  if (element == nullptr) {
    count(token.name);
    // What stood apart in a list to choose from.
    if (token.name == "option") writer_.put(" ", true);
    return;
  }
  if (element->name == "title") return;
  HtmlToken named = token;
  named.name = element->name;
  const std::string kept = attributes(named);
  if (element->name == "style") {
    const std::string media(value_of(named, "media"));
    style_media_ = is_harmless_word(media) && !media.empty() ? " media=\"" + media + "\"" : "";
    return;
  }
  if (!tags_) {
    if (element->role != ElementRole::phrase && element->name != "img") {
      writer_.start(*find_element("br"), "");
    }
    return;
  }
  if (is_image && !shows_image_) {
    // What it shows is told in its place.
    return writer_.put(html_text(value_of(named, "alt"), options_.ascii), true);
  }
  std::string target;
  if (options_.links == DefangOptions::Links::show && element->name == "a") {
    Url url = read_url(value_of(named, "href"));
    if (url.kind == UrlKind::web) target = std::move(url.text);
  }
  const bool deep = writer_.depth() >= kMaxHtmlDepth;
  if (!writer_.start(*element, kept, std::move(target)) && deep) ++removed_.others;
}

void Defanger::take_meta(const HtmlToken& token) {
  const std::string_view name = value_of(token, "http-equiv");
  const std::string charset = charset_of_meta(token);
  const bool harmless = name.empty() || same_word(name, "content-type") ||
                        same_word(name, "content-language") ||
                        same_word(name, "content-style-type") || same_word(name, "x-ua-compatible");
  const bool other_charset =
      !charset.empty() && !options_.charset.empty() && !same_word(charset, options_.charset);
  const CharsetKind kind = charset_kind(charset);
  if (!harmless || other_charset || kind == CharsetKind::wide || kind == CharsetKind::unknown) {
    ++removed_.others;
  }
  if (tags_ && !charset.empty() && writer_.in_head()) writer_.put(kMeta, false);
}

/// Conditional comments ("<!--[if mso]>") are HTML for some programs.
void Defanger::take_comment(const HtmlToken& token) {
  std::string_view text = tokens_.text_of(token);
  text.remove_prefix(std::min<std::size_t>(4, text.size()));
  const bool conditional =
      text.find('[') != kNowhere || text.find("<!") != kNowhere || text.find('\0') != kNowhere;
  if (token.odd || conditional) ++removed_.comments;
}

void Defanger::take_doctype(const HtmlToken& token) {
  const std::string_view text = tokens_.text_of(token);
  constexpr std::size_t kMaxDoctype = 300;
  const auto plain = [](char c) {
    return is_harmless_word(std::string_view(&c, 1)) ||
           std::string_view("\"<!>\r\n\t").find(c) != kNowhere;
  };
  if (text.size() > kMaxDoctype || !std::ranges::all_of(text, plain)) {
    ++removed_.others;
  } else if (tags_ && writer_.is_empty()) {
    std::string line(text);
    std::erase(line, '\r');
    std::ranges::replace(line, '\n', ' ');
    writer_.put(line, false);
  }
}

std::string Defanger::attributes(const HtmlToken& token) {
  std::string out;
  shows_image_ = false;
  for (const HtmlAttribute& attribute : token.attributes) {
    // Quotes for some, and code for others.
    if (attribute.value.find('`') != kNowhere || attribute.value.find("&{") != kNowhere) {
      ++removed_.others;
    }
    const std::string kept = value(token.name, attribute);
    shows_image_ = shows_image_ || (attribute.name == "src" && !kept.empty());
    const bool empty_word = attribute.value.empty() &&
                            attribute_kind(token.name, attribute.name) <= AttributeKind::text;
    if (!kept.empty() || empty_word) out += fmt::format(" {}=\"{}\"", attribute.name, kept);
  }
  return out;
}

/// As it is written; empty when it goes.
std::string Defanger::value(std::string_view element, const HtmlAttribute& attribute) {
  switch (attribute_kind(element, attribute.name)) {
    case AttributeKind::word: {
      std::string word = decode_references(attribute.value);
      return is_harmless_word(word) ? word : std::string();
    }
    case AttributeKind::text:
      return html_attribute(attribute.value, options_.ascii);
    case AttributeKind::link: {
      const Url url = read_url(attribute.value);
      if (url.odd || url.kind == UrlKind::harmful || url.kind == UrlKind::picture) {
        ++removed_.addresses;
      }
      return url.kind == UrlKind::harmful || url.kind == UrlKind::picture ? "" : address(url);
    }
    case AttributeKind::image:
      return image(attribute.value);
    case AttributeKind::style: {
      const Css css = harmless_declarations(decode_references(attribute.value));
      if (css.harmful) ++removed_.styles;
      return html_attribute(css.text, options_.ascii);
    }
    case AttributeKind::handler:
      ++removed_.scripts;
      return "";
    case AttributeKind::harmful:
      ++removed_.others;
      return "";
    case AttributeKind::unknown:
      break;
  }
  return "";
}

std::string Defanger::image(std::string_view raw) {
  const Url url = read_url(raw);
  if (url.odd) ++removed_.addresses;
  switch (url.kind) {
    case UrlKind::content_id:
    case UrlKind::picture:
      return address(url);
    case UrlKind::web:
      if (options_.remote_images == DefangOptions::RemoteImages::keep) return address(url);
      ++removed_.images;
      return "";
    case UrlKind::none:
      return "";
    case UrlKind::mail:
    case UrlKind::fragment:
    case UrlKind::harmful:
      break;
  }
  if (!url.odd) ++removed_.addresses;
  return "";
}

}  // namespace

bool Removed::any() const {
  return scripts + forms + objects + addresses + styles + images + links + comments + others > 0;
}

std::string Removed::text() const {
  struct Kind {
    unsigned count;
    std::string_view one;
    std::string_view many;
  };
  const std::array kinds = {
      Kind{scripts, "script", "scripts"},       Kind{forms, "form", "forms"},
      Kind{objects, "object", "objects"},       Kind{addresses, "address", "addresses"},
      Kind{styles, "style", "styles"},          Kind{images, "remote image", "remote images"},
      Kind{links, "link shown", "links shown"}, Kind{comments, "comment", "comments"},
      Kind{others, "other", "others"}};
  std::string text;
  for (const Kind& kind : kinds) {
    if (kind.count == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kind.count,
                        kind.count == 1 ? kind.one : kind.many);
  }
  return text;
}

std::string declared_charset(std::string_view html) {
  HtmlTokens tokens(html.substr(0, kMaxBeforeCharset));
  HtmlToken token;
  while (tokens.next(token)) {
    if (token.kind != HtmlToken::Kind::start_tag || token.name != "meta") continue;
    if (std::string charset = charset_of_meta(token); !charset.empty()) return charset;
  }
  return {};
}

Defanged defang_html(std::string_view html, const DefangOptions& options) {
  Defanged result = Defanger(html, options, true).run();
  if (result.too_large || reads_as_harmless(result.html)) return result;
  result = Defanger(html, options, false).run();
  ++result.removed.others;
  return result;
}

}  // namespace gatepost::filters
