#include "proxy/probe/report.h"

#include <algorithm>

#include "proxy/pop3/ascii.h"

namespace gatepost::probe {

namespace {

std::vector<std::string> words(std::string_view line) {
  std::vector<std::string> found;
  while (true) {
    const std::size_t start = line.find_first_not_of(" \t");
    if (start == std::string_view::npos) return found;
    line.remove_prefix(start);
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    found.push_back(pop3::to_upper(line.substr(0, end)));
    line.remove_prefix(end);
  }
}

}  // namespace

bool Capa::has(std::string_view name) const {
  return std::ranges::any_of(lines, [name](const std::string& line) {
    const auto found = words(line);
    return !found.empty() && found.front() == pop3::to_upper(name);
  });
}

std::vector<std::string> Capa::sasl() const {
  for (const std::string& line : lines) {
    auto found = words(line);
    if (found.empty() || found.front() != "SASL") continue;
    found.erase(found.begin());
    return found;
  }
  return {};
}

}  // namespace gatepost::probe
