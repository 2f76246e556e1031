// Both sides of a connection say anything, in any pieces: octets keep their number, line ends their
// places, the pieces do not matter, and a password does not come out.

#include <algorithm>
#include <string>
#include <string_view>

#include "proxy/trace/redactor.h"
#include "tests/fuzz/fuzz.h"

using gatepost::fuzz::require;

namespace {

struct Sides {
  std::string commands;
  std::string replies;
};

/// Lines that begin with "<" are the server's, others the client's.
Sides redact(std::string_view text, std::size_t piece) {
  const gatepost::trace::Names names("key", false);
  gatepost::trace::Confidences known;
  gatepost::trace::Redactor redactor(names, known, false);
  Sides sides;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    const bool server = line.starts_with('<');
    if (server) line.remove_prefix(1);
    while (!line.empty()) {
      const std::string_view part = line.substr(0, piece);
      line.remove_prefix(part.size());
      server ? redactor.replies(part, sides.replies) : redactor.commands(part, sides.commands);
    }
  }
  redactor.flush_commands(sides.commands);
  redactor.flush_replies(sides.replies);
  return sides;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kSecret = "hunter2hunter2";
  std::string text(reinterpret_cast<const char*>(data), size);
  if (text.contains("hunter")) return 0;
  const std::string with = "<+OK ready\nPASS " + std::string(kSecret) + "\r\n" + text;
  const Sides whole = redact(with, with.size());
  const Sides bytes = redact(with, 1);
  require(whole.commands == bytes.commands && whole.replies == bytes.replies);
  require(!whole.commands.contains(kSecret) && !whole.replies.contains(kSecret));
  std::size_t servers = 0;
  for (std::size_t at = 0; at < with.size();
       at = std::min(with.find('\n', at), with.size() - 1) + 1) {
    if (with[at] == '<') ++servers;
  }
  require(whole.commands.size() + whole.replies.size() + servers == with.size());
  return 0;
}
