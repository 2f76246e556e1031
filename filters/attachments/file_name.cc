#include "filters/attachments/file_name.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "proxy/base/utf8.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

using Text = std::u32string;

/// 0x80 to 0xff of code page 437, which old archives are written in.
constexpr std::u32string_view kCodePage437 =
    U"ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
    U"└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";
static_assert(kCodePage437.size() == 128);

enum class Octets : std::uint8_t { latin1, code_page_437 };  // what is no UTF-8 is taken for

/// False in `valid` when an octet was not UTF-8.
Text characters(std::string_view octets, Octets otherwise, bool& valid) {
  Text text;
  valid = true;
  while (!octets.empty()) {
    const utf8::Character c = utf8::first_character(octets);
    if (c.valid) {
      text += c.value;
    } else {
      valid = false;
      const auto octet = static_cast<unsigned char>(octets.front());
      text += otherwise == Octets::latin1 ? char32_t{octet} : kCodePage437[octet - 0x80U];
    }
    octets.remove_prefix(c.size);
  }
  return text;
}

std::string without_percent(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool coded = name[i] == '%' && i + 2 < name.size() && pop3::hex_value(name[i + 1]) >= 0 &&
                       pop3::hex_value(name[i + 2]) >= 0;
    out += coded
               ? static_cast<char>(pop3::hex_value(name[i + 1]) * 16 + pop3::hex_value(name[i + 2]))
               : name[i];
    if (coded) i += 2;
  }
  return out;
}

/// What stands behind an override to the left is shown backwards, until it is taken back.
Text as_the_eye_sees(Text text) {
  constexpr char32_t kToTheLeft = 0x202e;
  constexpr std::u32string_view kEnd = U"\u202a\u202b\u202c\u202d\u2066\u2067\u2068\u2069";
  for (std::size_t at = text.find(kToTheLeft); at != Text::npos; at = text.find(kToTheLeft, at)) {
    const std::size_t end = std::min(text.find_first_of(kEnd, at), text.size());
    std::reverse(text.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                 text.begin() + static_cast<std::ptrdiff_t>(end));
    text.erase(at, 1);
  }
  return text;
}

/// As plain ASCII where it looks like that (forms of Unicode that NFKC makes the same letters of).
char32_t plain(char32_t c) {
  if (c >= 0xff01 && c <= 0xff5e) return c - 0xff01 + U'!';            // full-width
  if (c >= 0x1d400 && c <= 0x1d6a3) return U'a' + (c - 0x1d400) % 26;  // mathematical
  if (c >= 0x1d7ce && c <= 0x1d7ff) return U'0' + (c - 0x1d7ce) % 10;
  if (c >= 0x24b6 && c <= 0x24e9) return U'a' + (c - 0x24b6) % 26;  // in circles
  switch (c) {
    case 0x2024:  // one dot leader
    case 0x3002:
    case 0xff61:  // ideographic full stops
    case 0xfe52:  // small full stop
      return U'.';
    case 0x2044:  // fraction slash
    case 0x2215:  // division slash
      return U'/';
    case 0xfe68:  // small reverse solidus
      return U'\\';
    case 0xfe55:  // small colon
      return U':';
    case 0x212a:  // Kelvin
      return U'k';
    case 0x17f:  // long s
      return U's';
    default:
      return utf8::is_blank(c) ? U' ' : c;
  }
}

/// Lower case of Latin, Greek and Cyrillic, whatever the locale.
char32_t lower(char32_t c) {
  if (c >= U'A' && c <= U'Z') return c + 32;
  if (c >= 0xc0 && c <= 0xde && c != 0xd7) return c + 32;
  if (c >= 0x100 && c <= 0x137) return c | 1U;
  if (c >= 0x14a && c <= 0x177) return c | 1U;
  if (c >= 0x391 && c <= 0x3a9) return c + 32;
  if (c >= 0x410 && c <= 0x42f) return c + 32;
  if (c >= 0x400 && c <= 0x40f) return c + 80;
  return c;
}

Text folded(const Text& text) {
  Text out;
  for (const char32_t c : text) {
    const char32_t seen = plain(c);
    if (seen == U' ' || !utf8::is_active(seen)) out += lower(seen);
  }
  return out;
}

std::string to_utf8(const Text& text) {
  std::string out;
  for (const char32_t c : text) utf8::append(out, c);
  return out;
}

