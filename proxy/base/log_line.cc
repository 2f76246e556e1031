#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "proxy/base/log.h"
#include "proxy/base/utf8.h"

// How a log line looks. Whatever a peer put into a value must come out inert: no second line, no
// forged field, nothing that a terminal obeys or that shows text in another order than it has.

namespace gatepost {
namespace {

using Piece = utf8::Character;
using utf8::first_character;
using utf8::is_active;
using utf8::is_blank;

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
    const Piece piece = first_character(text.substr(at));
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

}  // namespace

std::string_view to_string(LogLevel level) {
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

std::string format_log_line(LogFormat format, std::string_view time, LogLevel level,
                            std::string_view event, std::initializer_list<LogField> fields) {
  std::string line;
  line.reserve(256);
  if (format == LogFormat::text) {
    fmt::format_to(std::back_inserter(line), "{} {} ", time, to_string(level));
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
                 to_string(level));
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
