#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/trace/event.h"
#include "proxy/trace/line.h"

namespace gatepost::trace {

/// One session of a trace: its events in order, "begin" the first.
struct Recorded {
  std::string id;
  std::vector<Event> events;
};

/// A whole trace.
struct TraceFile {
  /// Octets of a file.
  static constexpr std::size_t kMaxFile = 128 * 1024 * 1024;
  /// Of all sessions together.
  static constexpr std::size_t kMaxEvents = 200'000;
  /// Sessions in a file.
  static constexpr std::size_t kMaxRecorded = 10'000;

  Header header;
  std::vector<Recorded> sessions;  ///< in the order in which they began
};

/// The error's detail begins with "line N: ". A session whose beginning is not there is one.
[[nodiscard]] Result<TraceFile> parse_trace(std::string_view text);
/// The error's detail begins with the name of the file.
[[nodiscard]] Result<TraceFile> read_trace(const std::string& path);

}  // namespace gatepost::trace
