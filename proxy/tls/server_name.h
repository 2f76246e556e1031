#pragma once

// Internal to proxy/tls.

#include <string>
#include <string_view>

namespace gatepost::tls {

/// The wildcard that covers `name`: "*.example.org" for "mail.example.org" (RFC 9525 section 6.3);
/// "" if none can.
inline std::string wildcard_for(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == 0 || dot == std::string_view::npos) return {};
  return "*" + std::string(name.substr(dot));
}

}  // namespace gatepost::tls
