#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/net/tap.h"
#include "proxy/trace/command_mask.h"
#include "proxy/trace/event.h"

namespace gatepost::trace {

/// What a session did, as a trace says or as a replay saw it.
struct Deeds {
  struct OnLeg {
    std::string said;
    /// When octets from that place on were said.
    std::vector<std::pair<std::size_t, std::uint64_t>> times = {};
    std::vector<std::string> closings = {};  ///< "flush", "abort"
    void say(std::uint64_t ms, std::string_view text);
  };
  std::map<net::Tap::Leg, OnLeg> legs;
  std::vector<std::uint64_t> connects;  ///< numbers of servers
  std::string over;                     ///< the reason; "": it goes on

  [[nodiscard]] static Deeds of(const std::vector<Event>& events);
};

/// Where two sessions part.
struct Difference {
  std::uint64_t ms = 0;  ///< of the trace
  net::Tap::Leg leg = 0;
  std::string expected;  ///< a line, or what was done, in words
  std::string got;       ///< the same; "nothing"
};

/// What can be compared.
struct Scope {
  bool to_the_end = true;  ///< false: the trace stops, the replay may say more
  bool messages = true;    ///< false: not what became of messages
};

/// The first difference; nothing: there is none. An asterisk in what was said in the trace stands
/// for any octet. `asked` is what the client said, and what was said on each leg to upstream.
[[nodiscard]] std::optional<Difference> compare(const Deeds& trace, const Deeds& replay,
                                                std::string_view client_said, Scope scope);

/// What follows each line of `commands`; lines as CommandMask sees them.
[[nodiscard]] std::vector<Answer> answers_to(std::string_view commands);
/// `said` cut into replies: the greeting, then one for each of `answers`; the last may be part of
/// one.
[[nodiscard]] std::vector<std::string_view> cut_replies(std::string_view said,
                                                        const std::vector<Answer>& answers);
/// Lines with their line ends; the last may have none.
[[nodiscard]] std::vector<std::string_view> cut_lines(std::string_view text);
/// Whether a line to upstream has to do with a message, or keeps upstream awake meanwhile.
[[nodiscard]] bool is_about_messages(std::string_view command);

}  // namespace gatepost::trace
