// What a DNS server said: the part of srv_lookup.h without I/O.

#include <arpa/nameser.h>

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>

#include <fmt/format.h>

#include "proxy/base/dns_name.h"
#include "proxy/net/srv_lookup.h"

namespace gatepost::net {

namespace {

constexpr std::size_t kFixed = 6;  // priority, weight, port in front of the target

std::uint16_t number16(const std::uint8_t* octets) {
  return static_cast<std::uint16_t>(octets[0] << 8U | octets[1]);
}

struct Record {
  SrvTarget target;
  bool not_available = false;  // the target is the root
};

/// False for a record that cannot be read.
bool read_record(const ns_msg& message, const ns_rr& record, Record& read) {
  const std::size_t size = ns_rr_rdlen(record);
  const std::uint8_t* const data = ns_rr_rdata(record);
  if (size <= kFixed) return false;
  std::array<char, NS_MAXDNAME> name{};
  const int taken = ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), data + kFixed,
                                       name.data(), name.size());
  if (taken < 0 || static_cast<std::size_t>(taken) != size - kFixed) return false;
  const std::string_view host(name.data());
  read.not_available = host.empty() || host == ".";
  // RFC 2181 section 8: a number with its first bit set counts as 0.
  const std::uint32_t ttl = ns_rr_ttl(record);
  constexpr std::uint32_t kMaxTtl = std::numeric_limits<std::int32_t>::max();
  read.target = {.host = lower_dns_name(host),
                 .port = number16(data + 4),
                 .priority = number16(data),
                 .weight = number16(data + 2),
                 .ttl = std::chrono::seconds(ttl > kMaxTtl ? 0 : ttl)};
  return true;
}

/// Why the whole answer is of no use; nothing when its records count.
Result<void> check_header(const ns_msg& message) {
  if (ns_msg_getflag(message, ns_f_qr) == 0) return fail(ErrorCode::protocol, "not a DNS answer");
  if (ns_msg_getflag(message, ns_f_tc) != 0) {
    return fail(ErrorCode::protocol, "the DNS answer is cut short");
  }
  switch (ns_msg_getflag(message, ns_f_rcode)) {
    case ns_r_noerror:
      return {};
    case ns_r_nxdomain:
      return fail(ErrorCode::network, "no such name");
    default:
      return fail(ErrorCode::network, fmt::format("the DNS server failed with code {}",
                                                  ns_msg_getflag(message, ns_f_rcode)));
  }
}

}  // namespace

Result<SrvTargets> parse_srv_answer(std::span<const std::uint8_t> answer) {
  const auto malformed = [] { return fail(ErrorCode::protocol, "the DNS answer is malformed"); };
  ns_msg message{};
  const std::size_t size = std::min<std::size_t>(answer.size(), NS_MAXMSG);
  if (ns_initparse(answer.data(), static_cast<int>(size), &message) != 0) return malformed();
  if (const auto checked = check_header(message); !checked) return std::unexpected(checked.error());

  SrvTargets targets;
  bool not_available = false;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record{};
    if (ns_parserr(&message, ns_s_an, i, &record) != 0) return malformed();
    if (ns_rr_type(record) != ns_t_srv || ns_rr_class(record) != ns_c_in) continue;
    Record read;
    if (!read_record(message, record, read)) return malformed();
    not_available |= read.not_available;
    if (read.target.port != 0 && is_dns_name(read.target.host)) {
      targets.push_back(std::move(read.target));
    }
  }
  if (targets.empty()) {
    return not_available ? fail(ErrorCode::refused, "the domain says that it has no such service")
                         : fail(ErrorCode::network, "no usable SRV record");
  }
  // The same order whatever the DNS server made of it: nobody must notice a new answer that says
  // the same.
  std::ranges::sort(targets, {}, [](const SrvTarget& target) {
    return std::tuple(target.priority, -int{target.weight}, std::string_view(target.host),
                      target.port);
  });
  if (targets.size() > kMaxSrvTargets) targets.resize(kMaxSrvTargets);
  return targets;
}

}  // namespace gatepost::net
