#include "filters/message/header_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "proxy/base/utf8.h"
#include "proxy/pop3/ascii.h"
#include "proxy/pop3/sasl.h"

namespace gatepost::filters {

namespace {

constexpr std::string_view kBase64Alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// One encoded word (RFC 2047 section 2), as views into the field.
struct Word {
  std::string_view charset;  ///< without a language (RFC 2231 section 5)
  char encoding = 'Q';
  std::string_view text;
  std::size_t size = 0;  ///< from "=?" to "?="
};

std::optional<Word> word_at(std::string_view field) {
  if (!field.starts_with("=?")) return std::nullopt;
  const std::size_t charset_end = field.find('?', 2);
  if (charset_end == std::string_view::npos || charset_end + 2 >= field.size()) return std::nullopt;
  if (field[charset_end + 2] != '?') return std::nullopt;
  const std::size_t end = field.find('?', charset_end + 3);
  if (end == std::string_view::npos || !field.substr(end).starts_with("?=")) return std::nullopt;
  Word word;
  word.charset = field.substr(2, charset_end - 2);
  word.charset = word.charset.substr(0, word.charset.find('*'));
  word.encoding = field[charset_end + 1];
  word.text = field.substr(charset_end + 3, end - charset_end - 3);
  word.size = end + 2;
  return word;
}

std::string decode_q(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_') {
      out += ' ';
    } else if (text[i] == '=' && i + 2 < text.size() && pop3::hex_value(text[i + 1]) >= 0 &&
               pop3::hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(pop3::hex_value(text[i + 1]) * 16 + pop3::hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// What can be read of it: senders forget the padding.
std::string decode_b(std::string_view text) {
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = kBase64Alphabet.find(c);
    if (value == std::string_view::npos) continue;
    bits = (bits << 6U) | static_cast<unsigned>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xffU);
    }
  }
  return out;
}

enum class Charset : std::uint8_t { utf8, latin1, latin9, windows1252, unknown };

Charset charset_of(std::string_view name) {
  const std::string upper = pop3::to_upper(name);
  if (upper == "UTF-8" || upper == "US-ASCII") return Charset::utf8;
  if (upper == "ISO-8859-1") return Charset::latin1;
  if (upper == "ISO-8859-15") return Charset::latin9;
  if (upper == "WINDOWS-1252") return Charset::windows1252;
  return Charset::unknown;
}

/// 0x80 to 0x9f; 0xfffd where there is nothing.
constexpr std::array<char32_t, 32> kWindows1252 = {
    0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178};

char32_t latin9(unsigned char octet) {
  switch (octet) {
    case 0xa4:
      return 0x20ac;
    case 0xa6:
      return 0x160;
    case 0xa8:
      return 0x161;
    case 0xb4:
      return 0x17d;
    case 0xb8:
      return 0x17e;
    case 0xbc:
      return 0x152;
    case 0xbd:
      return 0x153;
    case 0xbe:
      return 0x178;
    default:
      return octet;
  }
}

std::string to_utf8(std::string octets, Charset charset) {
  if (charset == Charset::utf8) return octets;
  std::string out;
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    char32_t value = octet;
    if (charset == Charset::latin9) value = latin9(octet);
    if (charset == Charset::windows1252 && octet >= 0x80 && octet < 0xa0) {
      value = kWindows1252[octet - 0x80U];
    }
    utf8::append(out, value);
  }
  return out;
}

std::optional<std::string> decode(const Word& word) {
  const Charset charset = charset_of(word.charset);
  const char encoding = pop3::to_upper(word.encoding);
  if (charset == Charset::unknown || (encoding != 'B' && encoding != 'Q')) return std::nullopt;
  return to_utf8(encoding == 'B' ? decode_b(word.text) : decode_q(word.text), charset);
}

constexpr std::string_view kBlanks = " \t\r\n";

/// Octets of UTF-8 of at most `limit` octets at the front of `text`, whole characters.
std::size_t whole_characters(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text.size();
  while (limit > 0 && utf8::is_continuation(text[limit])) --limit;
  return limit;
}

