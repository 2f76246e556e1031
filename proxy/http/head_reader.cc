#include "proxy/http/head_reader.h"

#include <algorithm>
#include <charconv>

namespace gatepost::http {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || kMarks.contains(c);
  });
}

bool has_controls(std::string_view line) {
  return std::ranges::any_of(line, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

}  // namespace

std::optional<std::string_view> Head::first(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (same(key, name)) return value;
  }
  return std::nullopt;
}

std::size_t Head::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields, [&](const auto& field) { return same(field.first, name); }));
}

std::optional<std::string_view> Head::only(std::string_view name) const {
  return count(name) == 1 ? first(name) : std::nullopt;
}

bool Head::lists(std::string_view name, std::string_view word) const {
  for (const auto& [key, value] : fields) {
    if (!same(key, name)) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      if (same(trim(rest.substr(0, comma)), word)) return true;
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return false;
}

std::optional<StatusLine> StatusLine::parse(std::string_view line, std::string_view protocol) {
  // "HTTP/1.1 200", then nothing or a blank and words.
  constexpr std::size_t kVersion = 5;
  constexpr std::size_t kStatus = 3;
  if (!line.starts_with(protocol)) return std::nullopt;
  line.remove_prefix(protocol.size());
  if (line.size() < kVersion + kStatus || !line.starts_with("/1.") || line[4] != ' ') {
    return std::nullopt;
  }
  StatusLine parsed;
  if (line[3] != '0' && line[3] != '1') return std::nullopt;
  parsed.minor = line[3] - '0';
  line.remove_prefix(kVersion);
  const std::string_view digits = line.substr(0, kStatus);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), parsed.status);
  if (error != std::errc() || end != digits.data() + digits.size() || parsed.status < 100) {
    return std::nullopt;
  }
  line.remove_prefix(kStatus);
  if (!line.empty() && line.front() != ' ') return std::nullopt;
  return parsed;
}

std::optional<std::uint64_t> parse_number(std::string_view digits) {
  constexpr std::uint64_t kMost = 1ULL << 53U;
  std::uint64_t value = 0;
  if (digits.empty() || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value > kMost) {
    return std::nullopt;
  }
  return value;
}

HeadReader::Event HeadReader::next(ByteChain& in) {
  if (done_) return *done_;
  constexpr std::string_view kEnd = "\r\n\r\n";
  while (!in.empty()) {
    const std::string_view piece = in.front().substr(0, kMaxHeader - text_.size());
    // The end may stand across the border of pieces.
    const std::size_t before = text_.size();
    text_ += piece;
    const std::size_t from = before < kEnd.size() ? 0 : before - kEnd.size() + 1;
    const std::size_t end = text_.find(kEnd, from);
    if (end == std::string::npos) {
      in.consume(piece.size());
      if (text_.size() < kMaxHeader) continue;
      done_ = Event::refused;
      return *done_;
    }
    in.consume(end + kEnd.size() - before);
    text_.resize(end + 2);  // with the CRLF of the last line
    done_ = parse() ? Event::head : Event::refused;
    return *done_;
  }
  return Event::need_data;
}

bool HeadReader::parse() {
  std::string_view rest = text_;
  bool is_first = true;
  while (!rest.empty()) {
    const auto end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (has_controls(line)) return false;
    if (is_first) {
      head_.first_line = line;
      is_first = false;
    } else if (!parse_field(line)) {
      return false;
    }
  }
  return true;
}

bool HeadReader::parse_field(std::string_view line) {
  if (line.starts_with(' ') || line.starts_with('\t')) {
    if (head_.fields.empty()) return false;
    std::string& value = head_.fields.back().second;
    value += fold_;
    value += trim(line);
    return true;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return false;
  head_.fields.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
  return true;
}

}  // namespace gatepost::http
