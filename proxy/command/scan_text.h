#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "filters/verdict.h"
#include "proxy/base/timer.h"

/// How `gatepost scan` shows what became of messages. Whatever a sender wrote, or a file is called,
/// does nothing on a terminal.
namespace gatepost::command {

/// What a chain made of one message.
struct ScanReport {
  std::string name;
  filters::Action action = filters::Action::deliver;
  filters::Cause cause = filters::Cause::clean;
  filters::Judgement judgement;
  std::vector<std::string> rules;  ///< what they did
  std::uint64_t octets = 0;        ///< of the message, canonical
  std::uint64_t octets_out = 0;    ///< of what a client would get; 0: nothing
  Duration took{};
  bool changed = false;
  std::string refusal;  ///< what a client would be told instead
  std::string written;  ///< where it was put
  std::string diff;     ///< lines, see line_diff()
  std::string error;    ///< not empty: why it could not be looked at; then the rest means nothing

  /// Whether asking again may show something else.
  [[nodiscard]] bool trouble() const;
};

/// "name: tag spam, 1234 -> 1300 octets, 12 ms; rspamd=spam(9.50); rules: …", and the diff below
/// it.
[[nodiscard]] std::string scan_text(const ScanReport& report);
/// A JSON object in a line. docs/filters.md has its keys, which are stable.
[[nodiscard]] std::string scan_json(const ScanReport& report);

/// All messages together.
class ScanTally {
 public:
  void add(const ScanReport& report);
  [[nodiscard]] std::uint64_t messages() const { return messages_; }
  [[nodiscard]] bool trouble() const { return trouble_ > 0; }
  /// "12 messages in 0.4 s (30/s): 11 deliver, 1 refuse; 11 clean, 1 timeout; 3 changed".
  [[nodiscard]] std::string summary(Duration took) const;

 private:
  std::uint64_t messages_ = 0;
  std::uint64_t changed_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t trouble_ = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(filters::Action::count_)> actions_{};
  std::array<std::uint64_t, static_cast<std::size_t>(filters::Cause::count_)> causes_{};
};

/// "[=====     ]  50 %  120 messages", to be printed over and over in one line.
[[nodiscard]] std::string progress_bar(std::uint64_t done, std::uint64_t all,
                                       std::uint64_t messages);

}  // namespace gatepost::command
