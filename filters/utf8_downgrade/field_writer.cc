#include "filters/utf8_downgrade/field_writer.h"

#include <algorithm>
#include <utility>

#include "proxy/base/utf8.h"
#include "proxy/pop3/sasl.h"

namespace gatepost::filters::downgrade {

namespace {

constexpr std::size_t kLine = 76;        // RFC 2047 section 2
constexpr std::size_t kWordOctets = 36;  // 48 of base64, and "=?unknown-8bit?B?" with "?="
constexpr std::size_t kLongWord = 200;   // is folded at its own blanks: 998 are a line's limit
constexpr std::size_t kMostBlanks = 60;  // in a row

/// Octets of at most `limit` octets at the front, in UTF-8 whole characters.
std::size_t piece_size(std::string_view text, std::size_t limit, bool utf8) {
  if (text.size() <= limit) return text.size();
  while (utf8 && limit > 1 && utf8::is_continuation(text[limit])) --limit;
  return limit;
}

bool is_encoded(std::string_view raw) {
  return raw.size() > 6 && raw.starts_with("=?") && raw.ends_with("?=");
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// A comment's text up to the next bracket that is not quoted.
std::size_t bracket(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '(' || text[i] == ')') {
      return i;
    }
  }
  return text.size();
}

}  // namespace

Words words_of(std::string_view text, bool quoted_pairs) {
  Words found;
  while (!text.empty()) {
    const auto* const word = std::ranges::find_if_not(text, is_blank);
    std::string blank(text.begin(), word);
    text.remove_prefix(blank.size());
    if (text.empty()) {
      found.tail = std::move(blank);
      break;
    }
    const auto* const end = std::ranges::find_if(text, is_blank);
    std::string raw(text.begin(), end);
    text.remove_prefix(raw.size());
    std::string says = quoted_pairs && !raw.starts_with('"') ? unquoted(raw) : raw;
    found.words.push_back({std::move(blank), std::move(raw), std::move(says)});
  }
  return found;
}

void FieldWriter::blank(std::string_view blanks) {
  blanks_ += blanks.substr(0, kMostBlanks - std::min(kMostBlanks, blanks_.size()));
}

void FieldWriter::space() {
  if (blanks_.empty() && !out_.empty() && !is_blank(out_.back())) blanks_ = " ";
}

void FieldWriter::word(std::string_view text) {
  while (text.size() > kLongWord) {
    const std::size_t end = text.find_first_of(" \t");
    if (end == std::string_view::npos) break;
    if (end > 0) put(text.substr(0, end));
    text.remove_prefix(end);
    const std::size_t next = std::min(text.find_first_not_of(" \t"), text.size());
    blank(text.substr(0, next));
    text.remove_prefix(next);
  }
  if (!text.empty()) put(text);
}

/// `ahead`: octets that come behind it on the same line.
void FieldWriter::put(std::string_view text, std::size_t ahead) {
  // An encoded word touches nothing but the brackets of a comment (RFC 2047 section 5).
  if (std::exchange(after_encoded_, false) && !text.starts_with(')')) space();
  if (!blanks_.empty()) {
    if (column_ + blanks_.size() + text.size() + ahead > kLine && column_ > 0) {
      out_ += "\r\n";
      column_ = 0;
    }
    out_ += blanks_;
    column_ += blanks_.size();
    blanks_.clear();
  }
  out_ += text;
  column_ += text.size();
}

void FieldWriter::encoded(std::string_view text) {
  const bool utf8 = utf8::is_valid(text);
  if (!out_.ends_with('(')) space();
  while (!text.empty()) {
    const std::size_t size = piece_size(text, kWordOctets, utf8);
    put((utf8 ? "=?UTF-8?B?" : "=?unknown-8bit?B?") + pop3::base64_encode(text.substr(0, size)) +
        "?=");
    after_encoded_ = true;
    text.remove_prefix(size);
  }
}

void FieldWriter::words(std::span<const Word> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    blank(words[i].blank);
    if (!has_8bit(words[i].raw)) {
      word(words[i].raw);
      continue;
    }
    std::string text = i > 0 && is_encoded(words[i - 1].raw) ? words[i].blank : std::string();
    text += words[i].text;
    for (; i + 1 < words.size() && has_8bit(words[i + 1].raw); ++i) {
      text += words[i + 1].blank + words[i + 1].text;
    }
    if (i + 1 < words.size() && is_encoded(words[i + 1].raw)) text += words[i + 1].blank;
    encoded(text);
  }
}

void FieldWriter::token(const Token& token) {
  switch (token.kind) {
    case Token::Kind::blank:
      return blank(token.raw);
    case Token::Kind::comment:
      return comment(token.raw);
    default:
      return word(token.raw);
  }
}

void FieldWriter::comment(std::string_view raw) {
  if (!has_8bit(raw)) return word(raw);
  while (!raw.empty()) {
    const std::size_t size = bracket(raw);
    const Words inside = words_of(raw.substr(0, size), true);
    words(inside.words);
    blank(inside.tail);
    raw.remove_prefix(size);
    if (raw.empty()) break;
    put(raw.substr(0, 1), raw.starts_with('(') ? kLine / 2 : 0);
    raw.remove_prefix(1);
  }
}

}  // namespace gatepost::filters::downgrade
