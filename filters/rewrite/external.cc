#include "filters/rewrite/external.h"

#include <algorithm>

#include "filters/rewrite/header_lookup.h"
#include "filters/scan/mail_origin.h"
#include "proxy/base/address.h"

namespace gatepost::filters {

bool is_external(std::string_view header, const ByteChain& beginning,
                 const config::Internal& internal) {
  const auto ours = [&internal](const std::string& domain) {
    return std::ranges::any_of(internal.domains, [&domain](const std::string& wanted) {
      return is_domain(domain, wanted);
    });
  };
  const auto domains = sender_domains(header);
  if (domains.empty() || !std::ranges::all_of(domains, ours)) return true;
  const MailOrigin origin = MailOrigin::of(beginning);
  if (origin.address.empty()) return false;  // it never was anywhere else
  const auto host = IpAddress::parse(origin.address);
  return !host || !any_contains(internal.networks, *host);
}

}  // namespace gatepost::filters
