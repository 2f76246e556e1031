#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "filters/retention/policy.h"
#include "proxy/base/error.h"

namespace gatepost::server {

/// The policies of a configuration, made ready for use.
struct Policies {
  using Policy = std::shared_ptr<const filters::RetentionPolicy>;

  std::map<std::string, Policy> by_name;
  /// Of those whose client decides: null, or a policy of type `client`, so that there are counters
  /// for users under a legal hold.
  Policy client;
  /// Of all these, each once.
  std::vector<std::shared_ptr<const filters::PolicyCounters>> counters;

  /// The policy that a listener or a route names. Fails with `config`.
  [[nodiscard]] Result<Policy> find(const std::string& name) const;
};

/// What the policies that listeners and routes name need, and legal holds.
struct RetentionNeeds {
  bool books = false;   ///< somebody notes something: names are hashed, removals have lines
  bool store = false;   ///< what is noted must outlive a session
  bool always = false;  ///< without the store some clients cannot be served: dry runs go on
};
[[nodiscard]] RetentionNeeds retention_needs(const config::Config& config);

/// Policies that tell messages of this pool apart, each once: by name.
[[nodiscard]] std::vector<const config::RetentionPolicy*> booked_policies(
    const config::Config& config, const std::string& pool);

/// Makes policies. Counters go by name, and stay over reloads.
class PolicyMaker {
 public:
  [[nodiscard]] Policies make(const config::Config& config);

 private:
  [[nodiscard]] Policies::Policy make(const config::RetentionPolicy& config, std::string path,
                                      Policies& policies);

  // A dry run counts apart from the real one.
  std::map<std::pair<std::string, bool>, std::shared_ptr<filters::PolicyCounters>> counters_;
};

}  // namespace gatepost::server
