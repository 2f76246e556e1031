#include "filters/message/mime_fields.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "filters/message/header_text.h"
#include "filters/message/mime_parameter.h"
#include "filters/message/mime_scanner.h"
#include "proxy/base/utf8.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

/// Controls, except those of folded lines.
bool is_foreign(char c) {
  return (static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7f;
}

/// The texts that readers may take for what stands in the field, the field itself first.
std::vector<std::string> texts_of(std::string_view value, bool& odd) {
  std::vector<std::string> texts;
  const auto add = [&texts](std::string text) {
    if (text.find('(') != std::string::npos) texts.push_back(without_comments(text));
    if (std::ranges::find(texts, text) == texts.end()) texts.push_back(std::move(text));
  };
  add(std::string(value));
  if (std::ranges::any_of(value, is_foreign)) {
    odd = true;
    std::string without(value);
    std::erase_if(without, is_foreign);
    add(std::move(without));
    add(std::string(value.substr(0, value.find('\0'))));
  }
  if (value.find("=?") != std::string_view::npos) add(decode_words(value));
  return texts;
}

/// Adds a reading, if it is a new one.
class Readings {
 public:
  Readings(std::vector<std::string>& list, bool& too_many) : list_(list), too_many_(too_many) {}
  void add(std::string_view text) {
    if (std::ranges::find(list_, text) != list_.end()) return;
    if (list_.size() == kMaxReadings) {
      too_many_ = true;
    } else {
      list_.emplace_back(text);
    }
  }

 private:
  std::vector<std::string>& list_;
  bool& too_many_;
};

/// RFC 2045 section 5.1 without 8bit.
bool is_token(char c) {
  return c > ' ' && c <= '~' && std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string::npos;
}

/// "text / HTML junk" as "text/html"; empty if `text` does not begin with a type.
std::string type_at_front(std::string_view text) {
  const auto take_token = [&text] {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    const auto end = std::ranges::find_if_not(text, is_token);
    const std::string_view token = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(token.size());
    return pop3::to_lower(token);
  };
  std::string type = take_token();
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  if (!text.starts_with('/')) {
    const bool end = text.empty() || text.starts_with(';');
    return type == "multipart" && end ? "multipart/mixed" : "";  // so some readers complete it
  }
  text.remove_prefix(1);
  const std::string subtype = take_token();
  return type.empty() || subtype.empty() ? "" : type + "/" + subtype;
}

/// Every type that stands before a parameter, wherever a reader may begin.
void add_types(std::string_view text, Readings& types) {
  if (std::string type = type_at_front(text); !type.empty()) types.add(type);
  // What quotes, backslashes and foreign octets hide; blanks within it too.
  std::string bare;
  for (const char c : text) {
    if (is_token(c) || std::string_view("/;,=").find(c) != std::string_view::npos) bare += c;
  }
  // An empty type before it, or another one: "; text/html", "x, text/html".
  std::string_view rest = bare;
  for (int i = 0; i < 8 && !rest.empty(); ++i) {
    const std::string_view piece = rest.substr(0, rest.find_first_of(";,"));
    rest.remove_prefix(std::min(piece.size() + 1, rest.size()));
    if (piece.find('=') != std::string_view::npos) {
      // "text/html charset=x": its name is no part of the type, but one cannot see where it begins.
      if (i == 0) continue;
      break;
    }
    if (std::string type = type_at_front(piece); !type.empty()) types.add(type);
  }
}

/// A name as a person's computer may store it.
void add_name(std::string_view value, Readings& names) {
  const auto add = [&names](std::string_view name) {
    name = trimmed(name);
    if (name.size() <= MimePart::kMaxName) return names.add(name);
    std::size_t cut = MimePart::kMaxName;
    while (cut > MimePart::kMaxName - 4 && utf8::is_continuation(name[cut])) --cut;
    names.add(name.substr(0, cut));
    std::string_view end = name.substr(name.size() - MimePart::kMaxName);
    while (end.size() > MimePart::kMaxName - 4 && utf8::is_continuation(end.front())) {
      end.remove_prefix(1);
    }
    names.add(end);
  };
  // Encoded words do not belong here (RFC 2047 section 5), and all mail programs decode them.
  if (value.find("=?") != std::string_view::npos) add(decode_words(value));
  add(value);
}

void add_parameters(std::string_view text, MimeField& field) {
  Readings boundaries(field.boundaries, field.too_many);
  Readings names(field.names, field.too_many);
  Readings charsets(field.charsets, field.too_many);
  Readings protocols(field.protocols, field.too_many);
  const MimeParameters parameters = read_parameters(text);
  field.too_many = field.too_many || parameters.too_many;
  field.odd = field.odd || parameters.odd;
  for (const MimeParameter& parameter : parameters.list) {
    for (const std::string& value : parameter.values) {
      if (parameter.name == "boundary") {
        const std::string_view boundary =
            std::string_view(value).substr(0, value.find_last_not_of(kBlanks) + 1);
        boundaries.add(std::string(boundary.substr(0, kMaxBoundary)));
      } else if (parameter.name == "charset") {
        charsets.add(pop3::to_lower(trimmed(value)));
      } else if (parameter.name == "protocol") {
        protocols.add(pop3::to_lower(trimmed(value)));
      } else if (!trimmed(value).empty()) {
        add_name(value, names);
      }
    }
  }
}

/// Before the first parameter.
void add_disposition(std::string_view text, Readings& types) {
  std::string bare;
  for (const char c : text.substr(0, text.find(';'))) {
    if (is_token(c)) bare += c;
  }
  if (bare.empty()) return;
  bare = pop3::to_lower(bare);
  types.add(bare.find("attachment") == std::string::npos ? bare : "attachment");
}

}  // namespace

