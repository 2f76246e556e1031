#include "proxy/pop3/xclient.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <memory>

#include "proxy/base/dns_name.h"
#include "proxy/pop3/ascii.h"
#include "proxy/pop3/sasl.h"

namespace gatepost::pop3 {

namespace {

constexpr std::string_view kVerb = "XCLIENT";
constexpr std::string_view kBadValue = "Invalid parameters";
constexpr std::uint8_t kFewestHops = 2;

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

template <class Number>
bool read_number(std::string_view text, std::optional<Number>& number) {
  Number value = 0;
  const char* const end = std::to_address(text.end());
  const auto [stop, problem] = std::from_chars(std::to_address(text.begin()), end, value);
  if (problem != std::errc() || stop != end) return false;
  number = value;
  return true;
}

bool read_port(std::string_view text, std::optional<std::uint16_t>& port) {
  return read_number(text, port) && port != 0;
}

bool read_address(std::string_view text, std::optional<IpAddress>& address) {
  const auto parsed = IpAddress::parse(text);
  if (parsed) address = *parsed;
  return parsed.has_value();
}

bool is_session(std::string_view text) {
  return !text.empty() && text.size() <= Xclient::kMaxSession && is_printable(text);
}

bool is_forward(std::string_view text) {
  return !text.empty() && text.size() <= Xclient::kMaxForward && base64_decode(text).has_value();
}

/// "TLS", and what later servers may append to it; "insecure".
bool read_transport(std::string_view text, std::optional<bool>& secure) {
  const std::string upper = to_upper(text);
  secure = upper.starts_with("TLS");
  return *secure || upper == "INSECURE";
}

bool read_server_name(std::string_view text, std::string& name) {
  name = lower_dns_name(text);
  return is_dns_name(text);
}

bool read_forward(std::string_view text, std::string& forward) {
  forward = text;
  return is_forward(text);
}

/// False for a bad value.
bool read_parameter(std::string_view key, std::string_view value, Xclient& said) {
  if (key == "ADDR") return read_address(value, said.address);
  if (key == "PORT") return read_port(value, said.port);
  if (key == "DESTADDR") return read_address(value, said.local_address);
  if (key == "DESTPORT") return read_port(value, said.local_port);
  if (key == "TTL") return read_number(value, said.hops);
  if (key == "CLIENT-TRANSPORT") return read_transport(value, said.secure);
  if (key == "DESTNAME") return read_server_name(value, said.server_name);
  if (key == "FORWARD") return read_forward(value, said.forward);
  if (key == "SESSION" && is_session(value)) said.session = value;
  return true;
}

void add(std::string& line, std::string_view key, std::string_view value) {
  line.append(" ").append(key).append("=").append(value);
}

void add_port(std::string& line, std::string_view key, const std::optional<std::uint16_t>& port) {
  if (port.value_or(0) != 0) add(line, key, std::to_string(*port));
}

}  // namespace

Result<Xclient> parse_xclient(std::string_view arguments) {
  if (kVerb.size() + 1 + arguments.size() + 2 > Xclient::kMaxLine) {
    return fail(ErrorCode::limit, "Line is too long");
  }
  Xclient said;
  while (!arguments.empty()) {
    const std::string_view word = arguments.substr(0, arguments.find(' '));
    arguments.remove_prefix(std::min(word.size() + 1, arguments.size()));
    const std::size_t equals = word.find('=');
    if (equals == word.npos) continue;
    if (!read_parameter(to_upper(word.substr(0, equals)), word.substr(equals + 1), said)) {
      return fail(ErrorCode::protocol, std::string(kBadValue));
    }
  }
  if (said.hops && *said.hops < kFewestHops) {
    return fail(ErrorCode::limit, "Too many hops: proxies form a loop");
  }
  return said;
}

Result<Xclient> parse_xoip(std::string_view arguments) {
  Xclient said;
  if (read_address(arguments, said.address)) return said;
  return fail(ErrorCode::protocol, std::string(kBadValue));
}

std::string xclient_line(const Xclient& xclient) {
  std::string line(kVerb);
  if (xclient.address) add(line, "ADDR", xclient.address->to_string());
  add_port(line, "PORT", xclient.port);
  if (is_session(xclient.session)) add(line, "SESSION", xclient.session);
  if (xclient.hops.value_or(0) >= kFewestHops) add(line, "TTL", std::to_string(*xclient.hops));
  if (xclient.secure) add(line, "CLIENT-TRANSPORT", *xclient.secure ? "TLS" : "insecure");
  if (xclient.local_address) add(line, "DESTADDR", xclient.local_address->to_string());
  add_port(line, "DESTPORT", xclient.local_port);
  if (is_dns_name(xclient.server_name)) add(line, "DESTNAME", xclient.server_name);
  if (is_forward(xclient.forward)) add(line, "FORWARD", xclient.forward);
  line += "\r\n";
  assert(line.size() <= Xclient::kMaxLine);  // every value has its limit
  return line;
}

bool greeting_offers_xclient(std::string_view text) { return text.starts_with("[XCLIENT]"); }

std::string greeting_timestamp(std::string_view text) {
  for (std::size_t begin = text.find('<'); begin != text.npos; begin = text.find('<', begin + 1)) {
    const std::string_view id = text.substr(begin, text.find('>', begin) - begin);
    const bool whole = begin + id.size() < text.size();
    const std::size_t at = id.find('@');
    // '<' once and '@' once, with something on both of its sides.
    if (whole && id.size() < kMaxTimestamp && is_printable(id) && at != id.npos && at > 1 &&
        at + 1 < id.size() && id.find('@', at + 1) == id.npos && id.find('<', 1) == id.npos) {
      return std::string(id) + ">";
    }
  }
  return {};
}

}  // namespace gatepost::pop3
