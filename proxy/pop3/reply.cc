#include "proxy/pop3/reply.h"

#include <algorithm>

#include "proxy/pop3/ascii.h"

namespace gatepost::pop3 {

namespace {

std::string_view to_string(ResponseCode code) {
  switch (code) {
    case ResponseCode::none:
      return "";
    case ResponseCode::sys_temp:
      return "[SYS/TEMP]";
    case ResponseCode::sys_perm:
      return "[SYS/PERM]";
    case ResponseCode::auth:
      return "[AUTH]";
    case ResponseCode::in_use:
      return "[IN-USE]";
  }
  return "";
}

std::string own_line(std::string start, std::string_view text) {
  constexpr std::size_t kRoom = kMaxReplyLine - 2;
  if (!text.empty()) start += ' ';
  start += text.substr(0, kRoom - start.size());
  std::ranges::replace_if(start, is_control, '?');
  return start += "\r\n";
}

}  // namespace

std::string Status::code() const {
  if (!text.starts_with('[')) return {};
  const std::size_t end = text.find(']');
  if (end == std::string::npos) return {};
  const std::string_view code = std::string_view(text).substr(1, end - 1);
  const bool printable = std::ranges::all_of(code, [](char c) { return c > ' ' && c < 0x7F; });
  // Levels are not empty (RFC 2449 section 3: resp-level).
  if (!printable || code.empty() || code.front() == '/' || code.back() == '/' ||
      code.find("//") != std::string_view::npos) {
    return {};
  }
  return to_upper(code);
}

std::string Status::wire() const {
  std::string line = ok ? "+OK" : "-ERR";
  if (!text.empty()) line += ' ';
  line += text;
  return line += "\r\n";
}

std::optional<Status> parse_status(std::string_view line) {
  if (breaks_lines(line)) return std::nullopt;
  Status status;
  if (line.starts_with("+OK")) {
    status.ok = true;
    line.remove_prefix(3);
  } else if (line.starts_with("-ERR")) {
    line.remove_prefix(4);
  } else {
    return std::nullopt;
  }
  if (line.empty()) return status;
  if (line.front() != ' ') return std::nullopt;
  status.text = line.substr(1);
  return status;
}

std::string ok(std::string_view text) { return own_line("+OK", text); }

std::string err(ResponseCode code, std::string_view text) {
  std::string start = "-ERR";
  if (code != ResponseCode::none) start.append(" ").append(to_string(code));
  return own_line(std::move(start), text);
}

}  // namespace gatepost::pop3
