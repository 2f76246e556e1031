#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "filters/chain.h"
#include "filters/retention/policy.h"
#include "proxy/base/error.h"
#include "proxy/net/client_facts.h"
#include "proxy/upstream/pool.h"

namespace gatepost::upstream {

/// The name that a pool's servers know a user by: a text with {user}, {local} and {domain}. The
/// domain is what follows the last @; a name without one is all {local}, and {domain} is then the
/// default domain. Lower case is made of the outcome, for ASCII alone. What names a device
/// (config::Route::device_suffix) is cut off first.
class UserForm {
 public:
  UserForm() = default;  ///< the name as it came
  UserForm(std::string form, bool lower_case, std::string default_domain,
           std::string device_suffix = {});
  /// Without what names the device: "joe@example.org" of "joe+phone@example.org".
  [[nodiscard]] std::string account(std::string_view user) const;
  /// "phone"; "" if there is none.
  [[nodiscard]] std::string device(std::string_view user) const;
  /// Fails with `refused` when the form needs a domain and there is none, or when the outcome is no
  /// name that may be sent (pop3::is_safe_user).
  [[nodiscard]] Result<std::string> apply(std::string_view user) const;
  /// Whether upstream may get another name than the client gave: then nothing can be relayed that
  /// carries the name inside.
  [[nodiscard]] bool changes_names() const {
    return lower_case_ || form_ != "{user}" || !device_suffix_.empty();
  }

 private:
  std::string form_ = "{user}";
  bool lower_case_ = false;
  std::string default_domain_;
  std::string device_suffix_;
};

/// One rule: who it is for, and where they go.
struct Route {
  config::Route conditions;
  UserForm form;
  std::shared_ptr<const Pool> pool;
  /// What its messages go through in place of the listener's; null: nothing. Not set: the
  /// listener's.
  std::optional<std::shared_ptr<const filters::Chain>> chain = {};
  /// What is kept and deleted, in place of the listener's; null: the client decides.
  std::optional<std::shared_ptr<const filters::RetentionPolicy>> retention = {};
  std::string path = {};  ///< where it stands in the configuration: "/routes/2", "/upstream"
};

/// Why a login goes where it goes, for people.
struct RouteStory {
  std::string text;  ///< as of Decision: which route and why, then those that it passed by
  std::string rule;  ///< the path of the route; "" if there is none
};

/// Decides which pool serves a login. Immutable; shared by the sessions of one configuration.
class Router {
 public:
  explicit Router(std::vector<Route> routes) : routes_(std::move(routes)) {}

  /// The first route whose conditions all hold; null if there is none. Valid as long as the router.
  /// Domains, names of servers and users are compared case-blind. A user without a domain counts
  /// as one of the route's default domain. A client without an address (Unix socket), server name
  /// or certificate fulfils no condition about that.
  [[nodiscard]] const Route* route(std::string_view listener, const net::ClientFacts& client,
                                   std::string_view user) const;
  /// The same before the user is known (CRAM-MD5, APOP, CAPA): null also when the answer depends
  /// on the user.
  [[nodiscard]] const Route* route(std::string_view listener, const net::ClientFacts& client) const;

  /// Why that was the answer of route(); `user`: "" while it is not known.
  [[nodiscard]] RouteStory explain(const Route* chosen, std::string_view listener,
                                   const net::ClientFacts& client, std::string_view user) const;
  /// Routes before the one that was chosen that explain() names; further ones it counts.
  static constexpr std::size_t kMaxPassedBy = 8;

 private:
  std::vector<Route> routes_;
};

}  // namespace gatepost::upstream
