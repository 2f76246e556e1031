// A trace that anybody may have written: read, and if it can be read, played. What is read and
// written again is the same.

#include <string>
#include <string_view>

#include "proxy/trace/line.h"
#include "proxy/trace/replay.h"
#include "proxy/trace/trace_file.h"
#include "proxy/trace/transcript.h"
#include "tests/fuzz/fuzz.h"

using gatepost::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace trace = gatepost::trace;
  constexpr std::size_t kMaxEvents = 300;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = trace::parse_trace(text);
  if (!file) {
    require(file.error().detail.starts_with("line "));
    return 0;
  }
  for (const trace::Recorded& recorded : file->sessions) {
    if (recorded.events.size() > kMaxEvents) continue;
    for (const trace::Event& event : recorded.events) {
      const std::string line = trace::event_line(event);
      const auto again = trace::read_event(line);
      require(again && trace::event_line(*again) == line);
    }
    const trace::Played played = trace::replay(recorded);
    const auto* difference = played.difference ? &*played.difference : nullptr;
    require(!trace::transcript(recorded, difference).empty());
  }
  return 0;
}
