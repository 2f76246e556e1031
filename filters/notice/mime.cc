#include "filters/notice/mime.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "filters/message/header_text.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

constexpr std::size_t kMaxEncodedLine = 76;

bool is_literal(char c) { return (c >= '!' && c <= '~' && c != '=') || c == ' ' || c == '\t'; }

std::string encode_octet(char c) {
  return fmt::format("={:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
}

void encode_line(std::string_view line, std::string& out) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool last = i + 1 == line.size();
    const bool blank_at_end = last && (c == ' ' || c == '\t');
    const std::string piece = is_literal(c) && !blank_at_end ? std::string(1, c) : encode_octet(c);
    if (used + piece.size() > kMaxEncodedLine - (last ? 0 : 1)) {
      out += "=\r\n";
      used = 0;
    }
    out += piece;
    used += piece.size();
  }
  out += "\r\n";
}

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// All of `text` as a number up to `most`, of at least `digits` digits.
std::optional<int> number(std::string_view text, std::size_t digits, int most) {
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.size() < digits || problem != std::errc() || end != text.data() + text.size() ||
      value < 0 || value > most) {
    return std::nullopt;
  }
  return value;
}

std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  constexpr std::size_t kEnough = 8;
  std::vector<std::string_view> words;
  while (words.size() < kEnough) {
    const std::size_t start = text.find_first_not_of(kBlanks);
    if (start == std::string_view::npos) break;
    text.remove_prefix(start);
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

std::optional<std::string> clean_zone(std::string_view zone) {
  if (zone.size() == 5 && (zone[0] == '+' || zone[0] == '-') && number(zone.substr(1), 4, 9959)) {
    return std::string(zone);
  }
  const std::string name = pop3::to_upper(zone);
  if (name == "GMT" || name == "UT" || name == "UTC" || name == "Z") return "+0000";
  if (!name.empty() && std::ranges::all_of(name, [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return "-0000";  // RFC 5322 section 4.3: nobody knows what it means
  }
  return std::nullopt;
}

std::optional<std::string> clean_time(std::string_view text) {
  if (text.size() != 5 && text.size() != 8) return std::nullopt;
  const auto hour = number(text.substr(0, 2), 2, 23);
  const auto minute = number(text.substr(3, 2), 2, 59);
  const auto second = text.size() == 5 ? 0 : number(text.substr(6), 2, 60);
  const bool colons = text[2] == ':' && (text.size() == 5 || text[5] == ':');
  if (!hour || !minute || !second || !colons) return std::nullopt;
  return fmt::format("{:02}:{:02}:{:02}", *hour, *minute, *second);
}

}  // namespace

std::string quoted_printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    encode_line(text.substr(0, end), out);
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return out;
}

std::string clean_date(std::string_view field) {
  constexpr int kLastYear = 9999;
  auto words = words_of(field);
  if (!words.empty() && words.front().ends_with(',')) words.erase(words.begin());
  if (words.size() < 5) return {};
  const auto day = number(words[0], 1, 31);
  const auto upper = [](std::string_view name) { return pop3::to_upper(name); };
  const auto* const month = std::ranges::find(kMonths, upper(words[1]), upper);
  const auto year = number(words[2], 4, kLastYear);
  const auto time = clean_time(words[3]);
  const auto zone = clean_zone(words[4]);
  if (!day || *day == 0 || month == kMonths.end() || !year || !time || !zone) return {};
  return fmt::format("{} {} {:04} {} {}", *day, *month, *year, *time, *zone);
}

std::string sender_name(std::string_view from) {
  constexpr std::size_t kMaxName = 60;
  const std::size_t angle = from.find('<');
  std::string name = inert_text(from.substr(0, angle), kMaxName);
  std::erase(name, '"');
  if (name.find_first_not_of(' ') == std::string::npos && angle != std::string_view::npos) {
    const std::string_view rest = from.substr(angle + 1);
    name = inert_text(rest.substr(0, rest.find('>')), kMaxName);
  }
  return without_links(name);
}

std::string phrase(std::string_view text, std::size_t used) {
  if (!is_plain(text)) return encode_words(text, used);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace gatepost::filters
