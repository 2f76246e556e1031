#include "proxy/pop3/capa.h"

#include <algorithm>
#include <utility>

#include "proxy/pop3/ascii.h"

namespace gatepost::pop3 {

namespace {

std::vector<std::string> words(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string> found;
  while (true) {
    const std::size_t start = line.find_first_not_of(kBlanks);
    if (start == std::string_view::npos) return found;
    line.remove_prefix(start);
    const std::size_t end = std::min(line.find_first_of(kBlanks), line.size());
    found.push_back(to_upper(line.substr(0, end)));
    line.remove_prefix(end);
  }
}

}  // namespace

Capabilities Capabilities::parse(std::string_view body) {
  Capabilities result;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    std::vector<std::string> line = words(body.substr(0, end));
    if (!line.empty()) result.lines_.push_back(std::move(line));
    body.remove_prefix(std::min(end + 1, body.size()));
  }
  return result;
}

bool Capabilities::has(std::string_view name) const {
  const std::string wanted = to_upper(name);
  return std::ranges::any_of(lines_, [&](const auto& line) { return line.front() == wanted; });
}

bool Capabilities::has_sasl(std::string_view mechanism) const {
  const std::string wanted = to_upper(mechanism);
  return std::ranges::any_of(lines_, [&](const auto& line) {
    return line.front() == "SASL" && std::find(line.begin() + 1, line.end(), wanted) != line.end();
  });
}

std::string capa_reply(const CapaContext& context) {
  std::string reply = "+OK Capability list follows\r\n";
  if (!context.logged_in || context.top) reply += "TOP\r\n";
  if (!context.logged_in || context.uidl) reply += "UIDL\r\n";
  reply += "PIPELINING\r\nRESP-CODES\r\n";
  if (context.login_allowed && !context.logged_in) reply += "USER\r\nSASL PLAIN LOGIN\r\n";
  if (context.stls_possible && !context.logged_in) reply += "STLS\r\n";
  return reply += ".\r\n";
}

}  // namespace gatepost::pop3
