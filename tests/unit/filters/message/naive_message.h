#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "filters/message/canonical.h"

/// What filters/message does to a whole text, done in the simplest way.
namespace gatepost::filters::test {

inline std::string naive_canonical(std::string_view text) {
  std::string out;
  std::size_t returns = 0;
  for (const char c : text) {
    if (c == '\r') {
      if (returns == Canonicalizer::kMaxRun) {
        out += "\r\n";
        --returns;
      }
      ++returns;
      continue;
    }
    if (c == '\n') {
      out += "\r\n";
    } else {
      for (; returns > 0; --returns) out += "\r\n";
      out += c;
    }
    returns = 0;
  }
  for (; returns > 0; --returns) out += "\r\n";
  if (!out.empty() && !out.ends_with('\n')) out += "\r\n";
  return out;
}

struct NaiveMessage {
  std::vector<std::string> fields;  // with all their lines
  std::string rest;                 // from the empty line on
};

/// Of canonical text.
inline NaiveMessage naive_split(std::string_view text) {
  NaiveMessage message;
  while (!text.empty() && !text.starts_with("\r\n")) {
    const std::size_t end = text.find("\r\n") + 2;
    const bool folded = text.front() == ' ' || text.front() == '\t';
    if (folded && !message.fields.empty()) {
      message.fields.back() += text.substr(0, end);
    } else {
      message.fields.emplace_back(text.substr(0, end));
    }
    text.remove_prefix(end);
  }
  message.rest = text;
  return message;
}

}  // namespace gatepost::filters::test
