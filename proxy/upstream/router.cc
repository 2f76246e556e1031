#include "proxy/upstream/router.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

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

/// The key of the first condition that does not hold, of all but those about the user; "" if all
/// do.
std::string_view unfit_client(const config::Route& route, std::string_view listener,
                              const net::ClientFacts& client) {
  if (!route.listeners.empty() &&
      std::ranges::find(route.listeners, listener) == route.listeners.end()) {
    return "listeners";
  }
  if (!route.server_names.empty() &&
      (client.server_name.empty() || !any_matches(route.server_names, client.server_name))) {
    return "server_names";
  }
  if (!route.networks.empty() &&
      (client.address.unix_socket || !any_contains(route.networks, client.address.ip))) {
    return "networks";
  }
  const bool certified =
      route.certificates.empty() ||
      (!client.certificate.empty() && any_matches(route.certificates, client.certificate));
  return certified ? "" : "certificates";
}

std::string_view domain_of(const config::Route& route, std::string_view user) {
  const std::string_view domain = split(user).domain;
  return domain.empty() ? std::string_view(route.default_domain) : domain;
}

/// The same of those about the user.
std::string_view unfit_user(const config::Route& route, std::string_view user) {
  if (!route.users.empty() && !any_matches(route.users, user)) return "users";
  if (route.domains.empty()) return "";
  const std::string_view domain = domain_of(route, user);
  const bool among = std::ranges::any_of(
      route.domains, [domain](const std::string& one) { return same(one, domain); });
  return among && !domain.empty() ? "" : "domains";
}

std::string_view unfit(const config::Route& route, std::string_view listener,
                       const net::ClientFacts& client, std::string_view user) {
  const std::string_view key = unfit_client(route, listener, client);
  return key.empty() ? unfit_user(route, user) : key;
}

// ---- In words

/// Octets of a peer's text in an explanation.
constexpr std::size_t kMaxShown = 80;

std::string shown(std::string_view what, std::string_view value) {
  if (value.empty()) return fmt::format("without {}", what);
  return fmt::format("{} {}", what, value.substr(0, kMaxShown));
}

/// What the login has where a condition asks for it.
std::string value_of(std::string_view key, const config::Route& route, std::string_view listener,
                     const net::ClientFacts& client, std::string_view user) {
  if (key == "listeners") return shown("listener", listener);
  if (key == "server_names") return shown("server name", client.server_name);
  if (key == "networks") return shown("client", client.address.to_string());
  if (key == "certificates") return shown("client certificate", client.certificate);
  return key == "users" ? shown("user", user) : shown("domain", domain_of(route, user));
}

/// "its networks and domains hold", "it is for everybody"
std::string why_chosen(const config::Route& route) {
  std::string keys;
  const auto add = [&keys](bool given, std::string_view key) {
    if (given) keys.append(keys.empty() ? "" : ", ").append(key);
  };
  add(!route.listeners.empty(), "listeners");
  add(!route.server_names.empty(), "server_names");
  add(!route.networks.empty(), "networks");
  add(!route.certificates.empty(), "certificates");
  add(!route.users.empty(), "users");
  add(!route.domains.empty(), "domains");
  return keys.empty() ? "it is for everybody" : fmt::format("its conditions hold: {}", keys);
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
    return unfit(route.conditions, listener, client, user).empty();
  });
  return found == routes_.end() ? nullptr : &*found;
}

const Route* Router::route(std::string_view listener, const net::ClientFacts& client) const {
  const auto found = std::ranges::find_if(routes_, [&](const Route& route) {
    return unfit_client(route.conditions, listener, client).empty();
  });
  return found == routes_.end() || depends_on_user(found->conditions) ? nullptr : &*found;
}

RouteStory Router::explain(const Route* chosen, std::string_view listener,
                           const net::ClientFacts& client, std::string_view user) const {
  RouteStory story;
  if (chosen != nullptr) {
    story.rule = chosen->path;
    story.text =
        fmt::format("route {} to pool {}: {}", chosen->conditions.name,
                    chosen->pool ? chosen->pool->name() : "", why_chosen(chosen->conditions));
  } else {
    story.text = "no route";
    story.rule = "/routes";
  }
  const std::size_t passed =
      chosen != nullptr ? static_cast<std::size_t>(chosen - routes_.data()) : routes_.size();
  for (std::size_t i = 0; i < std::min(passed, kMaxPassedBy); ++i) {
    const Route& route = routes_[i];
    const config::Route& conditions = route.conditions;
    std::string_view key = unfit_client(conditions, listener, client);
    if (key.empty() && user.empty()) {
      story.text +=
          fmt::format("\nroute {} depends on the user, who is not known yet", conditions.name);
      return story;
    }
    if (key.empty()) key = unfit_user(conditions, user);
    story.text += fmt::format("\nnot route {}, for its {} ({}/{}): {}", conditions.name, key,
                              route.path, key, value_of(key, conditions, listener, client, user));
  }
  if (passed > kMaxPassedBy) {
    story.text += fmt::format("\nnor {} more routes before it", passed - kMaxPassedBy);
  }
  return story;
}

}  // namespace gatepost::upstream
