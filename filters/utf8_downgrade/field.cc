#include "filters/utf8_downgrade/field.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "filters/message/header_scanner.h"
#include "filters/utf8_downgrade/addresses.h"
#include "filters/utf8_downgrade/domain.h"
#include "filters/utf8_downgrade/field_writer.h"
#include "filters/utf8_downgrade/parameters.h"
#include "filters/utf8_downgrade/tokens.h"
#include "proxy/base/utf8.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters::downgrade {

namespace {

using Part = std::span<const Token>;

/// How a field is downgraded, in the order of RFC 6857 section 3.2.
enum class Kind : std::uint8_t {
  addresses,      // 3.2.1
  path,           // one address in brackets, which cannot be a group
  typed_address,  // 3.2.2: "rfc822; joe@example.org"
  comments,       // 3.2.3, 3.2.4: nothing but comments may hold it, else the field is put aside
  received,       // 3.2.5
  mime_value,     // 3.2.6
  phrases,        // 3.2.8
  text,           // 3.2.7, 3.2.9
};

struct Known {
  std::string_view name;
  Kind kind;
};

constexpr std::array kKnown = {
    Known{"from", Kind::addresses},
    Known{"sender", Kind::addresses},
    Known{"reply-to", Kind::addresses},
    Known{"to", Kind::addresses},
    Known{"cc", Kind::addresses},
    Known{"bcc", Kind::addresses},
    Known{"resent-from", Kind::addresses},
    Known{"resent-sender", Kind::addresses},
    Known{"resent-reply-to", Kind::addresses},
    Known{"resent-to", Kind::addresses},
    Known{"resent-cc", Kind::addresses},
    Known{"resent-bcc", Kind::addresses},
    Known{"disposition-notification-to", Kind::addresses},
    Known{"return-path", Kind::path},
    Known{"original-recipient", Kind::typed_address},
    Known{"final-recipient", Kind::typed_address},
    Known{"date", Kind::comments},
    Known{"resent-date", Kind::comments},
    Known{"message-id", Kind::comments},
    Known{"resent-message-id", Kind::comments},
    Known{"in-reply-to", Kind::comments},
    Known{"references", Kind::comments},
    Known{"mime-version", Kind::comments},
    Known{"content-id", Kind::comments},
    Known{"content-transfer-encoding", Kind::comments},
    Known{"content-language", Kind::comments},
    Known{"accept-language", Kind::comments},
    Known{"auto-submitted", Kind::comments},
    Known{"received", Kind::received},
    Known{"content-type", Kind::mime_value},
    Known{"content-disposition", Kind::mime_value},
    Known{"keywords", Kind::phrases},
};

Kind kind_of(std::string_view name) {
  const auto* const known =
      std::ranges::find_if(kKnown, [&](const Known& one) { return same_name(one.name, name); });
  return known == kKnown.end() ? Kind::text : known->kind;
}

void write_text(FieldWriter& writer, std::string_view body) {
  writer.words(words_of(body, false).words);
}

bool is_text(const Token& token) {
  return token.kind != Token::Kind::blank && token.kind != Token::Kind::comment;
}

/// Comments apart, whether it is ASCII.
bool ascii_but_comments(Part tokens) {
  return std::ranges::none_of(
      tokens, [](const Token& token) { return is_text(token) && has_8bit(token.raw); });
}

void write_tokens(FieldWriter& writer, Part tokens) {
  for (const Token& token : tokens) writer.token(token);
}

// The writers below say false where the field cannot be said under its name.

bool write_comments(FieldWriter& writer, std::string_view body) {
  const Tokens tokens = tokens_of(body, kAddressSpecials);
  if (!ascii_but_comments(tokens)) return false;
  write_tokens(writer, tokens);
  return true;
}

bool write_path(FieldWriter& writer, std::string_view body) {
  const Tokens tokens = tokens_of(body, kAddressSpecials);
  if (ascii_but_comments(tokens)) return write_comments(writer, body);
  const auto begin = std::ranges::find_if(tokens, [](const Token& t) { return t.is('<'); });
  const auto end = std::find_if(begin, tokens.end(), [](const Token& t) { return t.is('>'); });
  if (end == tokens.end()) return false;
  const auto address = ascii_address({begin + 1, end});
  const Part head(tokens.begin(), begin);
  const Part tail(end + 1, tokens.end());
  if (!address || !ascii_but_comments(head) || !ascii_but_comments(tail)) return false;
  write_tokens(writer, head);
  writer.word("<" + *address + ">");
  write_tokens(writer, tail);
  return true;
}

/// RFC 6533 section 3: characters of a utf-8 address as \x{…}.
bool write_typed_address(FieldWriter& writer, std::string_view body) {
  const Tokens tokens = tokens_of(body, ";");
  const auto semicolon = std::ranges::find_if(tokens, [](const Token& t) { return t.is(';'); });
  const Part type(tokens.begin(), semicolon);
  const Part address(semicolon, tokens.end());
  const auto word = std::ranges::find_if(type, is_text);
  if (!ascii_but_comments(type) || word == type.end()) return false;
  if (!ascii_but_comments(address) && pop3::to_lower(word->raw) != "utf-8") return false;
  write_tokens(writer, type);
  for (const Token& token : address) {
    if (!is_text(token) || !has_8bit(token.raw)) {
      writer.token(token);
      continue;
    }
    std::string text;
    for (std::string_view rest = token.raw; !rest.empty();) {
      const utf8::Character c = utf8::first_character(rest);
      if (!c.valid) return false;
      text += c.value < 0x80 ? std::string(rest.substr(0, 1))
                             : fmt::format("\\x{{{:X}}}", static_cast<std::uint32_t>(c.value));
      rest.remove_prefix(c.size);
    }
    writer.word(text);
  }
  return true;
}

bool is_clause(const Token& token) {
  constexpr std::array<std::string_view, 6> kClauses = {"from", "by", "via", "with", "id", "for"};
  return token.kind == Token::Kind::text &&
         std::ranges::find(kClauses, pop3::to_lower(token.raw)) != kClauses.end();
}

/// A clause of Received with its word in front. What ASCII cannot say of FROM and BY makes it say
/// false; other such clauses are left out.
bool write_clause(FieldWriter& writer, Part clause) {
  if (ascii_but_comments(clause)) {
    write_tokens(writer, clause);
    return true;
  }
  const std::string word = pop3::to_lower(clause.front().raw);
  if (word == "from" || word == "by") {
    for (const Token& token : clause) {
      if (!is_text(token) || !has_8bit(token.raw)) {
        writer.token(token);
        continue;
      }
      const auto domain = ascii_domain(token.raw);
      if (!domain) return false;
      writer.word(*domain);
    }
    return true;
  }
  if (word != "for") return true;
  const auto begin = std::ranges::find_if(clause, [](const Token& t) { return t.is('<'); });
  const auto end = std::find_if(begin, clause.end(), [](const Token& t) { return t.is('>'); });
  const bool angle = end != clause.end();
  const auto address = ascii_address(angle ? Part(begin + 1, end) : clause.subspan(1));
  if (!address) return true;
  writer.space();
  writer.word(clause.front().raw);
  writer.space();
  writer.word(angle ? "<" + *address + ">" : *address);
  writer.space();
  return true;
}

bool write_received(FieldWriter& writer, std::string_view body) {
  const Tokens tokens = tokens_of(body, kAddressSpecials);
  const auto last = std::find_if(tokens.rbegin(), tokens.rend(),
                                 [](const Token& token) { return token.is(';'); });
  const auto date = last == tokens.rend() ? tokens.end() : last.base() - 1;
  if (!ascii_but_comments({date, tokens.end()})) return false;
  auto at = tokens.begin();
  while (at != date) {
    const auto next = std::find_if(at + 1, date, is_clause);
    const Part clause(at, next);
    if (!is_clause(*at) && !ascii_but_comments(clause)) return false;
    if (!write_clause(writer, clause)) return false;
    at = next;
  }
  write_tokens(writer, {date, tokens.end()});
  return true;
}

bool write_phrases(FieldWriter& writer, std::string_view body) {
  const Tokens tokens = tokens_of(body, ",");
  for (Part rest = tokens; !rest.empty();) {
    const auto comma = std::ranges::find_if(rest, [](const Token& token) { return token.is(','); });
    const Part phrase(rest.begin(), comma);
    write_phrase(writer, phrase);
    rest = rest.subspan(phrase.size());
    if (rest.empty()) break;
    writer.token(rest.front());
    rest = rest.subspan(1);
  }
  return true;
}

bool write_body(FieldWriter& writer, Kind kind, std::string_view body) {
  switch (kind) {
    case Kind::addresses:
      write_addresses(writer, tokens_of(body, kAddressSpecials));
      return true;
    case Kind::path:
      return write_path(writer, body);
    case Kind::typed_address:
      return write_typed_address(writer, body);
    case Kind::comments:
      return write_comments(writer, body);
    case Kind::received:
      return write_received(writer, body);
    case Kind::mime_value:
      write_mime_value(writer, body);
      return true;
    case Kind::phrases:
      return write_phrases(writer, body);
    case Kind::text:
      break;
  }
  write_text(writer, body);
  return true;
}

std::string_view end_of(std::string_view text) {
  return text.substr(text.find_last_not_of("\r\n") + 1);
}

/// "Name:" and what the body becomes; null where that cannot be said under this name.
std::optional<std::string> written(const std::string& name, Kind kind, std::string_view body) {
  FieldWriter writer(name + ":");
  if (!body.starts_with(' ') && !body.starts_with('\t')) writer.space();
  if (!write_body(writer, kind, body)) return std::nullopt;
  return writer.take();
}

}  // namespace

std::string downgrade_field(std::string_view field) {
  const std::string_view line_end = end_of(field);
  const auto [name, body] = parse_field(field.substr(0, field.size() - line_end.size()));
  if (name.empty() || has_8bit(name)) return downgrade_text(field);
  const std::string text = unfolded(body);
  const std::string as(name);
  auto out = written(as, kind_of(name), text);
  // ENCAPSULATION of section 3.1.10.
  if (!out) out = written("Downgraded-" + as, Kind::text, text);
  return out->append(line_end);
}

std::string downgrade_text(std::string_view text) {
  FieldWriter writer{std::string()};
  write_text(writer, unfolded(text));
  return writer.take().append(end_of(text));
}

}  // namespace gatepost::filters::downgrade
