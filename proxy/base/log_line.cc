#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "proxy/base/log.h"

// How a log line looks. Whatever a peer put into a value must come out inert: no second line, no
// forged field, nothing that a terminal obeys or that shows text in another order than it has.

namespace gatepost {
namespace {

/// One character of a value: a code point, or a byte that is not UTF-8.
struct Piece {
  char32_t value;
  std::size_t size;
  bool valid;
};

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

/// `text` is not empty. Overlong forms and surrogates are not UTF-8 (RFC 3629 section 3).
Piece first_piece(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1, true};
  const Piece invalid{lead, 1, false};
  std::size_t size = 0;
  char32_t value = 0;
  char32_t smallest = 0;
  if ((lead & 0xe0U) == 0xc0U) {
    size = 2, value = lead & 0x1fU, smallest = 0x80;
  } else if ((lead & 0xf0U) == 0xe0U) {
    size = 3, value = lead & 0x0fU, smallest = 0x800;
  } else if ((lead & 0xf8U) == 0xf0U) {
    size = 4, value = lead & 0x07U, smallest = 0x10000;
  } else {
    return invalid;
  }
  if (text.size() < size) return invalid;
  for (std::size_t i = 1; i < size; ++i) {
    if (!is_continuation(text[i])) return invalid;
    value = (value << 6U) | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < smallest || value > 0x10ffff || surrogate) return invalid;
  return {value, size, true};
}

/// Controls, line separators, and characters that are invisible or turn the writing direction.
bool is_active(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
         (c >= 0xe0000 && c <= 0xe0fff) || (c & 0xfffeU) == 0xfffeU;
}

bool is_blank(char32_t c) {
  return c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f ||
         c == 0x205f || c == 0x3000;
}

void append_json_escape(std::string& out, char32_t c) {
  auto to = std::back_inserter(out);
  if (c < 0x10000) {
    fmt::format_to(to, "\\u{:04x}", static_cast<std::uint32_t>(c));
  } else {
    const auto rest = static_cast<std::uint32_t>(c - 0x10000);
    fmt::format_to(to, "\\u{:04x}\\u{:04x}", 0xd800 + (rest >> 10U), 0xdc00 + (rest & 0x3ffU));
  }
}

void append_text_escape(std::string& out, char32_t c) {
  auto to = std::back_inserter(out);
  const auto number = static_cast<std::uint32_t>(c);
  if (number < 0x80) {
    fmt::format_to(to, "\\x{:02x}", number);
  } else if (number < 0x10000) {
    fmt::format_to(to, "\\u{:04x}", number);
  } else {
    fmt::format_to(to, "\\U{:08x}", number);
  }
}

/// Calls `each(piece, its bytes)`, up to Log::kMaxValue bytes. Returns whether `text` was cut.
template <class Each>
bool for_each_piece(std::string_view text, Each each) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Piece piece = first_piece(text.substr(at));
    if (at + piece.size > Log::kMaxValue) return true;
    each(piece, text.substr(at, piece.size));
    at += piece.size;
  }
  return false;
}

constexpr std::string_view kCutMark = "…";

void append_text_string(std::string& out, std::string_view text) {
  const std::size_t start = out.size();
  bool quoted = text.empty();
  const bool cut = for_each_piece(text, [&](const Piece& piece, std::string_view bytes) {
    const char32_t c = piece.value;
    if (!piece.valid) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint32_t>(c));
      quoted = true;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += bytes;
      quoted = true;
    } else if (is_active(c)) {
      append_text_escape(out, c);
      quoted = true;
    } else {
      out += bytes;
      quoted = quoted || is_blank(c) || c == '=';
    }
  });
  if (cut) out += kCutMark;
  if (quoted) {
    out.insert(start, 1, '"');
    out += '"';
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  const bool cut = for_each_piece(text, [&out](const Piece& piece, std::string_view bytes) {
    const char32_t c = piece.value;
    if (!piece.valid) {
      // JSON has no bytes: the reader gets the four characters of the text form.
      fmt::format_to(std::back_inserter(out), "\\\\x{:02x}", static_cast<std::uint32_t>(c));
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += bytes;
    } else if (is_active(c)) {
      append_json_escape(out, c);
    } else {
      out += bytes;
    }
  });
  if (cut) out += kCutMark;
  out += '"';
}

void append_value(std::string& out, LogFormat format, const LogField& field) {
  const auto append = [&](const auto& value) {
    using T = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<T, std::string_view>) {
      format == LogFormat::json ? append_json_string(out, value) : append_text_string(out, value);
    } else if constexpr (std::is_same_v<T, double>) {
      // JSON knows no infinity.
      if (format == LogFormat::json && !std::isfinite(value)) {
        out += "null";
      } else {
        fmt::format_to(std::back_inserter(out), "{}", value);
      }
    } else {
      fmt::format_to(std::back_inserter(out), "{}", value);
    }
  };
  std::visit(append, field.value);
}

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  std::unreachable();
}

}  // namespace

std::string format_log_line(LogFormat format, std::string_view time, LogLevel level,
                            std::string_view event, std::initializer_list<LogField> fields) {
  std::string line;
  line.reserve(256);
  if (format == LogFormat::text) {
    fmt::format_to(std::back_inserter(line), "{} {} ", time, level_name(level));
    append_text_string(line, event);
    for (const LogField& field : fields) {
      line += ' ';
      append_text_string(line, field.key);
      line += '=';
      append_value(line, format, field);
    }
    line += '\n';
    return line;
  }
  fmt::format_to(std::back_inserter(line), R"({{"time":"{}","level":"{}","event":)", time,
                 level_name(level));
  append_json_string(line, event);
  for (const LogField& field : fields) {
    line += ',';
    append_json_string(line, field.key);
    line += ':';
    append_value(line, format, field);
  }
  line += "}\n";
  return line;
}

}  // namespace gatepost
