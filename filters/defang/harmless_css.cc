#include "filters/defang/harmless_css.h"

#include <algorithm>
#include <array>

#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

constexpr std::size_t kNowhere = std::string_view::npos;
constexpr std::string_view kBlanks = " \t\r\n\f";

/// Properties; a name that ends with "-" stands for all that begin so.
constexpr std::array<std::string_view, 37> kProperties = {"background",
                                                          "background-color",
                                                          "border",
                                                          "border-",
                                                          "box-sizing",
                                                          "caption-side",
                                                          "clear",
                                                          "color",
                                                          "direction",
                                                          "display",
                                                          "empty-cells",
                                                          "float",
                                                          "font",
                                                          "font-",
                                                          "height",
                                                          "letter-spacing",
                                                          "line-height",
                                                          "list-style",
                                                          "list-style-type",
                                                          "margin",
                                                          "margin-",
                                                          "max-",
                                                          "min-",
                                                          "opacity",
                                                          "overflow",
                                                          "overflow-wrap",
                                                          "padding",
                                                          "padding-",
                                                          "page-break-",
                                                          "table-layout",
                                                          "text-",
                                                          "vertical-align",
                                                          "visibility",
                                                          "white-space",
                                                          "width",
                                                          "word-",
                                                          "unicode-bidi"};

/// What does harm, wherever it stands; blanks and comments do not hide it.
constexpr std::array<std::string_view, 14> kHarmful = {
    "expression(",       "javascript:", "vbscript:", "behavior:",
    "behaviour:",        "-binding:",   "url(",      "image(",
    "image-set(",        "@import",     "@charset",  "position:fixed",
    "position:absolute", "progid:"};

constexpr std::array<std::string_view, 4> kFunctions = {"rgb", "rgba", "hsl", "hsla"};

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == kNowhere) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string without_comments(std::string_view css, bool& found) {
  std::string out;
  while (true) {
    const std::size_t begin = css.find("/*");
    out += css.substr(0, begin);
    if (begin == kNowhere) return out;
    found = true;
    const std::size_t end = css.find("*/", begin + 2);
    if (end == kNowhere) return out;
    css.remove_prefix(end + 2);
  }
}

/// `css` has no comments.
bool does_harm(std::string_view css) {
  std::string plain = pop3::to_lower(css);
  std::erase_if(plain, [](char c) { return kBlanks.find(c) != kNowhere || pop3::is_control(c); });
  // "\" begins an escape, "<" the end of the style sheet; letters of full width (U+FF00 and on)
  // were plain ones for some.
  if (plain.find_first_of("\\<") != kNowhere || plain.find("\xef\xbc") != kNowhere ||
      plain.find("\xef\xbd") != kNowhere) {
    return true;
  }
  return std::ranges::any_of(
      kHarmful, [&plain](std::string_view word) { return plain.find(word) != kNowhere; });
}

bool is_property(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; };
  if (name.empty() || !std::ranges::all_of(name, letter)) return false;
  return std::ranges::any_of(kProperties, [name](std::string_view known) {
    return known == name || (known.ends_with('-') && name.starts_with(known));
  });
}

/// Letters, numbers, names in quotes; of functions only those that make colours.
bool is_value(std::string_view value) {
  std::string word;
  for (const char c : value) {
    const char upper = pop3::to_upper(c);
    const bool plain = (upper >= 'A' && upper <= 'Z') || (c >= '0' && c <= '9');
    if (c == '(' && std::ranges::find(kFunctions, pop3::to_lower(word)) == kFunctions.end())
      return false;
    if (!plain && std::string_view(" -_.,#%!+/()'\"").find(c) == kNowhere &&
        static_cast<unsigned char>(c) < 0x80) {
      return false;
    }
    if (plain || c == '-') {
      word += c;
    } else {
      word.clear();
    }
  }
  return !value.empty() && std::ranges::count(value, '"') % 2 == 0 &&
         std::ranges::count(value, '\'') % 2 == 0;
}

/// Where `end` stands outside of quotes; the end of the text where it does not.
std::size_t find_unquoted(std::string_view text, char end) {
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\0' && c == end) return i;
    if (quote != '\0' ? c == quote : c == '"' || c == '\'') quote = quote == '\0' ? c : '\0';
  }
  return text.size();
}

std::string one_line(std::string_view value) {
  std::string out;
  for (const char c : value) out += kBlanks.find(c) != kNowhere ? ' ' : c;
  return out;
}

