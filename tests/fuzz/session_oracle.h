#pragma once

#include <cstddef>
#include <string_view>

namespace gatepost::fuzz {

/// What went over both legs since the client is logged in.
struct Transcript {
  std::string_view from_client;
  std::string_view to_upstream;
  std::string_view from_upstream;
  std::string_view to_client;
  std::size_t bad_commands;  ///< in a row that are allowed
  bool over;                 ///< the session has said its last words
};

/// What the transcript comes to.
struct Verdict {
  std::size_t commands = 0;  ///< sent upstream
  std::size_t answered = 0;  ///< of them, to the end
  std::size_t messages = 0;  ///< RETR answered with a whole message
  bool mid_reply = false;    ///< part of a reply is out
  bool up_to_date = true;    ///< the client has all that upstream has said so far
  bool quit_answered = false;
};

/// Reads it without looking into the session: every octet towards the client is upstream's answer
/// to the command whose turn it is, or a line of our own where one is due; upstream gets the
/// client's commands in their order and nothing else. Stops the fuzzer where that does not hold.
[[nodiscard]] Verdict judge(const Transcript& transcript);

/// A reply of our own: a status line, or lines up to a dot. Stops the fuzzer if it is none.
void judge_own_reply(std::string_view reply);

}  // namespace gatepost::fuzz
