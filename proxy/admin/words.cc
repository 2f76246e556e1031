#include "proxy/admin/words.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "proxy/base/wall_clock.h"

namespace gatepost::admin {

std::string count(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string count(std::uint64_t number, const char* one) {
  return fmt::format("{} {}{}", count(number), one, number == 1 ? "" : "s");
}

std::string octets(std::uint64_t number) {
  constexpr std::array<std::string_view, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (number < 1024) return fmt::format("{} B", number);
  double value = static_cast<double>(number) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string span(std::chrono::seconds time) {
  struct Unit {
    std::int64_t seconds;
    std::string_view name;
  };
  constexpr std::array<Unit, 4> kUnits = {{{86'400, "d"}, {3'600, "h"}, {60, "min"}, {1, "s"}}};
  std::int64_t rest = time.count() < 0 ? 0 : time.count();
  for (std::size_t i = 0; i + 1 < kUnits.size(); ++i) {
    if (rest < kUnits[i].seconds) continue;
    const std::int64_t first = rest / kUnits[i].seconds;
    const std::int64_t second = rest % kUnits[i].seconds / kUnits[i + 1].seconds;
    if (second == 0) return fmt::format("{} {}", first, kUnits[i].name);
    return fmt::format("{} {} {} {}", first, kUnits[i].name, second, kUnits[i + 1].name);
  }
  return fmt::format("{} s", rest);
}

std::string utc(std::int64_t seconds) { return seconds <= 0 ? "–" : utc_text(seconds); }

std::string utc(std::chrono::system_clock::time_point time) {
  return utc(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

}  // namespace gatepost::admin
