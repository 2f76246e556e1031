#pragma once

#include <string>
#include <string_view>

/// Private to config/: texts with a form of their own.
namespace gatepost::config {

/// A DNS name as certificates and mail addresses carry it: labels of letters, digits and hyphens
/// (RFC 1123 section 2.1), at most 253 octets, no dot at the end, no IP address.
[[nodiscard]] bool is_dns_name(std::string_view text);

/// Base64 of 32 octets, with its padding: a pin (RFC 7469 section 2.4).
[[nodiscard]] bool is_pin(std::string_view text);

/// What is wrong with the form of a user name (Route::user); empty when it is fine.
[[nodiscard]] std::string fault_of_user_form(std::string_view form);

}  // namespace gatepost::config
