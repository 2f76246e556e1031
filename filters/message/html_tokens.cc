#include "filters/message/html_tokens.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/utf8.h"

namespace gatepost::filters {

namespace {

constexpr std::size_t kNowhere = std::string_view::npos;
constexpr std::string_view kBlanks = " \t\r\n\f";

bool is_blank(char c) { return kBlanks.find(c) != kNowhere; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Whether `text` begins with `word`, which is in lower case.
bool begins_with(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::ranges::equal(text.substr(0, word.size()), word, {}, lower);
}

/// Elements whose content has no tags.
constexpr std::array<std::string_view, 8> kRaw = {"script", "style",   "title",    "textarea",
                                                  "xmp",    "noembed", "noframes", "iframe"};

std::uint32_t digit_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0');
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? static_cast<std::uint32_t>(letter - 'a') + 10U : 99U;
}

/// "&#65;", "&#x41", with or without the semicolon; 0 for what is none.
std::size_t number_reference(std::string_view text, char32_t& value) {
  const bool hex = text.size() > 2 && lower(text[2]) == 'x';
  const std::uint32_t base = hex ? 16 : 10;
  std::size_t at = hex ? 3 : 2;
  const std::size_t first = at;
  value = 0;
  for (; at < text.size() && digit_value(text[at]) < base; ++at) {
    value = std::min<char32_t>(value * base + digit_value(text[at]), 0x110000);
  }
  if (at == first) return 0;
  if (value == 0 || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) value = 0xfffd;
  if (at < text.size() && text[at] == ';') ++at;
  return at;
}

struct Named {
  std::string_view name;
  char32_t value;
};
constexpr std::array kNamed = {
    Named{"&amp;", '&'},     Named{"&lt;", '<'},     Named{"&gt;", '>'},
    Named{"&quot;", '"'},    Named{"&apos;", '\''},  Named{"&nbsp;", 0xa0},
    Named{"&colon;", ':'},   Named{"&tab;", '\t'},   Named{"&newline;", '\n'},
    Named{"&sol;", '/'},     Named{"&bsol;", '\\'},  Named{"&lpar;", '('},
    Named{"&rpar;", ')'},    Named{"&commat;", '@'}, Named{"&semi;", ';'},
    Named{"&num;", '#'},     Named{"&period;", '.'}, Named{"&lbrace;", '{'},
    Named{"&rbrace;", '}'},  Named{"&ast;", '*'},    Named{"&percnt;", '%'},
    Named{"&zwnj;", 0x200c}, Named{"&shy;", 0xad},   Named{"&zerowidthspace;", 0x200b}};

}  // namespace

char HtmlTokens::at(std::size_t offset) const {
  return offset < html_.size() ? html_[offset] : '\0';
}

void HtmlTokens::skip_blanks() {
  while (at_ < html_.size() && is_blank(html_[at_])) ++at_;
}

bool HtmlTokens::next(HtmlToken& token) {
  if (at_ >= html_.size()) return false;
  token = HtmlToken{};
  token.begin = at_;
  if (!raw_.empty()) raw_text(token);
  if (at_ == token.begin) {
    token = HtmlToken{};
    token.begin = at_;
    if (html_[at_] == '<') markup(token);
    if (at_ == token.begin) {
      // A "<" that begins nothing is text.
      token.kind = HtmlToken::Kind::text;
      at_ = std::min(html_.find('<', at_ + 1), html_.size());
    }
  }
  token.end = at_;
  return true;
}

/// At a "<"; stays there where it begins nothing.
void HtmlTokens::markup(HtmlToken& token) {
  const char first = at(at_ + 1);
  if (is_letter(first) || (first == '/' && is_letter(at(at_ + 2)))) return tag(token);
  if (html_.substr(at_).starts_with("<!--")) return comment(token);
  const bool bogus = first == '!' || first == '?' || (first == '/' && at_ + 2 < html_.size());
  if (!bogus) return;
  const bool doctype = begins_with(html_.substr(at_), "<!doctype");
  token.kind = doctype ? HtmlToken::Kind::doctype : HtmlToken::Kind::bogus;
  until(">", at_ + 2, token);
}

void HtmlTokens::until(std::string_view end, std::size_t from, HtmlToken& token) {
  const std::size_t found = html_.find(end, from);
  token.odd = token.odd || found == kNowhere;
  at_ = found == kNowhere ? html_.size() : found + end.size();
}

void HtmlTokens::comment(HtmlToken& token) {
  token.kind = HtmlToken::Kind::comment;
  const std::size_t begin = at_ + 4;
  for (const std::string_view early : {">", "->"}) {
    if (!html_.substr(begin).starts_with(early)) continue;
    token.odd = true;
    at_ = begin + early.size();
    return;
  }
  // "--!>" ends it, too, for browsers alone.
  std::size_t end = begin;
  while (true) {
    end = html_.find("--", end);
    if (end == kNowhere) break;
    const std::size_t after = end + (at(end + 2) == '!' ? 3 : 2);
    if (at(after) == '>') {
      token.odd = after != end + 2 || html_.substr(begin, end - begin).find('<') != kNowhere;
      at_ = after + 1;
      return;
    }
    ++end;
  }
  token.odd = true;
  at_ = html_.size();
}

void HtmlTokens::tag(HtmlToken& token) {
  const bool closes = html_[at_ + 1] == '/';
  token.kind = closes ? HtmlToken::Kind::end_tag : HtmlToken::Kind::start_tag;
  at_ += closes ? 2 : 1;
  for (; at_ < html_.size(); ++at_) {
    const char c = html_[at_];
    if (is_blank(c) || c == '/' || c == '>') break;
    if (token.name.size() < kMaxName) token.name += lower(c);
    token.odd = token.odd || token.name.size() == kMaxName || c == '<' || c == '\0';
  }
  while (true) {
    const std::size_t before = at_;
    skip_blanks();
    if (at_ >= html_.size()) {
      token.kind = HtmlToken::Kind::bogus;
      token.odd = true;
      return;
    }
    if (html_[at_] == '>') break;
    if (html_[at_] == '/') {
      ++at_;
      token.odd = token.odd || at(at_) != '>';
      continue;
    }
    token.odd = token.odd || before == at_;
    attribute(token);
  }
  ++at_;
  if (closes || token.kind != HtmlToken::Kind::start_tag) return;
  if (std::ranges::find(kRaw, token.name) != kRaw.end() || token.name == "plaintext") {
    raw_ = token.name;
  }
}

void HtmlTokens::attribute(HtmlToken& token) {
  HtmlAttribute attribute;
  do {
    const char c = html_[at_];
    if (attribute.name.size() < kMaxName) attribute.name += lower(c);
    token.odd = token.odd || attribute.name.size() == kMaxName || c == '<' || c == '"' ||
                c == '\'' || c == '`' || c == '=' || c == '\0';
    ++at_;
  } while (at_ < html_.size() && !is_blank(html_[at_]) && html_[at_] != '/' && html_[at_] != '>' &&
           html_[at_] != '=');
  const std::size_t end_of_name = at_;
  skip_blanks();
  if (at(at_) == '=') {
    ++at_;
    skip_blanks();
    const char quote = at(at_);
    const std::size_t begin = at_;
    if (quote == '"' || quote == '\'') {
      const std::size_t end = std::min(html_.find(quote, begin + 1), html_.size());
      attribute.value = html_.substr(begin + 1, end - begin - 1);
      at_ = std::min(end + 1, html_.size());
    } else {
      while (at_ < html_.size() && !is_blank(html_[at_]) && html_[at_] != '>') ++at_;
      attribute.value = html_.substr(begin, at_ - begin);
      token.odd = token.odd || attribute.value.find_first_of("\"'`<=") != kNowhere;
    }
  } else {
    at_ = end_of_name;
  }
  const bool twice = std::ranges::find(token.attributes, attribute.name, &HtmlAttribute::name) !=
                     token.attributes.end();
  if (twice || token.attributes.size() == kMaxAttributes) {
    token.odd = true;
  } else {
    token.attributes.push_back(std::move(attribute));
  }
}

void HtmlTokens::raw_text(HtmlToken& token) {
  token.kind = HtmlToken::Kind::raw_text;
  token.name = std::exchange(raw_, std::string());
  while (at_ < html_.size()) {
    at_ = std::min(html_.find("</", at_), html_.size());
    const std::string_view rest = html_.substr(std::min(at_ + 2, html_.size()));
    if (token.name != "plaintext" && begins_with(rest, token.name) &&
        (rest.size() == token.name.size() || is_blank(rest[token.name.size()]) ||
         rest[token.name.size()] == '/' || rest[token.name.size()] == '>')) {
      return;
    }
    at_ = std::min(at_ + 2, html_.size());
  }
  token.odd = true;  // no end tag
}

std::string decode_references(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('&'), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    char32_t value = '&';
    std::size_t size = text.size() > 1 && text[1] == '#' ? number_reference(text, value) : 0;
    for (const Named& named : kNamed) {
      if (size == 0 && begins_with(text, named.name)) {
        size = named.name.size();
        value = named.value;
      }
    }
    if (size == 0) value = '&';
    utf8::append(out, value);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

}  // namespace gatepost::filters