Text without(Text text, std::u32string_view unwanted) {
  std::erase_if(text, [&](char32_t c) { return unwanted.find(c) != Text::npos; });
  return text;
}

Text trimmed(const Text& text) {
  const std::size_t begin = text.find_first_not_of(U' ');
  const std::size_t end = text.find_last_not_of(U" .");
  if (begin == Text::npos || end == Text::npos || end < begin) return {};
  return text.substr(begin, end + 1 - begin);
}

/// What stands behind the last separator; of "evil.exe/" what stands before it.
Text last_component(Text text) {
  const std::size_t end = text.find_last_not_of(U"/\\ ");
  text.resize(end == Text::npos ? 0 : end + 1);
  const std::size_t slash = text.find_last_of(U"/\\");
  return slash == Text::npos ? text : text.substr(slash + 1);
}

class Readings {
 public:
  void of_octets(std::string_view octets) {
    bool valid = true;
    of_text(characters(octets, Octets::latin1, valid));
    if (!valid) of_text(characters(octets, Octets::code_page_437, valid));
  }
  [[nodiscard]] std::vector<std::string> take() {
    if (found_.empty()) found_.emplace_back();
    return std::move(found_);
  }

 private:
  void of_text(const Text& text) {
    of_direction(text);
    const std::size_t nul = text.find(U'\0');
    if (nul != Text::npos) of_direction(text.substr(0, nul));
  }
  void of_direction(const Text& text) {
    of_quotes(folded(text));
    if (text.find(char32_t{0x202e}) != Text::npos) of_quotes(folded(as_the_eye_sees(text)));
  }
  void of_quotes(const Text& text) {
    // What Windows does not take in a name goes, or becomes "_".
    constexpr std::u32string_view kQuotes = U"\"'<>|?*`";
    of_path(text);
    if (text.find_first_of(kQuotes) != Text::npos) of_path(without(text, kQuotes));
  }
  void of_path(const Text& text) {
    const Text last = last_component(text);
    of_streams(last);
    // "evil.e\xe": who takes the backslash for a quoting one sees no folder.
    const bool quoting = text.find(U'\\') != Text::npos && last.find(U'.') == Text::npos;
    if (quoting) of_streams(without(text, U"\\"));
  }
  void of_streams(const Text& text) {
    add(without(text, U":"));
    std::size_t begin = 0;
    for (int i = 0; i < 3 && text.find(U':') != Text::npos; ++i) {
      const std::size_t end = std::min(text.find(U':', begin), text.size());
      add(text.substr(begin, end - begin));
      if (end == text.size()) break;
      begin = end + 1;
    }
  }
  void add(const Text& text) {
    std::string reading = to_utf8(trimmed(text));
    if (reading.empty() || found_.size() >= kMaxNameReadings) return;
    if (std::ranges::find(found_, reading) == found_.end()) found_.push_back(std::move(reading));
  }
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> name_readings(std::string_view name) {
  Readings readings;
  readings.of_octets(name);
  std::string once = without_percent(name);
  if (once != name) {
    readings.of_octets(once);
    const std::string twice = without_percent(once);
    if (twice != once) readings.of_octets(twice);
  }
  return readings.take();
}

bool matches_glob(std::string_view pattern, std::string_view text) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = kNone;  // the last "*", which takes in as little as it can
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      ++t;
      while (t < text.size() && utf8::is_continuation(text[t])) ++t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != kNone) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == kNone;
}

NamePatterns::NamePatterns(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {
  for (const std::string& pattern : patterns_) {
    bool valid = true;
    folded_.push_back(to_utf8(folded(characters(pattern, Octets::latin1, valid))));
  }
}

const std::string* NamePatterns::find(std::string_view reading) const {
  for (std::size_t i = 0; i < folded_.size(); ++i) {
    if (matches_glob(folded_[i], reading)) return &patterns_[i];
  }
  return nullptr;
}

const std::string* NamePatterns::match(std::string_view name, const NamePatterns& except) const {
  if (empty()) return nullptr;
  for (const std::string& reading : name_readings(name)) {
    const std::string* const pattern = find(reading);
    if (pattern != nullptr && except.find(reading) == nullptr) return pattern;
  }
  return nullptr;
}

bool NamePatterns::match_all(std::string_view name) const {
  return !empty() && std::ranges::all_of(name_readings(name), [this](const std::string& reading) {
    return find(reading) != nullptr;
  });
}

}  // namespace gatepost::filters
