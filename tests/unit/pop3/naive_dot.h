#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>

#include "proxy/pop3/dot_codec.h"

namespace gatepost::pop3::test {

/// What a decoder made of a stream.
struct Decoded {
  std::string out;
  std::string left;
  bool done = false;
  bool operator==(const Decoded&) const = default;
};

inline void PrintTo(const Decoded& decoded, std::ostream* out) {
  *out << '"' << decoded.out << (decoded.done ? "\" done, left \"" : "\" open, left \"")
       << decoded.left << '"';
}

/// The rule, read from the RFC without cleverness: a line ends with CRLF; the line "." is the end.
inline Decoded naive(DotDecoder::Form form, std::string_view text) {
  Decoded result;
  std::size_t start = 0;
  while (!result.done) {
    const std::size_t end = text.find("\r\n", start);
    if (end == std::string_view::npos) break;
    const std::string_view line = text.substr(start, end - start);
    start = end + 2;
    result.done = line == ".";
    if (form == DotDecoder::Form::as_sent) {
      result.out.append(line).append("\r\n");
    } else if (!result.done) {
      result.out.append(line.substr(line.starts_with('.') ? 1 : 0)).append("\r\n");
    }
  }
  std::string_view rest = text.substr(start);
  if (result.done) {
    result.left = rest;
    return result;
  }
  if (form == DotDecoder::Form::unstuffed) {
    if (rest == ".\r") rest = "";  // may be the end yet
    if (rest.starts_with('.')) rest.remove_prefix(1);
  }
  result.out.append(rest);
  return result;
}

}  // namespace gatepost::pop3::test
