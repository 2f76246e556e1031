#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "proxy/base/error.h"

namespace gatepost {

enum class LogLevel : std::uint8_t { debug, info, warning, error };
[[nodiscard]] std::string_view to_string(LogLevel level);
enum class LogFormat : std::uint8_t { text, json };

/// One key and value of a log line. Text may come from a peer: it is escaped and cut when written.
struct LogField {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  LogField(std::string_view k, T v) : key(k) {
    if constexpr (std::is_same_v<T, bool>) {
      value = v;
    } else if constexpr (std::is_floating_point_v<T>) {
      value = static_cast<double>(v);
    } else if constexpr (std::is_signed_v<T>) {
      value = static_cast<std::int64_t>(v);
    } else {
      value = static_cast<std::uint64_t>(v);
    }
  }
};

/// The log of the process: one line per call, written with one write(2), so that lines of several
/// threads never mix. Text form: `2026-01-31T12:00:00.000Z info session user=joe …`.
class Log {
 public:
  /// Values longer than this are cut, with a mark.
  static constexpr std::size_t kMaxValue = 1024;

  virtual ~Log() = default;
  virtual void write(LogLevel level, std::string_view event,
                     std::initializer_list<LogField> fields) = 0;

  void debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::info, event, fields);
  }
  void warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::warning, event, fields);
  }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::error, event, fields);
  }
};

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  std::string file;  ///< empty: standard error
};

/// Makes one finished line, newline included. `time` is "2026-01-31T12:00:00.000Z".
[[nodiscard]] std::string format_log_line(LogFormat format, std::string_view time, LogLevel level,
                                          std::string_view event,
                                          std::initializer_list<LogField> fields);

/// The Log that writes to standard error or appends to a file. Thread-safe.
class ProcessLog : public Log {
 public:
  /// Fails when the file cannot be opened.
  [[nodiscard]] static Result<std::unique_ptr<ProcessLog>> open(const LogOptions& options);
  /// Changes level and format and opens the file anew (after log rotation). On failure the old
  /// file stays in use.
  [[nodiscard]] virtual Result<void> reopen(const LogOptions& options) = 0;
  /// Until the next reopen(). From any thread.
  virtual void set_level(LogLevel level) = 0;
  [[nodiscard]] virtual LogLevel level() const = 0;
  /// Lines that could not be written (disk full, pipe gone).
  [[nodiscard]] virtual std::uint64_t lost_lines() const = 0;
};

}  // namespace gatepost
