#include "proxy/upstream/router.h"

#include <algorithm>
#include <utility>

#include "proxy/base/pattern.h"
#include "proxy/pop3/ascii.h"
#include "proxy/pop3/sasl.h"

namespace gatepost::upstream {

namespace {

struct Name {
  std::string_view local;
  std::string_view domain;  // "" without
};

Name split(std::string_view user) {
  const std::size_t at = user.rfind('@');
  if (at == std::string_view::npos) return {.local = user, .domain = {}};
  return {.local = user.substr(0, at), .domain = user.substr(at + 1)};
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

char upper(char c) { return pop3::to_upper(c); }

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, upper, upper);
}

bool any_matches(const std::vector<std::string>& patterns, std::string_view text) {
  return std::ranges::any_of(
      patterns, [text](const std::string& pattern) { return matches_pattern(pattern, text); });
}

bool depends_on_user(const config::Route& route) {
  return !route.domains.empty() || !route.users.empty();
}

/// All conditions but those about the user.
bool suits_client(const config::Route& route, std::string_view listener,
                  const net::ClientFacts& client) {
  if (!route.listeners.empty() &&
      std::ranges::find(route.listeners, listener) == route.listeners.end()) {
    return false;
  }
  if (!route.server_names.empty() &&
      (client.server_name.empty() || !any_matches(route.server_names, client.server_name))) {
    return false;
  }
  if (!route.networks.empty() &&
      (client.address.unix_socket || !any_contains(route.networks, client.address.ip))) {
    return false;
  }
  return route.certificates.empty() ||
         (!client.certificate.empty() && any_matches(route.certificates, client.certificate));
}

bool suits_user(const config::Route& route, std::string_view user) {
  if (!route.users.empty() && !any_matches(route.users, user)) return false;
  if (route.domains.empty()) return true;
  std::string_view domain = split(user).domain;
  if (domain.empty()) domain = route.default_domain;
  return !domain.empty() && std::ranges::any_of(route.domains, [domain](const std::string& one) {
    return same(one, domain);
  });
}

}  // namespace

UserForm::UserForm(std::string form, bool lower_case, std::string default_domain,
                   std::string device_suffix)
    : form_(std::move(form)),
      lower_case_(lower_case),
      default_domain_(std::move(default_domain)),
      device_suffix_(std::move(device_suffix)) {}

std::string UserForm::account(std::string_view user) const {
  const Name name = split(user);
  const std::string device = this->device(user);
  if (device.empty()) return std::string(user);
  std::string account(name.local.substr(0, name.local.size() - device.size() - 1));
  return account.append(user.substr(name.local.size()));
}

std::string UserForm::device(std::string_view user) const {
  if (device_suffix_.empty()) return {};
  const std::string_view local = split(user).local;
  const std::size_t at = local.rfind(device_suffix_);
  // "+phone" has nobody whose phone it is.
  if (at == std::string_view::npos || at == 0) return {};
  return std::string(local.substr(at + device_suffix_.size()));
}

Result<std::string> UserForm::apply(std::string_view whole) const {
  const std::string user = account(whole);
  const Name name = split(user);
  const std::string_view domain = name.domain.empty() ? default_domain_ : name.domain;
  std::string outcome;
  for (std::string_view rest = form_; !rest.empty();) {
    const auto takes = [&rest](std::string_view field) {
      const bool found = rest.starts_with(field);
      if (found) rest.remove_prefix(field.size());
      return found;
    };
    if (takes("{user}")) {
      outcome += user;
    } else if (takes("{local}")) {
      outcome += name.local;
    } else if (takes("{domain}")) {
      if (domain.empty()) return fail(ErrorCode::refused, "the user name has no domain");
      outcome += domain;
    } else {
      outcome += rest.front();
      rest.remove_prefix(1);
    }
  }
  if (lower_case_) std::ranges::transform(outcome, outcome.begin(), to_lower);
  if (!pop3::is_safe_user(outcome)) {
    return fail(ErrorCode::refused, "the user name cannot be sent upstream");
  }
  return outcome;
}

const Route* Router::route(std::string_view listener, const net::ClientFacts& client,
                           std::string_view user) const {
  const auto found = std::ranges::find_if(routes_, [&](const Route& route) {
    return suits_client(route.conditions, listener, client) && suits_user(route.conditions, user);
  });
  return found == routes_.end() ? nullptr : &*found;
}

const Route* Router::route(std::string_view listener, const net::ClientFacts& client) const {
  const auto found = std::ranges::find_if(routes_, [&](const Route& route) {
    return suits_client(route.conditions, listener, client);
  });
  return found == routes_.end() || depends_on_user(found->conditions) ? nullptr : &*found;
}

}  // namespace gatepost::upstream
