#include "filters/utf8_downgrade/addresses.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/utf8_downgrade/domain.h"

namespace gatepost::filters::downgrade {

namespace {

using Part = std::span<const Token>;

bool all_ascii(Part tokens) {
  return std::ranges::none_of(tokens, [](const Token& token) { return has_8bit(token.raw); });
}

bool is_cfws(const Token& token) {
  return token.kind == Token::Kind::blank || token.kind == Token::Kind::comment;
}

/// Without the comments around it.
std::string raw_text(Part tokens) {
  std::string text;
  for (const Token& token : tokens) {
    if (token.kind != Token::Kind::comment) text += token.raw;
  }
  return std::string(trimmed(text));
}

void write_tokens(FieldWriter& writer, Part tokens) {
  for (const Token& token : tokens) writer.token(token);
}

/// Up to the first of these specials that is not between < and >.
std::size_t element_size(Part tokens, std::string_view ends) {
  bool angle = false;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind != Token::Kind::special) continue;
    const char c = tokens[i].raw.front();
    if (c == '<') angle = true;
    if (c == '>') angle = false;
    if (!angle && ends.find(c) != std::string_view::npos) return i;
  }
  return tokens.size();
}

/// The address of a mailbox: between < and >, or all of it.
struct Mailbox {
  Part name, address, tail;
  bool angle = false;
};

Mailbox mailbox_of(Part tokens) {
  const auto begin = std::ranges::find_if(tokens, [](const Token& t) { return t.is('<'); });
  if (begin == tokens.end()) return {.name = {}, .address = tokens, .tail = {}};
  const auto end = std::find_if(begin, tokens.end(), [](const Token& t) { return t.is('>'); });
  const auto tail = end == tokens.end() ? end : end + 1;
  return {.name = {tokens.begin(), begin},
          .address = {begin + 1, end},
          .tail = {tail, tokens.end()},
          .angle = true};
}

/// Whether the mailbox can stay one.
bool is_sayable(Part tokens) {
  const Part address = mailbox_of(tokens).address;
  const bool ascii = std::ranges::all_of(
      address, [](const Token& token) { return is_cfws(token) || !has_8bit(token.raw); });
  return ascii || ascii_address(address).has_value();
}

void write_comments(FieldWriter& writer, Part tokens) {
  for (const Token& token : tokens) {
    if (token.kind != Token::Kind::comment) continue;
    writer.space();
    writer.token(token);
  }
}

/// The words of a phrase, for one to be added.
std::vector<Word> words_of_phrase(Part tokens) {
  std::vector<Word> words;
  std::string blank;
  bool open = false;
  for (const Token& token : tokens) {
    if (is_cfws(token)) {
      blank = token.kind == Token::Kind::blank ? std::string(token.raw) : " ";
      open = false;
      continue;
    }
    if (!open) words.push_back({.blank = std::exchange(blank, {}), .raw = {}, .text = {}});
    open = true;
    words.back().raw += token.raw;
    words.back().text +=
        token.kind == Token::Kind::quoted ? unquoted(token.raw) : std::string(token.raw);
  }
  return words;
}

/// An empty group: the name of what it was, and the text that ASCII cannot say.
void write_empty_group(FieldWriter& writer, Part name, const std::string& text) {
  std::vector<Word> words = words_of_phrase(name);
  words.push_back({.blank = words.empty() ? "" : " ", .raw = text, .text = text});
  writer.words(words);
  writer.blank();
  writer.word(":;");
}

