#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// What was changed in a text, for a person at a terminal.
namespace gatepost::command {

/// What is looked at and shown; the rest is only said to be there.
struct LineDiff {
  static constexpr std::size_t kMaxLines = 50'000;  ///< of each text
  static constexpr std::size_t kMaxEdits = 400;     ///< lines gone or new that are matched up
  static constexpr std::size_t kMaxShown = 40;      ///< lines of the result
  static constexpr std::size_t kMaxRun = 12;        ///< lines one after the other that went or came
  static constexpr std::size_t kMaxWidth = 160;     ///< characters of a line
};

/// One of two texts, with CRLF or LF; `whole`: nothing was cut off at its end.
struct DiffText {
  std::string_view text;
  bool whole = true;
};

/// In the manner of `diff -u1`: "@@ -12 +12 @@", then lines with "-", "+" or a blank in front.
/// Empty where nothing differs, and where what differs was cut off. Does nothing on a terminal,
/// see visible_line(). Takes time in proportion to the texts, whatever they are.
[[nodiscard]] std::string line_diff(DiffText before, DiffText after);

/// A line of which every octet can be seen: controls, invisible characters, those that turn the
/// writing direction, and what is not UTF-8 become "\x1b" or "\u{202e}"; cut after `width`
/// characters, with "…".
[[nodiscard]] std::string visible_line(std::string_view line, std::size_t width);

}  // namespace gatepost::command
