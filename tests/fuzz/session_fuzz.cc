// A whole session with both legs in memory, and both are hostile. The first line of the input has
// the flags of the world, every other line is one action: a letter and its text. See World.

#include <gtest/gtest.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/session_world.h"

namespace {

constexpr std::size_t kMaxActions = 300;

std::string_view cut_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  GTEST_FLAG_SET(break_on_failure, true);  // what the fakes complain about
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.contains("hunter")) return 0;  // would forge the secret
  if (text.contains("whale")) return 0;   // or a message
  const std::string_view flags = cut_line(text);
  if (flags.size() > 16) return 0;
  gatepost::fuzz::World world(flags);
  for (std::size_t i = 0; i < kMaxActions && !text.empty(); ++i) {
    const std::string_view line = cut_line(text);
    if (!line.empty()) world.act(line.front(), line.substr(1));
  }
  world.wind_up();
  return 0;
}
