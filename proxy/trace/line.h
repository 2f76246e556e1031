#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/trace/event.h"

namespace gatepost::trace {

/// The form of a trace, version 1: JSON, an object in every line. The first line is the header,
/// every other one an event. An octet of a text is the character with its number (U+0000 to
/// U+00FF): nothing is lost, and POP3 can be read.
inline constexpr int kFormat = 1;

/// Octets of a line with its line end: kMaxText octets, each of them six, and what stands around.
inline constexpr std::size_t kMaxLine = 512 * 1024;
/// Octets of text in one event; more of them become several.
inline constexpr std::size_t kMaxText = 64 * 1024;

/// What the first line says.
struct Header {
  int format = kFormat;
  std::string version;  ///< of Gatepost
  bool full = false;
  bool names = false;
};

/// With its line end.
[[nodiscard]] std::string header_line(const Options& options, std::string_view version);
[[nodiscard]] std::string event_line(const Event& event);

/// The other way round; lines without their line end. The error's detail says what is wrong, and
/// nothing of the line's text.
[[nodiscard]] Result<Header> read_header(std::string_view line);
[[nodiscard]] Result<Event> read_event(std::string_view line);

}  // namespace gatepost::trace
