#include "filters/utf8_downgrade/parameters.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "proxy/base/utf8.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters::downgrade {

namespace {

constexpr std::size_t kMaxSegment = 60;  // characters of a value in one line

bool is_attribute_char(char c) {
  const char upper = pop3::to_upper(c);
  return (upper >= 'A' && upper <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$&+-.^_`{|}~").find(c) != std::string_view::npos;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool coded = text[i] == '%' && i + 2 < text.size() && pop3::hex_value(text[i + 1]) >= 0 &&
                       pop3::hex_value(text[i + 2]) >= 0;
    out += coded
               ? static_cast<char>(pop3::hex_value(text[i + 1]) * 16 + pop3::hex_value(text[i + 2]))
               : text[i];
    if (coded) i += 2;
  }
  return out;
}

/// One parameter, between semicolons.
struct Parameter {
  std::span<const Token> tokens;
  std::string base;       // of its name, in upper case, up to the first "*"
  std::string number;     // of RFC 2231 section 3, "" without
  bool extended = false;  // RFC 2231 section 4: %XX counts
  std::string value;      // unquoted

  [[nodiscard]] bool plain() const { return number.empty() && !extended; }
};

Parameter parameter_of(std::span<const Token> tokens) {
  Parameter found;
  found.tokens = tokens;
  std::string name;
  std::string value;
  bool behind = false;
  bool quoted = false;
  for (const Token& token : tokens) {
    if (token.kind == Token::Kind::comment || quoted) continue;
    if (!behind && token.is('=')) {
      behind = true;
    } else if (!behind) {
      name += token.raw;
    } else if (token.kind == Token::Kind::quoted && trimmed(value).empty()) {
      value = unquoted(token.raw);
      quoted = true;
    } else {
      value += token.raw;
    }
  }
  name = pop3::to_upper(trimmed(name));
  found.value = quoted ? value : std::string(trimmed(value));
  if (!behind) return found;
  found.extended = name.ends_with('*');
  if (found.extended) name.pop_back();
  const std::size_t star = std::min(name.find('*'), name.size());
  found.base = name.substr(0, star);
  if (star < name.size()) found.number = name.substr(star + 1);
  return found;
}

/// The head up to the first semicolon, and the parameters.
struct Value {
  std::span<const Token> head;
  std::vector<Parameter> parameters;
};

Value value_of(std::span<const Token> tokens) {
  Value found;
  for (bool first = true; first || !tokens.empty(); first = false) {
    const auto end = std::ranges::find_if(tokens, [](const Token& t) { return t.is(';'); });
    const std::span<const Token> part(tokens.begin(), end);
    if (first) found.head = part;
    if (!first) found.parameters.push_back(parameter_of(part));
    tokens = tokens.subspan(std::min(part.size() + 1, tokens.size()));
  }
  return found;
}

/// One character of a value, of RFC 2231.
std::string percent_encoded(std::string_view octets) {
  std::string out;
  for (const char c : octets) {
    if (is_attribute_char(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

void write_one(FieldWriter& writer, const std::string& text) {
  writer.word(";");
  writer.space();
  writer.word(text);
}

/// A parameter that is one, with its value in as many lines as it takes.
void write_extended(FieldWriter& writer, const std::string& base, std::string_view value) {
  std::vector<std::string> segments(1);
  const std::string_view charset = utf8::is_valid(value) ? "UTF-8''" : "unknown-8bit''";
  while (!value.empty()) {
    const std::size_t size = utf8::first_character(value).size;
    const std::string next = percent_encoded(value.substr(0, size));
    if (segments.back().size() + next.size() > kMaxSegment) segments.emplace_back();
    segments.back() += next;
    value.remove_prefix(size);
  }
  const std::string name = pop3::to_lower(base);
  if (segments.size() == 1) {
    return write_one(writer, fmt::format("{}*={}{}", name, charset, segments.front()));
  }
  for (std::size_t i = 0; i < segments.size(); ++i) {
    write_one(writer, fmt::format("{}*{}*={}{}", name, i, i == 0 ? charset : std::string_view(),
                                  segments[i]));
  }
}

/// A part of one that was cut in several already: only its octets are encoded.
void write_segment(FieldWriter& writer, const Parameter& parameter) {
  std::string value;
  if (parameter.extended) {
    for (const char c : parameter.value) {
      value += is_attribute_char(c) || c == '%' || c == '\'' ? std::string(1, c)
                                                             : percent_encoded({&c, 1});
    }
  } else {
    value = parameter.number == "0" ? "UTF-8''" : "";
    value += percent_encoded(parameter.value);
  }
  const std::string number = parameter.number.empty() ? "" : "*" + parameter.number;
  write_one(writer, fmt::format("{}{}*={}", pop3::to_lower(parameter.base), number, value));
}

void write_text(FieldWriter& writer, std::span<const Token> tokens) {
  for (const Token& token : tokens) {
    if (token.kind != Token::Kind::comment && has_8bit(token.raw)) {
      writer.space();
      writer.encoded(token.raw);
    } else {
      writer.token(token);
    }
  }
}

}  // namespace

void write_mime_value(FieldWriter& writer, std::string_view body) {
  const Tokens tokens = tokens_of(body, kMimeSpecials);
  const Value value = value_of(tokens);
  write_text(writer, value.head);
  // Of those that stand there in the form of RFC 2231: whether a value is not ASCII all the same.
  std::map<std::string, bool> extended;
  for (const Parameter& one : value.parameters) {
    if (!one.plain()) extended[one.base] |= has_8bit(one.value);
  }
  for (const Parameter& parameter : value.parameters) {
    const bool named = !parameter.base.empty() && !has_8bit(parameter.base + parameter.number);
    const auto other = extended.find(parameter.base);
    if (named && parameter.plain() && has_8bit(parameter.value)) {
      if (other != extended.end()) continue;
      write_extended(writer, parameter.base, parameter.value);
    } else if (named && !parameter.plain() && other->second) {
      write_segment(writer, parameter);
    } else {
      writer.word(";");
      write_text(writer, parameter.tokens);
    }
  }
}

TypeFacts read_type(std::string_view body) {
  const std::string line = unfolded(body);
  const Tokens tokens = tokens_of(line, kMimeSpecials);
  const Value value = value_of(tokens);
  TypeFacts facts;
  for (const Token& token : value.head) {
    const bool counts = token.kind == Token::Kind::text || token.kind == Token::Kind::quoted;
    if (counts) facts.type += pop3::to_lower(token.raw);
  }
  for (const Parameter& parameter : value.parameters) {
    if (parameter.base != "BOUNDARY") continue;
    std::string text = parameter.extended ? percent_decoded(parameter.value) : parameter.value;
    if (parameter.extended && (parameter.number.empty() || parameter.number == "0")) {
      const std::size_t language = text.find('\'');
      const std::size_t end =
          language == std::string::npos ? language : text.find('\'', language + 1);
      if (end != std::string::npos) text.erase(0, end + 1);
    }
    facts.boundary =
        parameter.number.empty() || parameter.number == "0" ? text : facts.boundary + text;
  }
  return facts;
}

}  // namespace gatepost::filters::downgrade
