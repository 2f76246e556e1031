// Any DNS answer gives usable targets in their order, or an error.

#include <algorithm>

#include "proxy/base/dns_name.h"
#include "proxy/net/srv_lookup.h"
#include "tests/fuzz/fuzz.h"

using gatepost::fuzz::require;
using namespace gatepost::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto targets = parse_srv_answer({data, size});
  if (!targets) {
    require(!targets.error().detail.empty());
    return 0;
  }
  require(!targets->empty() && targets->size() <= kMaxSrvTargets);
  require(std::ranges::is_sorted(*targets, {}, &SrvTarget::priority));
  for (const SrvTarget& target : *targets) {
    require(target.port != 0 && target.ttl.count() >= 0 && gatepost::is_dns_name(target.host) &&
            gatepost::lower_dns_name(target.host) == target.host);
  }
  return 0;
}
