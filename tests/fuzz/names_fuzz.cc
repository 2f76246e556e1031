// Addresses, networks, endpoints and DNS names: what is taken for one is written as one that is the
// same.

#include <algorithm>

#include "proxy/base/address.h"
#include "proxy/base/dns_name.h"
#include "tests/fuzz/fuzz.h"

using namespace gatepost;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::Input(data, size).rest();
  if (const auto ip = IpAddress::parse(text)) {
    const auto again = IpAddress::parse(ip->to_string());
    require(again && *again == *ip);
    require(!is_dns_name(text));  // nothing is both
  }
  if (const auto network = IpNetwork::parse(text)) {
    const auto again = IpNetwork::parse(network->to_string());
    require(again && again->to_string() == network->to_string());
  }
  for (const std::uint16_t port : {std::uint16_t{0}, std::uint16_t{110}}) {
    const auto endpoint = Endpoint::parse(text, port);
    if (!endpoint) {
      require(!endpoint.error().detail.empty());
      continue;
    }
    if (endpoint->host == "unix") continue;  // with its port it looks like a Unix socket
    const auto again = Endpoint::parse(endpoint->to_string(), port);
    require(again && *again == *endpoint);
  }
  if (is_dns_name(text)) {
    require(text.size() <= kMaxDnsName && is_dns_name(lower_dns_name(text)));
    require(std::ranges::none_of(text, [](char c) {
      return static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f;
    }));
  }
  return 0;
}
