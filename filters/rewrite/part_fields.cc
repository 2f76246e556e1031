#include "filters/rewrite/part_fields.h"

#include <algorithm>

#include "filters/message/header_scanner.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

/// The text up to the next ";" that stands in no quotes, which goes.
std::string_view next_parameter(std::string_view& rest) {
  bool quoted = false;
  std::size_t i = 0;
  for (; i < rest.size() && (quoted || rest[i] != ';'); ++i) {
    if (rest[i] == '"') quoted = !quoted;
    if (rest[i] == '\\' && quoted) ++i;
  }
  i = std::min(i, rest.size());
  const std::string_view parameter = rest.substr(0, i);
  rest.remove_prefix(std::min(i + 1, rest.size()));
  return trimmed(parameter);
}

}  // namespace

PartHeader::PartHeader(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t line = text.find(kLineEnd, at);
    line = line == std::string_view::npos ? text.size() : line + kLineEnd.size();
    if (line - at == kLineEnd.size() && !fields_.empty()) {
      closed_ = true;
      break;
    }
    while (line < text.size() && (text[line] == ' ' || text[line] == '\t')) {
      const std::size_t end = text.find(kLineEnd, line);
      line = end == std::string_view::npos ? text.size() : end + kLineEnd.size();
    }
    const std::string_view field = text.substr(at, line - at);
    fields_.push_back({parse_field(field).name, field, at});
    at = line;
    end_ = at;
  }
  // Nothing but the empty line: no field.
  if (fields_.size() == 1 && fields_.front().text == kLineEnd) {
    fields_.clear();
    end_ = 0;
    closed_ = true;
  }
}

bool PartHeader::has(std::string_view name) const {
  return std::ranges::any_of(fields_,
                             [&](const PartField& field) { return same_name(field.name, name); });
}

bool is_content_field(std::string_view name) {
  constexpr std::string_view kPrefix = "content-";
  return name.size() > kPrefix.size() && same_name(name.substr(0, kPrefix.size()), kPrefix);
}

std::string with_charset(std::string_view field, std::string_view charset) {
  const FieldView view = parse_field(field);
  std::string_view rest = view.body;
  std::string_view type = next_parameter(rest);
  if (type.empty() || type.find('/') == std::string_view::npos) type = "text/plain";
  std::string text(view.name);
  text += ": ";
  text += type;
  text += "; charset=";
  text += charset;
  while (!rest.empty()) {
    const std::string_view parameter = next_parameter(rest);
    constexpr std::string_view kCharset = "charset";
    if (parameter.empty() || same_name(parameter.substr(0, kCharset.size()), kCharset)) continue;
    text += ";\r\n ";
    text += parameter;
  }
  return text += kLineEnd;
}

std::string_view ContentFields::original(std::string_view name) const {
  for (const PartField& field : header_.fields()) {
    if (same_name(field.name, name)) return field.text;
  }
  return {};
}

void ContentFields::replace_all(std::string_view fields) {
  replaced_ = true;
  added_ = fields;
}

void ContentFields::set(std::string_view name, std::string_view field) {
  if (replaced_) return;
  set_.emplace_back(name);
  added_ += field;
}

bool ContentFields::goes(const PartField& field) const {
  if (replaced_) return is_content_field(field.name);
  return std::ranges::any_of(set_,
                             [&](const std::string& name) { return same_name(field.name, name); });
}

std::string ContentFields::result() const {
  std::string text;
  for (const PartField& field : header_.fields()) {
    if (is_content_field(field.name) && !goes(field)) text += field.text;
  }
  return text + added_;
}

void ContentFields::finish(bool version, std::vector<Splice>& splices) const {
  if (!replaced_ && set_.empty()) return;
  for (const PartField& field : header_.fields()) {
    if (goes(field)) splices.push_back({offset_ + field.offset, field.text.size(), {}});
  }
  std::string added(version && !header_.has("MIME-Version") ? "MIME-Version: 1.0\r\n" : "");
  splices.push_back({offset_ + header_.end(), 0, added + added_});
}

void ContentFields::take_away(std::vector<Splice>& splices) const {
  for (const PartField& field : header_.fields()) {
    if (is_content_field(field.name)) {
      splices.push_back({offset_ + field.offset, field.text.size(), {}});
    }
  }
}

}  // namespace gatepost::filters
