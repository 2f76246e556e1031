#include "filters/scan/mail_origin.h"

#include <algorithm>
#include <array>
#include <vector>

#include "filters/message/header_scanner.h"
#include "proxy/base/address.h"

namespace gatepost::filters {

namespace {

/// Networks in which nobody on the Internet sits (RFC 6890 and successors).
bool is_public(const IpAddress& address) {
  constexpr std::array kOthers = {
      "0.0.0.0/8",       "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",    "169.254.0.0/16",
      "172.16.0.0/12",   "192.0.0.0/24",   "192.0.2.0/24",  "192.168.0.0/16", "198.18.0.0/15",
      "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",   "::/127",         "100::/64",
      "2001:db8::/32",   "fc00::/7",       "fe80::/10",     "ff00::/8"};
  static const std::vector<IpNetwork> networks = [&] {
    std::vector<IpNetwork> all;
    for (const char* const text : kOthers) all.push_back(IpNetwork::parse(text).value());
    return all;
  }();
  return !any_contains(networks, address);
}

std::string unfolded(std::string_view body) {
  std::string text(body);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) <= 0x20) c = ' ';
  }
  return text;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// "<a@b>" or "<>"; nothing if it is something else.
std::optional<std::string> sender_of(std::string_view text) {
  text = trim(text);
  if (text.size() < 2 || text.front() != '<' || text.back() != '>') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  if (text.empty()) return std::string();
  return is_mail_address(text) ? std::optional(std::string(text)) : std::nullopt;
}

struct Hop {
  std::optional<IpAddress> address;
  std::string helo;
};

/// "[192.0.2.1]" or "[IPv6:2001:db8::1]" at the beginning of `text`.
std::optional<IpAddress> literal(std::string_view text) {
  const auto end = text.find(']');
  if (!text.starts_with('[') || end == std::string_view::npos) return std::nullopt;
  text = text.substr(1, end - 1);
  for (const std::string_view tag : {"IPv6:", "ipv6:"}) {
    if (text.starts_with(tag)) text.remove_prefix(tag.size());
  }
  const auto address = IpAddress::parse(text);
  return address ? std::optional(*address) : std::nullopt;
}

/// What a client called itself it can choose, so an address is not taken from there: "from HELO
/// (NAME [ADDRESS])" of Postfix and Sendmail, "from NAME ([ADDRESS] helo=HELO)" and "from [ADDRESS]
/// (helo=HELO)" of Exim.
Hop hop_of(std::string_view text) {
  text = trim(text);
  if (!text.starts_with("from ")) return {};
  text = trim(text.substr(5));
  const auto blank = text.find(' ');
  const std::string_view name = text.substr(0, blank);
  text = blank == std::string_view::npos ? std::string_view() : trim(text.substr(blank));
  if (!text.starts_with('(')) return {};
  const std::string_view comment = text.substr(1, text.find(')') - 1);
  Hop hop;
  const auto bracket = comment.find('[');
  const auto said = comment.find("helo=");
  if (bracket != std::string_view::npos && bracket < said) {
    hop.address = literal(comment.substr(bracket));
  } else if (said != std::string_view::npos) {
    hop.address = literal(name);
  }
  const std::string_view helo = said == std::string_view::npos
                                    ? name
                                    : comment.substr(said + 5, comment.find(' ', said) - said - 5);
  if (is_header_word(helo)) hop.helo = helo;
  return hop;
}

}  // namespace

bool is_header_word(std::string_view text) {
  return !text.empty() && text.size() <= MailOrigin::kMaxWord &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_mail_address(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-/=?^_`{|}~";
  const auto at = text.rfind('@');
  if (!is_header_word(text) || at == std::string_view::npos) return false;
  const auto is_part = [](std::string_view part, std::string_view marks) {
    return !part.empty() && std::ranges::all_of(part, [marks](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             marks.contains(c);
    });
  };
  const auto are_parts = [&](std::string_view parts, bool host) {
    for (;;) {
      const auto dot = parts.find('.');
      const std::string_view part = parts.substr(0, dot);
      if (!is_part(part, host ? "-_" : kMarks)) return false;
      if (host && (part.starts_with('-') || part.ends_with('-'))) return false;
      if (dot == std::string_view::npos) return true;
      parts.remove_prefix(dot + 1);
    }
  };
  return are_parts(text.substr(0, at), false) && are_parts(text.substr(at + 1), true);
}

MailOrigin MailOrigin::of(const ByteChain& beginning) {
  MailOrigin origin;
  HeaderScanner scanner;
  ByteChain in = beginning;
  bool settled = false;
  bool saw_sender = false;
  for (int hops = 0; hops < kMaxHops && !(settled && saw_sender);) {
    const auto event = scanner.next(in, true);
    if (event == HeaderScanner::Event::end || event == HeaderScanner::Event::need_data) break;
    const std::string text = scanner.take_field().to_string();
    if (event == HeaderScanner::Event::more) continue;
    const FieldView field = parse_field(text);
    if (!saw_sender && same_name(field.name, "Return-Path")) {
      origin.sender = sender_of(unfolded(field.body));
      saw_sender = true;
    } else if (!settled && same_name(field.name, "Received")) {
      ++hops;
      Hop hop = hop_of(unfolded(field.body));
      settled = !hop.address || is_public(*hop.address);
      if (settled && hop.address) {
        origin.address = hop.address->to_string();
        origin.helo = std::move(hop.helo);
      }
    }
  }
  return origin;
}

}  // namespace gatepost::filters
