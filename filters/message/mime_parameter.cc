#include "filters/message/mime_parameter.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "filters/message/header_text.h"
#include "filters/message/mime_fields.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

/// One "name*0*=" and where its value begins.
struct Section {
  std::string_view word;  ///< in kNames
  std::string_view name;  ///< what it is called here
  int number = -1;        ///< -1: not cut in sections
  bool extended = false;  ///< percent signs and a charset
  bool quoted = false;    ///< it stands inside quotes
  std::string_view value;
};

using Name = std::pair<std::string_view, std::string_view>;
constexpr std::array<Name, 5> kNames = {Name{"BOUNDARY", "boundary"},
                                        {"CHARSET", "charset"},
                                        {"FILENAME", "name"},
                                        {"NAME", "name"},
                                        {"PROTOCOL", "protocol"}};

bool is_name_char(char c) {
  const char upper = pop3::to_upper(c);
  return (upper >= 'A' && upper <= 'Z') || (c >= '0' && c <= '9') || c == '*' || c == '-' ||
         c == '_' || c == '.';
}

/// The parameter whose name ends at the end of `before`, if it is one of ours.
std::optional<Section> section_before(std::string_view before) {
  before = before.substr(0, before.find_last_not_of(kBlanks) + 1);
  std::size_t begin = before.size();
  while (begin > 0 && is_name_char(before[begin - 1])) --begin;
  if (begin > 0 && before[begin - 1] == '=') return std::nullopt;  // a value
  const std::string word = pop3::to_upper(before.substr(begin));
  const std::size_t star = word.find('*');
  const auto* const name =
      std::ranges::find(kNames, std::string_view(word).substr(0, star), &Name::first);
  if (name == kNames.end()) return std::nullopt;
  Section section{.word = name->first, .name = name->second, .value = {}};
  if (star == std::string::npos) return section;
  std::string_view suffix = std::string_view(word).substr(star + 1);
  section.extended = suffix.empty() || suffix.ends_with('*');
  if (suffix.ends_with('*')) suffix.remove_suffix(1);
  if (suffix.empty()) return section;
  section.number = 0;
  for (const char c : suffix) {
    if (c < '0' || c > '9' || section.number > 9999) return std::nullopt;
    section.number = section.number * 10 + (c - '0');
  }
  return section;
}

/// What stands behind an equals sign, read in all ways.
class Value {
 public:
  Value(std::string_view text, bool& odd) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    if (text.starts_with('"')) {
      read_quoted(text, odd);
    } else {
      read_token(text);
    }
  }
  [[nodiscard]] std::vector<std::string> take() { return std::move(readings_); }

 private:
  void add(std::string_view text) {
    const auto add_new = [this](std::string reading) {
      if (std::ranges::find(readings_, reading) == readings_.end()) {
        readings_.push_back(std::move(reading));
      }
    };
    if (text.find_first_of("\r\n") == std::string_view::npos) return add_new(std::string(text));
    std::string unfolded(text);
    std::erase_if(unfolded, [](char c) { return c == '\r' || c == '\n'; });
    add_new(std::move(unfolded));
    // As one sees it who takes the blanks at the fold away, or makes them one.
    std::string joined;
    std::string single;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\r' && text[i] != '\n') {
        joined += text[i];
        single += text[i];
        continue;
      }
      i = std::min(text.find_first_not_of(kBlanks, i), text.size()) - 1;
      single += ' ';
    }
    add_new(std::move(single));
    add_new(std::move(joined));
  }

  void add_trimmed(std::string_view text) {
    add(text.substr(0, text.find_last_not_of(kBlanks) + 1));
  }

  void read_quoted(std::string_view text, bool& odd) {
    std::string plain;
    std::size_t end = 1;
    while (end < text.size() && text[end] != '"') {
      if (text[end] == '\\' && end + 1 < text.size()) ++end;
      plain += text[end++];
    }
    if (end < text.size()) {
      add(plain);
    } else {
      odd = true;
      add_trimmed(text.substr(1, text.find_first_of(";\r", 1) - 1));
      add_trimmed(text.substr(1, text.find('\r', 1) - 1));
      add_trimmed(plain);
    }
    // By one who knows no backslashes: paths of Windows.
    if (text.substr(0, end).find('\\') != std::string_view::npos) {
      add(text.substr(1, end - 1));
      add(text.substr(1, text.find('"', 1) - 1));
    }
    const std::string_view after = text.substr(std::min(end + 1, text.size()));
    if (!after.empty() && (kBlanks.find(after.front()) == kBlanks.npos) && after.front() != ';') {
      std::string without(text.substr(0, text.find_first_of(";\r")));
      std::erase(without, '"');
      add_trimmed(without);
    }
  }

  void read_token(std::string_view text) {
    const std::string_view token = text.substr(0, text.find_first_of(" \t\r\n;"));
    const std::string_view all = text.substr(0, text.find(';'));
    add(token);
    // By one who stops where a token does, or who takes all up to the next parameter.
    if (token.find_first_of("(,\"'") != std::string_view::npos) {
      for (const char stop : {'(', ','}) add(token.substr(0, token.find(stop)));
      std::string without(token);
      std::erase_if(without, [](char c) { return c == '"' || c == '\''; });
      add(without);
    }
    add_trimmed(all);
    add_trimmed(all.substr(0, all.find('\r')));
  }

  std::vector<std::string> readings_;
};