void write_mailbox(FieldWriter& writer, Part tokens) {
  while (!tokens.empty() && tokens.front().kind == Token::Kind::blank) {
    writer.token(tokens.front());
    tokens = tokens.subspan(1);
  }
  const Mailbox mailbox = mailbox_of(tokens);
  const auto address = ascii_address(mailbox.address);
  const bool as_it_is = std::ranges::all_of(
      mailbox.address, [](const Token& token) { return is_cfws(token) || !has_8bit(token.raw); });
  if (!as_it_is && !address) {
    write_empty_group(writer, mailbox.name, raw_text(mailbox.address));
    for (const Part part : {mailbox.name, mailbox.address, mailbox.tail}) {
      write_comments(writer, part);
    }
    return;
  }
  if (mailbox.angle) {
    write_phrase(writer, mailbox.name);
    if (!mailbox.name.empty()) writer.space();
    writer.word("<");
  }
  if (as_it_is) {
    write_tokens(writer, mailbox.address);
  } else {
    writer.word(*address);
    write_comments(writer, mailbox.address);
  }
  if (mailbox.angle) writer.word(">");
  write_phrase(writer, mailbox.tail);
}

/// Behind the colon, up to its semicolon.
void write_group(FieldWriter& writer, Part name, Part list) {
  bool sayable = true;
  for (Part rest = list; sayable && !rest.empty();) {
    const std::size_t size = element_size(rest, ",");
    sayable = is_sayable(rest.first(size));
    rest = rest.subspan(std::min(size + 1, rest.size()));
  }
  if (!sayable) {
    while (!name.empty() && name.front().kind == Token::Kind::blank) {
      writer.token(name.front());
      name = name.subspan(1);
    }
    return write_empty_group(writer, name, raw_text(list));
  }
  write_phrase(writer, name);
  writer.word(":");
  for (Part rest = list; !rest.empty();) {
    const std::size_t size = element_size(rest, ",");
    write_mailbox(writer, rest.first(size));
    if (size < rest.size()) writer.word(",");
    rest = rest.subspan(std::min(size + 1, rest.size()));
  }
  writer.word(";");
}

}  // namespace

std::optional<std::string> ascii_address(std::span<const Token> tokens) {
  std::string local;
  std::string domain;
  bool at = false;
  for (const Token& token : tokens) {
    if (is_cfws(token)) continue;
    if (token.is('@') && !at) {
      at = true;
    } else if (token.kind == Token::Kind::special) {
      return std::nullopt;  // a route, or nothing that is known
    } else if (!at && has_8bit(token.raw)) {
      return std::nullopt;
    } else {
      (at ? domain : local) += token.raw;
    }
  }
  if (!at || local.empty()) return std::nullopt;
  const auto ascii = has_8bit(domain) ? ascii_domain(domain) : domain;
  if (!ascii) return std::nullopt;
  return local + "@" + *ascii;
}

void write_phrase(FieldWriter& writer, std::span<const Token> tokens) {
  if (all_ascii(tokens)) return write_tokens(writer, tokens);
  while (!tokens.empty()) {
    const auto comment = std::ranges::find(tokens, Token::Kind::comment, &Token::kind);
    const Part phrase(tokens.begin(), comment);
    writer.words(words_of_phrase(phrase));
    if (!phrase.empty() && phrase.back().kind == Token::Kind::blank) writer.token(phrase.back());
    tokens = tokens.subspan(phrase.size());
    if (tokens.empty()) break;
    writer.token(tokens.front());
    tokens = tokens.subspan(1);
  }
}

void write_addresses(FieldWriter& writer, std::span<const Token> tokens) {
  while (!tokens.empty()) {
    const std::size_t size = element_size(tokens, ",;:");
    const Part element = tokens.first(size);
    const bool last = size == tokens.size();
    if (!last && tokens[size].is(':')) {
      tokens = tokens.subspan(size + 1);
      const std::size_t list = element_size(tokens, ";");
      write_group(writer, element, tokens.first(list));
      tokens = tokens.subspan(std::min(list + 1, tokens.size()));
      continue;
    }
    write_mailbox(writer, element);
    if (!last) writer.token(tokens[size]);
    tokens = tokens.subspan(last ? size : size + 1);
  }
}

}  // namespace gatepost::filters::downgrade
