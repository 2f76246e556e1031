#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/error.h"
#include "proxy/base/ticket.h"
#include "proxy/net/loop.h"

namespace gatepost::net {

/// Looks names up, off the loop's thread, and remembers the answers for a while. When a later
/// look-up fails, the last good answer goes on being used.
class Resolver {
 public:
  using Done = std::move_only_function<void(Result<std::vector<IpAddress>>)>;

  Resolver(Loop& loop, Duration keep_for);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// What needs no look-up: a literal address, or a name whose last answer is fresh enough.
  [[nodiscard]] std::optional<std::vector<IpAddress>> known(const std::string& host) const;
  /// `done` gets at least one address or an error (`network`), never from inside this call.
  [[nodiscard]] Result<Ticket> resolve(const std::string& host, Done done);

 private:
  friend struct ResolverCallbacks;
  struct Entry {
    std::vector<IpAddress> addresses;
    Instant good_until;
  };
  void finished(const std::string& host, Result<std::vector<IpAddress>> answer, Done done);

  Loop& loop_;
  Duration keep_for_;
  std::map<std::string, Entry> known_;  // as many as the configuration names
  std::shared_ptr<Resolver*> alive_;    // look-ups outlive us: cleared in the destructor
};

}  // namespace gatepost::net
