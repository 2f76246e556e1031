#pragma once

#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>

#include "tests/support/recording_log.h"

namespace gatepost::testing {

/// A RecordingLog that a worker's thread writes while the test reads.
class LockedLog : public Log {
 public:
  void write(LogLevel level, std::string_view event,
             std::initializer_list<LogField> fields) override {
    const std::scoped_lock lock(mutex_);
    log_.write(level, event, fields);
  }
  [[nodiscard]] std::size_t count(std::string_view text) const {
    const std::scoped_lock lock(mutex_);
    return log_.count(text);
  }
  [[nodiscard]] std::string find(std::string_view text) const {
    const std::scoped_lock lock(mutex_);
    return log_.find(text);
  }

 private:
  mutable std::mutex mutex_;
  RecordingLog log_;
};

}  // namespace gatepost::testing