/// `css` has no comments.
std::string declarations(std::string_view css, bool ascii_only) {
  std::string out;
  while (!css.empty()) {
    const std::size_t end = find_unquoted(css, ';');
    const std::string_view one = css.substr(0, end);
    css.remove_prefix(std::min(end + 1, css.size()));
    const std::size_t colon = one.find(':');
    if (colon == kNowhere) continue;
    const std::string name = pop3::to_lower(trim(one.substr(0, colon)));
    const std::string value = one_line(trim(one.substr(colon + 1)));
    const bool ascii =
        std::ranges::all_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (!is_property(name) || !is_value(value) || does_harm(name + ":" + value) ||
        (ascii_only && !ascii)) {
      continue;
    }
    if (!out.empty()) out += ";";
    out += name + ":" + value;
  }
  return out;
}

bool is_made_of(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text, [others](char c) {
    const char upper = pop3::to_upper(c);
    return (upper >= 'A' && upper <= 'Z') || (c >= '0' && c <= '9') || others.find(c) != kNowhere;
  });
}

/// Reads a style sheet without comments, rule by rule.
class Sheet {
 public:
  explicit Sheet(std::string_view css) : rest_(css) {}

  std::string harmless() {
    std::string out;
    while (!(rest_ = trim(rest_)).empty()) {
      if (++rules_ > kMaxRules) {
        odd_ = true;
        break;
      }
      rule(out);
    }
    if (in_media_) out += "}\n";
    odd_ = odd_ || in_media_;
    return out;
  }
  [[nodiscard]] bool odd() const { return odd_; }

 private:
  void rule(std::string& out) {
    if (rest_.front() == '}') {
      odd_ = odd_ || !in_media_;
      if (in_media_) out += "}\n";
      in_media_ = false;
      return rest_.remove_prefix(1);
    }
    const std::size_t open = find_unquoted(rest_, '{');
    if (rest_.front() == '@') {
      const std::size_t end = find_unquoted(rest_.substr(0, open), ';');
      if (end < open) return rest_.remove_prefix(end + 1);
    }
    const std::string selector = one_line(trim(rest_.substr(0, open)));
    if (open == rest_.size()) odd_ = true;
    rest_.remove_prefix(std::min(open + 1, rest_.size()));
    if (pop3::to_lower(selector).starts_with("@media") && !in_media_ &&
        is_made_of(selector, " @(),:.-") && selector.rfind('@') == 0) {
      out += selector + " {\n";
      in_media_ = true;
      return;
    }
    if (selector.starts_with('@')) return skip_block();
    const std::size_t close = find_unquoted(rest_, '}');
    if (close == rest_.size()) odd_ = true;
    const std::string kept = declarations(rest_.substr(0, close), true);
    rest_.remove_prefix(std::min(close + 1, rest_.size()));
    if (!selector.empty() && is_made_of(selector, " .#,>*:+~_-") && !kept.empty()) {
      out += selector + " {" + kept + "}\n";
    }
  }

  /// The rest of an at-rule, whose blocks may hold others.
  void skip_block() {
    unsigned depth = 1;
    std::size_t at = 0;
    while (at < rest_.size() && depth > 0) {
      at = std::min(rest_.find_first_of("{}", at), rest_.size());
      if (at < rest_.size()) rest_[at++] == '{' ? ++depth : --depth;
    }
    rest_.remove_prefix(at);
  }

  std::string_view rest_;
  std::size_t rules_ = 0;
  bool in_media_ = false;
  bool odd_ = false;
};

}  // namespace

Css harmless_declarations(std::string_view css) {
  Css result;
  bool comments = false;
  const std::string plain = without_comments(css, comments);
  result.harmful = comments || does_harm(plain);
  result.text = declarations(plain, false);
  return result;
}

Css harmless_sheet(std::string_view css) {
  Css result;
  bool comments = false;
  std::string plain = without_comments(css, comments);
  // Hides style sheets from programs that do not know them; stands in most.
  plain = trim(plain);
  if (plain.starts_with("<!--")) plain.erase(0, 4);
  if (plain.ends_with("-->")) plain.erase(plain.size() - 3);
  Sheet sheet(plain);
  result.text = sheet.harmless();
  result.harmful = does_harm(plain) || sheet.odd();
  return result;
}

}  // namespace gatepost::filters
