// A peer's text makes one line of printable text, whatever it is; in JSON it can be read again. The
// first octet: where the key ends and the value begins.

#include <algorithm>

#include <nlohmann/json.hpp>

#include "proxy/base/log.h"
#include "tests/fuzz/fuzz.h"

using namespace gatepost;
using fuzz::require;

namespace {

void check_line(const std::string& line, std::size_t fields) {
  require(line.ends_with('\n') && line.size() < 200 + fields * (6 * Log::kMaxValue + 16));
  const std::string_view text = std::string_view(line).substr(0, line.size() - 1);
  require(std::ranges::none_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t cut = input.octet();
  const std::string_view text = input.rest();
  const std::string_view one = text.substr(0, cut);
  const std::string_view other = text.substr(std::min(cut, text.size()));
  for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
    const std::string line = format_log_line(format, "now", LogLevel::info, "event",
                                             {{"one", one}, {"other", other}, {"number", cut}});
    check_line(line, 3);
    if (format == LogFormat::text) {
      require(line.starts_with("now info event one=") && line.contains(" other="));
      require(line.ends_with(" number=" + std::to_string(cut) + "\n"));
      continue;
    }
    const auto document = nlohmann::json::parse(line, nullptr, false);
    require(document.is_object() && document.size() == 6);
    require(document["event"] == "event" && document["number"] == cut);
    const bool plain =
        std::ranges::all_of(other, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (plain && other.size() <= Log::kMaxValue) require(document["other"] == other);
  }
  return 0;
}
