#include "proxy/pop3/capa.h"

#include <algorithm>
#include <charconv>
#include <optional>
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

/// A line whose arguments are upstream's: only what may stand in one (RFC 2449 section 3).
void append_line(std::string& reply, std::string_view name,
                 const std::vector<std::string>& arguments) {
  std::string line;
  for (const std::string& argument : arguments) line += ' ' + argument;
  const auto printable = [](char c) { return c >= ' ' && c < 0x7F; };
  if (line.size() > CapaContext::kMaxArguments || !std::ranges::all_of(line, printable)) return;
  reply.append(name).append(line).append("\r\n");
}

/// Of EXPIRE (RFC 2449 section 6.7); null for NEVER, and for what is not understood.
std::optional<unsigned> days(std::string_view expire) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(expire.data(), expire.data() + expire.size(), number);
  if (error != std::errc() || end != expire.data() + expire.size()) return std::nullopt;
  return number;
}

/// Both may remove a message: the sooner one is the truth.
std::string sooner(const std::string& ours, const std::vector<std::string>& upstreams) {
  const auto theirs = upstreams.empty() ? std::nullopt : days(upstreams.front());
  const auto own = days(ours);
  return theirs && (!own || *theirs < *own) ? upstreams.front() : ours;
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

bool Capabilities::has(std::string_view name, std::string_view argument) const {
  const std::string line_name = to_upper(name);
  const std::string wanted = to_upper(argument);
  return std::ranges::any_of(lines_, [&](const auto& line) {
    return line.front() == line_name &&
           std::find(line.begin() + 1, line.end(), wanted) != line.end();
  });
}

std::vector<std::string> Capabilities::arguments(std::string_view name) const {
  const std::string wanted = to_upper(name);
  std::vector<std::string> found;
  for (const std::vector<std::string>& line : lines_) {
    if (line.front() == wanted) found.insert(found.end(), line.begin() + 1, line.end());
  }
  return found;
}

Capabilities Capabilities::common_with(const Capabilities& other) const {
  Capabilities common;
  for (const std::vector<std::string>& line : lines_) {
    const std::string& name = line.front();
    if (!other.has(name)) continue;
    std::vector<std::string> both = {name};
    for (std::size_t i = 1; i < line.size(); ++i) {
      if (other.has(name, line[i])) both.push_back(line[i]);
    }
    common.lines_.push_back(std::move(both));
  }
  return common;
}

std::string capa_reply(const CapaContext& context) {
  const Capabilities* upstream = context.upstream;
  const auto has = [upstream](std::string_view name) {
    return upstream != nullptr && upstream->has(name);
  };
  // Before login it is a promise to try; an upstream without CAPA may have them or not.
  const bool assume = !context.logged_in || upstream == nullptr || upstream->empty();
  std::string reply = "+OK Capability list follows\r\n";
  if (assume || has("TOP")) reply += "TOP\r\n";
  if (assume || has("UIDL")) reply += "UIDL\r\n";
  reply += "PIPELINING\r\nRESP-CODES\r\n";
  if (context.login_allowed && !context.logged_in) {
    reply += "USER\r\nSASL";
    for (const std::string& mechanism : context.mechanisms) reply += ' ' + mechanism;
    reply += "\r\n";
  }
  if (context.stls_possible && !context.logged_in) reply += "STLS\r\n";
  if (has("UTF8")) reply += upstream->has("UTF8", "USER") ? "UTF8 USER\r\n" : "UTF8\r\n";
  if (context.logged_in) {
    if (has("LANG")) reply += "LANG\r\n";
    const std::vector<std::string> expire =
        has("EXPIRE") ? upstream->arguments("EXPIRE") : std::vector<std::string>();
    if (context.expire) {
      append_line(reply, "EXPIRE", {sooner(*context.expire, expire)});
    } else if (!expire.empty()) {
      append_line(reply, "EXPIRE", expire);
    }
    if (has("LOGIN-DELAY")) append_line(reply, "LOGIN-DELAY", upstream->arguments("LOGIN-DELAY"));
  }
  if (!context.implementation.empty()) {
    reply.append("IMPLEMENTATION ").append(context.implementation).append("\r\n");
  }
  return reply += ".\r\n";
}

}  // namespace gatepost::pop3