std::string without_comments(std::string_view text) {
  std::string out;
  std::size_t depth = 0;
  std::size_t open = 0;
  std::size_t kept = 0;  // octets of `out` before the comment
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      if (depth == 0) out += text.substr(i, 2);
      ++i;
    } else if (depth == 0 && (c == '"' || quoted || c != '(')) {
      if (c == '"') quoted = !quoted;
      out += c;
    } else if (c == '(') {
      if (depth++ == 0) {
        open = i;
        kept = out.size();
      }
    } else if (c == ')' && --depth == 0) {
      out += ' ';  // as one blank (RFC 5322 section 3.2.2)
    }
  }
  if (depth == 0) return out;
  out.resize(kept);
  return out.append(text.substr(open));
}

MimeField read_content_type(std::string_view value) {
  MimeField field;
  const std::vector<std::string> texts = texts_of(value, field.odd);
  Readings types(field.types, field.too_many);
  // Without a type that can be understood it is plain text (RFC 2045 section 5.2).
  const std::string strict = type_at_front(texts.front());
  types.add(strict.empty() ? "text/plain" : strict);
  for (const std::string& text : texts) add_types(text, types);
  for (const std::string& text : texts) add_parameters(text, field);
  field.odd = field.odd || (strict.empty() && !trimmed(value).empty());
  return field;
}

MimeField read_content_disposition(std::string_view value) {
  MimeField field;
  const std::vector<std::string> texts = texts_of(value, field.odd);
  Readings types(field.types, field.too_many);
  for (const std::string& text : texts) add_disposition(text, types);
  for (const std::string& text : texts) add_parameters(text, field);
  field.boundaries.clear();
  return field;
}

std::vector<TransferEncoding> read_transfer_encoding(std::string_view value) {
  using enum TransferEncoding;
  using Word = std::pair<std::string_view, TransferEncoding>;
  static constexpr std::array<Word, 6> kWords = {
      Word{"base64", base64}, {"quoted-printable", quoted_printable},
      {"uuencode", uuencode}, {"x-uuencode", uuencode},
      {"x-uue", uuencode},    {"uue", uuencode}};
  const auto encoding_of = [](std::string_view word) {
    const auto* const found = std::ranges::find(kWords, word, &Word::first);
    if (found != kWords.end()) return found->second;
    for (const std::string_view plain : {"7bit", "8bit", "binary", "7-bit", "8-bit", ""}) {
      if (word == plain) return identity;
    }
    return unknown;
  };
  const auto bare = [](std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (c > ' ' && c <= '~') out += c;
    }
    return pop3::to_lower(out);
  };
  const std::string plain = pop3::to_lower(trimmed(value));
  const std::string strict = pop3::to_lower(trimmed(without_comments(value)));
  std::vector<TransferEncoding> readings{
      encoding_of(strict.substr(0, strict.find_first_of(" \t\r\n;,\"")))};
  const auto add = [&readings](TransferEncoding encoding) {
    if (std::ranges::find(readings, encoding) == readings.end()) readings.push_back(encoding);
  };
  add(encoding_of(plain));  // by one who knows but the whole word
  const std::string seen = bare(plain);
  for (const auto& [word, encoding] : std::span(kWords).first(3)) {
    if (seen.find(word) != std::string::npos) add(encoding);
  }
  return readings;
}

}  // namespace gatepost::filters
