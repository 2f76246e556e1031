#include "filters/utf8_downgrade/tokens.h"

#include <algorithm>

#include "proxy/base/utf8.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters::downgrade {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Where the comment that begins at `start` ends.
std::size_t comment_end(std::string_view body, std::size_t start) {
  std::size_t depth = 0;
  for (std::size_t i = start; i < body.size(); ++i) {
    if (body[i] == '\\') {
      ++i;
    } else if (body[i] == '(') {
      ++depth;
    } else if (body[i] == ')' && --depth == 0) {
      return i + 1;
    }
  }
  return body.size();
}

/// The same of a quoted string or a domain literal, which `close` ends.
std::size_t quoted_end(std::string_view body, std::size_t start, char close) {
  for (std::size_t i = start + 1; i < body.size(); ++i) {
    if (body[i] == '\\') {
      ++i;
    } else if (body[i] == close) {
      return i + 1;
    }
  }
  return body.size();
}

}  // namespace

bool has_8bit(std::string_view text) { return !pop3::is_ascii(text); }

std::string unfolded(std::string_view body) {
  std::string line(body);
  std::erase_if(line, [](char c) { return c == '\r' || c == '\n'; });
  return line;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

Tokens tokens_of(std::string_view body, std::string_view specials) {
  Tokens tokens;
  std::size_t at = 0;
  const auto special = [&](char c) { return specials.find(c) != std::string_view::npos; };
  const auto ends_text = [&](char c) { return is_blank(c) || c == '(' || c == '"' || special(c); };
  while (at < body.size()) {
    const char c = body[at];
    Token::Kind kind = Token::Kind::text;
    std::size_t end = at + 1;
    if (is_blank(c)) {
      kind = Token::Kind::blank;
      while (end < body.size() && is_blank(body[end])) ++end;
    } else if (c == '(') {
      kind = Token::Kind::comment;
      end = comment_end(body, at);
    } else if (c == '"') {
      kind = Token::Kind::quoted;
      end = quoted_end(body, at, '"');
    } else if (special(c)) {
      kind = Token::Kind::special;
    } else if (c == '[') {
      end = quoted_end(body, at, ']');
    } else {
      while (end < body.size() && !ends_text(body[end])) ++end;
    }
    end = std::min(end, body.size());
    tokens.push_back({kind, body.substr(at, end - at)});
    at = end;
  }
  return tokens;
}

std::string unquoted(std::string_view raw) {
  if (raw.starts_with('"')) {
    raw.remove_prefix(1);
    if (raw.ends_with('"')) raw.remove_suffix(1);
  }
  std::string text;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\\' && i + 1 < raw.size()) ++i;
    text += raw[i];
  }
  return text;
}

}  // namespace gatepost::filters::downgrade