std::string without_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && pop3::hex_value(text[i + 1]) >= 0 &&
        pop3::hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(pop3::hex_value(text[i + 1]) * 16 + pop3::hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// As UTF-8, if the charset is one that encoded words may have.
std::string converted(const std::string& octets, std::string_view charset) {
  const bool ascii = std::ranges::all_of(octets, [](char c) { return c > 0; });
  if (charset.empty() || ascii) return octets;
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const std::string prefix = "=?" + std::string(charset) + "?Q?";
  std::string word = prefix;
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    word += {'=', kDigits[octet >> 4U], kDigits[octet & 15U]};
  }
  std::string decoded = decode_words(word + "?=");
  return decoded.starts_with(prefix) ? octets : decoded;
}

/// "utf-8'en'text" (RFC 2231 section 4); `rest` is all of it where that form is not kept.
struct Extended {
  std::string_view charset;
  std::string_view rest;
};

Extended split_extended(std::string_view text) {
  const std::size_t language = text.find('\'');
  if (language == std::string_view::npos) return {{}, text};
  const std::size_t rest = text.find('\'', language + 1);
  if (rest == std::string_view::npos) return {{}, text};
  return {text.substr(0, language), text.substr(rest + 1)};
}

/// Sections in a row as one value.
std::string joined(const std::vector<std::pair<Section, std::string>>& sections) {
  std::string_view charset;
  std::string octets;
  bool first = true;
  for (const auto& [section, text] : sections) {
    Extended extended{{}, text};
    if (first && section.extended) extended = split_extended(text);
    if (first) charset = extended.charset;
    octets += section.extended ? without_percent(extended.rest) : std::string(extended.rest);
    first = false;
  }
  return converted(octets, charset);
}

void add_value(MimeParameter& parameter, std::string value) {
  if (std::ranges::find(parameter.values, value) == parameter.values.end()) {
    parameter.values.push_back(std::move(value));
  }
}

/// Of one name: sections in the order of their numbers, as they stand in the field, and with the
/// last one where a number occurs twice.
void join_sections(std::vector<std::pair<Section, std::string>> sections,
                   MimeParameter& parameter) {
  std::string raw;
  for (const auto& [section, text] : sections) raw += text;
  const std::string as_they_stand = joined(sections);
  std::ranges::stable_sort(sections, {}, [](const auto& item) { return item.first.number; });
  std::vector<std::pair<Section, std::string>> unbroken;
  for (const auto& item : sections) {
    if (std::cmp_equal(item.first.number, unbroken.size())) unbroken.push_back(item);
  }
  if (!unbroken.empty()) add_value(parameter, joined(unbroken));
  for (const auto& item : sections) {
    const auto number = static_cast<std::size_t>(item.first.number);
    if (number < unbroken.size()) unbroken[number] = item;
  }
  if (!unbroken.empty()) add_value(parameter, joined(unbroken));
  add_value(parameter, joined(sections));
  add_value(parameter, as_they_stand);
  add_value(parameter, raw);  // by one who only puts them together
}

}  // namespace

MimeParameters read_parameters(std::string_view text) {
  MimeParameters result;
  std::vector<Section> sections;
  bool quoted = false;
  std::size_t name_end = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == '=') {
      std::optional<Section> found = section_before(text.substr(name_end, i - name_end));
      name_end = i;
      if (!found) continue;
      found->quoted = quoted;
      found->value = text.substr(i + 1, kMaxParameter);
      if (sections.size() == kMaxParameters) {
        result.too_many = true;
        break;
      }
      sections.push_back(*found);
    }
  }
  result.odd = quoted;
  std::ranges::stable_partition(sections, [](const Section& section) { return !section.quoted; });
  // A parameter that is cut in sections is where its first one stands.
  std::map<std::string_view, std::vector<std::pair<Section, std::string>>> cut;
  for (const Section& section : sections) {
    std::vector<std::string> values = Value(section.value, result.odd).take();
    if (values.front().size() + 2 >= kMaxParameter) result.too_many = true;
    if (section.number >= 0) {
      cut[section.word].emplace_back(section, values.front());
      continue;
    }
    MimeParameter parameter{.name = std::string(section.name), .values = {}};
    for (std::string& value : values) {
      if (section.extended) {
        const Extended extended = split_extended(value);
        add_value(parameter, converted(without_percent(extended.rest), extended.charset));
        add_value(parameter, without_percent(value));
      }
      add_value(parameter, std::move(value));
    }
    result.list.push_back(std::move(parameter));
  }
  for (auto& [word, pieces] : cut) {
    MimeParameter parameter{.name = std::string(pieces.front().first.name), .values = {}};
    join_sections(std::move(pieces), parameter);
    result.list.push_back(std::move(parameter));
  }
  return result;
}

}  // namespace gatepost::filters
