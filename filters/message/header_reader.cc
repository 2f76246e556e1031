#include "filters/message/header_reader.h"

#include <algorithm>
#include <utility>

#include "filters/message/header_text.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

/// Without comments (RFC 5322 section 3.2.2, they nest). What stands in one that is never closed is
/// kept: a reader that knows no comments sees it.
std::string without_comments(std::string_view text) {
  std::string out;
  std::size_t depth = 0;
  std::size_t open = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      if (depth == 0) out += text.substr(i, 2);
      ++i;
    } else if (depth == 0 && c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == '(') {
      if (depth++ == 0) open = i;
    } else if (!quoted && depth > 0 && c == ')') {
      --depth;
    } else if (depth == 0) {
      out += c;
    }
  }
  return depth == 0 ? out : out + std::string(text.substr(open + 1));
}

/// Letters, digits and marks that belong to a type, in upper case; all else is seen through.
std::string bare(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c > ' ' && c <= '~' && c != '"' && c != '\\' && c != '\'') out += pop3::to_upper(c);
  }
  return out;
}

/// Before the first parameter. What an empty one stands before may be the type to somebody.
bool type_is_partial(const std::string& type) {
  const std::size_t start = std::min(type.find_first_not_of(";:,="), type.size());
  const std::string_view rest = std::string_view(type).substr(start);
  return rest.substr(0, rest.find(';')).find("MESSAGE/PARTIAL") != std::string_view::npos;
}

}  // namespace

bool may_be_partial(std::string_view content_type) {
  for (const std::string& text : {std::string(content_type), decode_words(content_type)}) {
    if (type_is_partial(bare(without_comments(text)))) return true;
    // As one sees it who knows no comments, or no quotes before them.
    const std::string plain = bare(text);
    if (plain.starts_with("MESSAGE/PARTIAL")) return true;
    std::string unquoted = text;
    std::erase(unquoted, '"');
    if (type_is_partial(bare(without_comments(unquoted)))) return true;
  }
  return false;
}

void HeaderReader::look(std::string_view text) {
  FieldView field = parse_field(text);
  if (field.name.empty()) {  // folded though nothing stands before it: a field to some
    field = parse_field(text.substr(std::min(text.find_first_not_of(" \t"), text.size())));
  }
  std::string name(field.name);
  std::erase_if(name, [](char c) { return c <= ' ' || c > '~'; });
  const auto keep = [&field](std::string& where) {
    if (where.empty()) where = field.body.substr(0, kMaxFieldText);
  };
  in_content_type_ = same_name(name, "Content-Type");
  if (in_content_type_) {
    facts_.partial = facts_.partial || may_be_partial(field.body);
  } else if (same_name(name, "From")) {
    keep(facts_.from);
  } else if (same_name(name, "Subject")) {
    keep(facts_.subject);
  } else if (same_name(name, "Date")) {
    keep(facts_.date);
  }
}

void HeaderReader::skip_empty_lines() {
  while (!begun_ && !unread_.empty()) {
    const char first = unread_.front().front();
    begun_ = first != '\r' && first != '\n';
    if (begun_) return;
    unread_.consume(1);
    ++skipped_;
  }
}

void HeaderReader::read(bool last) {
  using Event = HeaderScanner::Event;
  skip_empty_lines();
  while (!done_) {
    const Event event = begun_ ? scanner_.next(unread_, last) : Event::need_data;
    if (event == Event::field) look(scanner_.take_field().to_string());
    if (event == Event::more) {
      scanner_.take_field().clear();
      if (in_content_type_) facts_.too_large = true;
    }
    if (skipped_ + scanner_.octets() > kMaxHeader || scanner_.fields() > kMaxFields) {
      facts_.too_large = true;
    }
    if (event == Event::end || facts_.too_large) finish();
    if (event == Event::need_data) return;
  }
}

void HeaderReader::finish() {
  done_ = true;
  unread_.clear();
  scanner_ = HeaderScanner();
}

void HeaderReader::feed(const ByteChain& text) {
  if (done_) return;
  unread_.append(ByteChain(text));
  read(false);
}

void HeaderReader::end() {
  if (done_) return;
  read(true);
  finish();
}

}  // namespace gatepost::filters
