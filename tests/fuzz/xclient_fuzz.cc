// What a trusted peer says of a client, and what a server greets with: accepted values are safe,
// and what was read is written as one line that is read as the same.

#include "proxy/pop3/xclient.h"

#include <algorithm>

#include "proxy/pop3/ascii.h"
#include "tests/fuzz/fuzz.h"

using gatepost::fuzz::require;
using namespace gatepost::pop3;

namespace {

void check_line(const std::string& line) {
  require(line.size() <= Xclient::kMaxLine && line.starts_with("XCLIENT") &&
          line.ends_with("\r\n"));
  const std::string_view words = std::string_view(line).substr(0, line.size() - 2);
  require(std::ranges::none_of(words, [](char c) { return is_control(c); }));
}

void read_again(const Xclient& said) {
  const std::string line = xclient_line(said);
  check_line(line);
  const std::size_t skip = std::min<std::size_t>(8, line.size() - 2);
  const auto again = parse_xclient(std::string_view(line).substr(skip, line.size() - 2 - skip));
  require(again && xclient_line(*again) == line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const gatepost::fuzz::Input input(data, size);
  const std::string_view text = input.rest();
  for (const auto& said : {parse_xclient(text), parse_xoip(text)}) {
    if (said) {
      read_again(*said);
    } else {
      require(!said.error().detail.empty());
    }
  }
  // Nothing that somebody puts in by hand makes a second line.
  Xclient made;
  made.session = made.server_name = made.forward = text;
  check_line(xclient_line(made));

  const std::string timestamp = greeting_timestamp(text);
  require(timestamp.empty() ||
          (timestamp.size() <= kMaxTimestamp && text.find(timestamp) != std::string_view::npos &&
           greeting_timestamp(timestamp) == timestamp));
  static_cast<void>(greeting_offers_xclient(text));
  return 0;
}