constexpr std::size_t kLine = 76;        // RFC 2047 section 2
constexpr std::size_t kWordOctets = 36;  // 48 of base64, and "=?UTF-8?B?" with "?="

bool is_word(char c) {
  const char upper = pop3::to_upper(c);
  return (upper >= 'A' && upper <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string decode_words(std::string_view field) {
  field = field.substr(0, kMaxFieldText);
  std::string out;
  std::size_t at = 0;
  while (at < field.size()) {
    const std::size_t start = field.find("=?", at);
    const auto gap = field.substr(at, start - at);
    if (start == std::string_view::npos) {
      out += gap;
      break;
    }
    const auto word = word_at(field.substr(start));
    const auto text = word ? decode(*word) : std::nullopt;
    if (!text) {
      out += field.substr(at, start + 2 - at);
      at = start + 2;
      continue;
    }
    // Blanks between two encoded words are not part of the text (RFC 2047 section 6.2).
    const bool after_word = at > 0 && field.substr(0, at).ends_with("?=");
    if (!after_word || gap.find_first_not_of(kBlanks) != std::string_view::npos) out += gap;
    out += *text;
    at = start + word->size;
  }
  return out;
}

std::string inert_text(std::string_view text, std::size_t max_characters) {
  std::string out;
  std::size_t count = 0;
  bool blank = false;
  while (!text.empty()) {
    const utf8::Character c = utf8::first_character(text);
    const std::string_view octets = text.substr(0, c.size);
    text.remove_prefix(c.size);
    const bool control = c.valid && (c.value < 0x20 || (c.value >= 0x7f && c.value <= 0x9f));
    if (control || (c.valid && utf8::is_blank(c.value))) {
      blank = true;
      continue;
    }
    if (c.valid && utf8::is_active(c.value)) continue;
    const bool separated = blank && !out.empty();
    if (count + (separated ? 2 : 1) > max_characters) {
      out += "…";
      break;
    }
    if (separated) out += ' ';
    out += c.valid ? octets : "?";
    count += separated ? 2 : 1;
    blank = false;
  }
  return out;
}

std::string readable_field(std::string_view field, std::size_t max_characters) {
  return inert_text(decode_words(field), max_characters);
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string without_links(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string start = pop3::to_upper(text.substr(i, 8));
    if (start.starts_with("HTTP://") || start.starts_with("HTTPS://")) {
      const bool secure = start[4] == 'S';
      out += secure ? "hxxps://" : "hxxp://";
      i += secure ? 7 : 6;
    } else if (start.starts_with("://")) {
      out += "[:]//";
      i += 2;
    } else if ((start.starts_with("WWW.") || start.starts_with("FTP.")) &&
               (i == 0 || !is_word(text[i - 1]))) {
      out += text.substr(i, 3);
      out += "[.]";
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_plain(std::string_view text) {
  return text.find("=?") == std::string_view::npos &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string encode_words(std::string_view text, std::size_t used) {
  const bool plain = is_plain(text);
  std::string out;
  const auto add = [&](std::string_view word, bool first) {
    const bool fold = used + 1 + word.size() > kLine && (!first || used > 1);
    if (fold) {
      out += "\r\n";
      used = 0;
    }
    if (!first || fold) {
      out += ' ';
      ++used;
    }
    out += word;
    used += word.size();
  };
  bool first = true;
  while (!text.empty()) {
    if (plain) {
      const std::size_t end = std::min(text.find(' '), text.size());
      add(text.substr(0, end), first);
      text.remove_prefix(std::min(end + 1, text.size()));
    } else {
      const std::size_t size = whole_characters(text, kWordOctets);
      add("=?UTF-8?B?" + pop3::base64_encode(text.substr(0, size)) + "?=", first);
      text.remove_prefix(size);
    }
    first = false;
  }
  return out;
}

}  // namespace gatepost::filters
