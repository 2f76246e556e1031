#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/log.h"

namespace gatepost::testing {

/// Keeps the lines in text form, without newline, all at one fixed time.
class RecordingLog : public Log {
 public:
  void write(LogLevel level, std::string_view event,
             std::initializer_list<LogField> fields) override {
    std::string line =
        format_log_line(LogFormat::text, "2026-01-31T12:00:00.000Z", level, event, fields);
    if (line.ends_with('\n')) line.pop_back();
    lines.push_back(std::move(line));
  }

  /// How many lines contain `text`.
  [[nodiscard]] std::size_t count(std::string_view text) const {
    std::size_t n = 0;
    for (const std::string& line : lines) n += line.find(text) != std::string::npos ? 1U : 0U;
    return n;
  }
  /// The first line that contains `text`, "" without.
  [[nodiscard]] std::string find(std::string_view text) const {
    for (const std::string& line : lines) {
      if (line.find(text) != std::string::npos) return line;
    }
    return {};
  }

  std::vector<std::string> lines;
};

}  // namespace gatepost::testing
